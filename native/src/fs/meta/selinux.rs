//! SELinux labels.

use rustix::fs::{XattrFlags, fremovexattr, fsetxattr, lsetxattr, setxattr};

use crate::error::Result;
use crate::fs::Place;

/// The attribute that holds the label.
pub(crate) const NAME: &[u8] = b"security.selinux";

/// The label in a value: up to the first NUL; `None` if that is nothing.
pub(super) fn read(value: &[u8]) -> Option<Box<[u8]>> {
    let label = value.split(|&byte| byte == 0).next()?;
    (!label.is_empty()).then(|| label.into())
}

/// Sets a label.
pub(super) fn apply(place: Place<'_>, label: &[u8]) -> Result<()> {
    let mut value = label.to_vec();
    value.push(0);
    Ok(match place {
        Place::Open(file) => fsetxattr(file, NAME, &value, XattrFlags::empty()),
        Place::Pointer(_) => setxattr(place.proc_path(), NAME, &value, XattrFlags::empty()),
        Place::Entry { .. } => lsetxattr(place.proc_path(), NAME, &value, XattrFlags::empty()),
    }?)
}

/// Removes the label of a node whose archive has none. Where SELinux is on, every node has one, and the kernel does not
/// allow this: then the system's choice stays.
pub(super) fn remove(place: Place<'_>) {
    if let Place::Open(file) = place {
        let _ = fremovexattr(file, NAME);
    }
}
