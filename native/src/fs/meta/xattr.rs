//! Extended attributes: one listing a node tells which families are there at all.

use std::ffi::CStr;
use std::os::fd::BorrowedFd;

use casync_core::archive::{FileType, Metadata, Xattr};
use casync_core::record::{FeatureFlags, XattrRecord};
use rustix::buffer::spare_capacity;
use rustix::fs::{self, XattrFlags};
use rustix::io::Errno;

use super::{OwnerNames, acl, fcaps, selinux};
use crate::error::{Error, Result};
use crate::fs::Place;

/// Largest list and largest value that Linux has (`XATTR_LIST_MAX`, `XATTR_SIZE_MAX`).
const LARGEST: usize = 64 << 10;

/// Reads everything that the kernel shows as extended attributes.
#[derive(Debug)]
pub(super) struct Lister {
    features: FeatureFlags,
    names: Vec<u8>,
    value: Vec<u8>,
}

impl Lister {
    pub(super) fn new(features: FeatureFlags) -> Self {
        Self { features, names: Vec::with_capacity(LARGEST), value: Vec::new() }
    }

    pub(super) fn read(
        &mut self,
        place: Place<'_>,
        file_type: FileType,
        owners: &mut OwnerNames,
        metadata: &mut Metadata,
    ) -> Result<()> {
        let kinds = match file_type {
            FileType::Regular => FeatureFlags::XATTRS | FeatureFlags::ACL | FeatureFlags::SELINUX | FeatureFlags::FCAPS,
            FileType::Directory => FeatureFlags::XATTRS | FeatureFlags::ACL | FeatureFlags::SELINUX,
            FileType::Symlink => FeatureFlags::SELINUX,
            _ => FeatureFlags::ACL | FeatureFlags::SELINUX,
        };
        let wanted = self.features & kinds;
        if wanted.is_empty() || !self.list(place)? {
            return Ok(());
        }
        let names = std::mem::take(&mut self.names);
        let read = self.read_listed(&names, place, wanted, owners, metadata);
        self.names = names;
        read
    }

    fn read_listed(
        &mut self,
        names: &[u8],
        place: Place<'_>,
        wanted: FeatureFlags,
        owners: &mut OwnerNames,
        metadata: &mut Metadata,
    ) -> Result<()> {
        for name in names.split_inclusive(|&byte| byte == 0) {
            let Ok(name) = CStr::from_bytes_with_nul(name) else { continue };
            let feature = match name.to_bytes() {
                acl::ACCESS | acl::DEFAULT => FeatureFlags::ACL,
                fcaps::NAME => FeatureFlags::FCAPS,
                selinux::NAME => FeatureFlags::SELINUX,
                other if XattrRecord::is_stored(other) && !is_shadow(other) => FeatureFlags::XATTRS,
                _ => continue,
            };
            if !wanted.contains(feature) || !self.value(place, name)? {
                continue;
            }
            let value = self.value.as_slice();
            match name.to_bytes() {
                acl::ACCESS => acl::read_access(value, owners, metadata)?,
                acl::DEFAULT => acl::read_default(value, owners, metadata)?,
                fcaps::NAME => metadata.fcaps = Some(value.into()),
                selinux::NAME => metadata.selinux = selinux::read(value),
                other => metadata.xattrs.push(Xattr { name: other.into(), value: value.into() }),
            }
        }
        Ok(())
    }

    /// Lists the names. False: there are none, or the file system knows none.
    fn list(&mut self, place: Place<'_>) -> Result<bool> {
        self.names.clear();
        self.names.reserve(LARGEST);
        let listed = match place {
            Place::Open(file) => fs::flistxattr(file, spare_capacity(&mut self.names)),
            Place::Pointer(_) => fs::listxattr(place.proc_path(), spare_capacity(&mut self.names)),
            Place::Entry { .. } => fs::llistxattr(place.proc_path(), spare_capacity(&mut self.names)),
        };
        match listed {
            Ok(length) => Ok(length > 0),
            Err(Errno::OPNOTSUPP | Errno::BADF) => Ok(false),
            Err(errno) => Err(Error::from(errno).context("list extended attributes")),
        }
    }

    /// Reads a value. False: it has just vanished.
    fn value(&mut self, place: Place<'_>, name: &CStr) -> Result<bool> {
        self.value.clear();
        self.value.reserve(LARGEST);
        let read = match place {
            Place::Open(file) => fs::fgetxattr(file, name, spare_capacity(&mut self.value)),
            Place::Pointer(_) => fs::getxattr(place.proc_path(), name, spare_capacity(&mut self.value)),
            Place::Entry { .. } => fs::lgetxattr(place.proc_path(), name, spare_capacity(&mut self.value)),
        };
        match read {
            Ok(_) => Ok(true),
            Err(Errno::NODATA) => Ok(false),
            Err(errno) => {
                let what = format!("read extended attribute {:?}", name.to_string_lossy());
                Err(Error::from(errno).context(what))
            }
        }
    }
}

/// Sets attributes. `stale`: there may be others already, which are removed. `refused` decides what becomes of failures.
pub(super) fn apply(
    file: BorrowedFd<'_>,
    wanted: &[Xattr],
    stale: bool,
    mut refused: impl FnMut(Error) -> Result<()>,
) -> Result<()> {
    if stale {
        remove_others(file, wanted).or_else(&mut refused)?;
    }
    for xattr in wanted.iter().filter(|xattr| !is_shadow(&xattr.name)) {
        let name: &[u8] = &xattr.name;
        if let Err(errno) = fs::fsetxattr(file, name, &xattr.value, XattrFlags::empty()) {
            refused(Error::from(errno).context(format!("{:?}", String::from_utf8_lossy(name))))?;
        }
    }
    Ok(())
}

fn remove_others(file: BorrowedFd<'_>, wanted: &[Xattr]) -> Result<()> {
    let mut names = Vec::with_capacity(LARGEST);
    match fs::flistxattr(file, spare_capacity(&mut names)) {
        Ok(_) => {}
        Err(Errno::OPNOTSUPP | Errno::BADF) if wanted.is_empty() => return Ok(()),
        Err(errno) => return Err(errno.into()),
    }
    for name in names.split(|&byte| byte == 0).filter(|name| XattrRecord::is_stored(name) && !is_shadow(name)) {
        if !wanted.iter().any(|xattr| *xattr.name == *name) {
            fs::fremovexattr(file, name)?;
        }
    }
    Ok(())
}

/// Whether XFS shows something else under this name: root sees ACLs there a second time, and to remove the one would
/// remove the other.
fn is_shadow(name: &[u8]) -> bool {
    name.starts_with(b"trusted.SGI_")
}
