//! Where a node is built: under its own name, or under another until it is complete.

use std::ffi::{CStr, CString, OsStr};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use casync_core::Name;
use rustix::fs::{self as os, AtFlags, RenameFlags};
use rustix::io::Errno;

use super::ApplyOptions;
use super::directory::OpenDirectory;
use crate::error::{Context as _, Error, Result};
use crate::fs::output::temporary_name;
use crate::fs::{meta, remove};

/// The name of a node that is being made.
#[derive(Debug)]
pub(super) struct Place {
    name: CString,
    temporary: Option<CString>,
}

impl Place {
    /// The node's own name in a directory that this run has made and nobody else has put anything in; else a temporary
    /// one, so that what stands there stays until the node is complete.
    pub(super) fn choose(parent: &OpenDirectory, name: &Name) -> Self {
        if parent.is_fresh() { Self::final_name(name) } else { Self::temporary(name) }
    }

    pub(super) fn final_name(name: &Name) -> Self {
        Self { name: c_name(name), temporary: None }
    }

    pub(super) fn temporary(name: &Name) -> Self {
        let temporary = temporary_name(OsStr::from_bytes(name)).into_vec();
        let temporary = CString::new(temporary).expect("because names hold no NUL");
        Self { name: c_name(name), temporary: Some(temporary) }
    }

    /// The name to build the node under.
    pub(super) fn name(&self) -> &CStr {
        self.temporary.as_deref().unwrap_or(&self.name)
    }

    /// Gives the node its own name and removes what was there.
    pub(super) fn install(&mut self, parent: &OpenDirectory, options: &ApplyOptions) -> Result<()> {
        let Some(temporary) = &self.temporary else { return Ok(()) };
        let directory = parent.fd();
        let mut renamed = os::renameat(directory, temporary, directory, &self.name);
        if renamed == Err(Errno::PERM) && options.undo_immutable {
            meta::undo_immutable_entry(directory, &self.name)?;
            renamed = os::renameat(directory, temporary, directory, &self.name);
        }
        match renamed {
            Ok(()) => {}
            // A directory in place of something else, or the reverse.
            Err(Errno::ISDIR | Errno::NOTDIR | Errno::EXIST | Errno::NOTEMPTY) => {
                self.exchange(parent, temporary, options)?;
            }
            Err(errno) => return Err(Error::from(errno).context("replace what was there")),
        }
        self.temporary = None;
        Ok(())
    }

    /// Changes places with what is there, and removes that.
    fn exchange(&self, parent: &OpenDirectory, temporary: &CStr, options: &ApplyOptions) -> Result<()> {
        let directory = parent.fd();
        match os::renameat_with(directory, temporary, directory, &self.name, RenameFlags::EXCHANGE) {
            Ok(()) => remove::entry(directory, temporary, options.undo_immutable),
            Err(Errno::INVAL | Errno::NOSYS) => {
                remove::entry(directory, &self.name, options.undo_immutable)?;
                Ok(os::renameat(directory, temporary, directory, &self.name)?)
            }
            Err(errno) => Err(errno.into()),
        }
        .context(|| "replace what was there")
    }

    /// Removes the node if it has only a temporary name.
    pub(super) fn discard(&self, parent: &OpenDirectory) {
        if let Some(temporary) = &self.temporary {
            let directory = parent.fd();
            if os::unlinkat(directory, temporary, AtFlags::empty()) == Err(Errno::ISDIR) {
                let _ = remove::entry(directory, temporary, false);
            }
        }
    }
}

pub(super) fn c_name(name: &Name) -> CString {
    CString::new(name.as_bytes()).expect("because names hold no NUL")
}
