//! SELinux labels.

use rustix::fs::{XattrFlags, fsetxattr, lsetxattr};

use crate::error::Result;
use crate::fs::Place;

/// The attribute that holds the label.
pub(super) const NAME: &[u8] = b"security.selinux";

/// The label in a value: up to the first NUL; `None` if that is nothing.
pub(super) fn read(value: &[u8]) -> Option<Box<[u8]>> {
    let label = value.split(|&byte| byte == 0).next()?;
    (!label.is_empty()).then(|| label.into())
}

/// Sets a label. Nodes whose archive has none keep what the system gave them.
pub(super) fn apply(place: Place<'_>, label: &[u8]) -> Result<()> {
    let mut value = label.to_vec();
    value.push(0);
    Ok(match place {
        Place::Open(file) => fsetxattr(file, NAME, &value, XattrFlags::empty()),
        Place::Entry { .. } => lsetxattr(place.proc_path(), NAME, &value, XattrFlags::empty()),
    }?)
}
