//! File names that are safe to join to a path.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;

use crate::error::{Malformed, Result};

/// The name of one directory entry: 1 to 255 bytes, no `/`, no NUL, not `.` or `..` (spec: catar.md 2.1).
///
/// Names are bytes without encoding. Whatever comes out of an archive is a `Name` before anything can join it to a path.
///
/// ```
/// use casync_core::Name;
///
/// assert!(Name::new(b"usr").is_ok());
/// assert!(Name::new(b"..").is_err());
/// assert!(Name::new(b"a/b").is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Box<[u8]>);

impl Name {
    /// Longest name, in bytes.
    pub const MAX: usize = 255;

    /// Checks and copies a name.
    ///
    /// # Errors
    ///
    /// [`Malformed::Name`] if no directory entry can have this name.
    pub fn new(bytes: &[u8]) -> Result<Self> {
        Self::check(bytes)?;
        Ok(Self(bytes.into()))
    }

    /// Checks a name without copying it.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn check(bytes: &[u8]) -> Result<()> {
        let impossible = bytes.is_empty()
            || bytes.len() > Self::MAX
            || bytes == b"."
            || bytes == b".."
            || bytes.iter().any(|&byte| byte == b'/' || byte == 0);
        if impossible { Err(Malformed::Name.into()) } else { Ok(()) }
    }

    /// The bytes of the name.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Deref for Name {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<Vec<u8>> for Name {
    type Error = crate::Error;

    fn try_from(bytes: Vec<u8>) -> Result<Self> {
        Self::check(&bytes)?;
        Ok(Self(bytes.into_boxed_slice()))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}
