//! File capabilities.

use std::os::fd::BorrowedFd;

use rustix::fs::{XattrFlags, fsetxattr};

use crate::error::Result;

/// The attribute that holds them.
pub(crate) const NAME: &[u8] = b"security.capability";

/// Sets capabilities. A change of owner afterwards would remove them.
pub(super) fn apply(file: BorrowedFd<'_>, capabilities: &[u8]) -> Result<()> {
    Ok(fsetxattr(file, NAME, capabilities, XattrFlags::empty())?)
}
