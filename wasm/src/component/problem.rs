//! What keeps a request from being answered.

use core::fmt;

use crate::code::Code;

/// An error with a stable code, the same as elsewhere in this crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) code: &'static str,
    message: String,
    /// Whether the same request may succeed a moment later.
    pub(super) is_passing: bool,
}

impl Problem {
    pub(super) const fn new(code: &'static str, message: String) -> Self {
        Self { code, message, is_passing: false }
    }

    pub(super) const fn passing(code: &'static str, message: String) -> Self {
        Self { code, message, is_passing: true }
    }

    /// Says what it was about.
    pub(super) fn about(self, what: &str) -> Self {
        Self { message: format!("{what}: {}", self.message), ..self }
    }

    /// Whether bytes came that are not what they should be.
    pub(super) fn is_damage(&self) -> bool {
        matches!(self.code, "format" | "truncated" | "mismatch" | "limit")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl From<casync_core::Error> for Problem {
    fn from(error: casync_core::Error) -> Self {
        Self::new(Code::of(&error).name(), error.to_string())
    }
}
