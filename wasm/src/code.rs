//! Stable codes of errors, the same on every surface.

use casync_core::Error;
use casync_core::error::Unsupported;

/// What kind of error it is. Names and numbers do not change between versions; messages may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Code {
    /// The bytes break the format.
    Format = 1,
    /// The input ended inside something.
    Truncated = 2,
    /// The bytes of a chunk do not belong to its id.
    Mismatch = 3,
    /// A limit was passed.
    Limit = 4,
    /// The input needs something newer than this version.
    Unsupported = 5,
    /// The input needs a codec that was left out of this build.
    Codec = 6,
    /// The caller asked for something that makes no sense.
    Usage = 7,
    /// An amount that a number cannot hold exactly.
    #[cfg(feature = "bindgen")]
    Number = 8,
    /// A bug: drop the instance.
    #[cfg(feature = "bindgen")]
    Internal = 9,
}

impl Code {
    /// The code of an error of the core.
    pub(crate) const fn of(error: &Error) -> Self {
        match error {
            Error::Format { .. } => Self::Format,
            Error::Truncated { .. } => Self::Truncated,
            Error::Mismatch { .. } => Self::Mismatch,
            Error::Limit { .. } => Self::Limit,
            Error::Unsupported(Unsupported::Codec(_)) => Self::Codec,
            Error::Unsupported(_) => Self::Unsupported,
            // Errors that the core may get later are not the input's fault until they are given a code.
            _ => Self::Usage,
        }
    }

    /// The code as JavaScript sees it.
    #[cfg(any(feature = "bindgen", feature = "component"))]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Truncated => "truncated",
            Self::Mismatch => "mismatch",
            Self::Limit => "limit",
            Self::Unsupported => "unsupported",
            Self::Codec => "codec",
            Self::Usage => "usage",
            #[cfg(feature = "bindgen")]
            Self::Number => "number",
            #[cfg(feature = "bindgen")]
            Self::Internal => "internal",
        }
    }
}
