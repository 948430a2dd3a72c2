//! Where a node is built: under its own name, or under another until it is complete.

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::AsFd as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use casync_core::Name;
use rustix::fs::{self as os, AtFlags, RenameFlags, Stat};
use rustix::io::Errno;

use super::directory::OpenDirectory;
use super::{ApplyOptions, Twin};
use crate::error::{Context as _, Error, Result};
use crate::fs::output::temporary_name;
use crate::fs::{self, meta, remove};

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

    /// Makes the name a link to another file, and removes what was built under it. False: the file cannot be linked here.
    pub(super) fn link(&mut self, twin: &Twin, parent: &OpenDirectory, options: &ApplyOptions) -> Result<bool> {
        let directory = parent.fd();
        let is_twin = |stat: &Stat| (stat.st_dev, stat.st_ino) == (twin.stat.st_dev, twin.stat.st_ino);
        if let Some(built) = &self.temporary
            && os::statat(directory, &self.name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|there| is_twin(&there))
        {
            // A rename would do nothing then, and leave the other name.
            os::unlinkat(directory, built, AtFlags::empty())?;
            self.temporary = None;
            return Ok(true);
        }
        let link = temporary_name(OsStr::from_bytes(self.name.to_bytes())).into_vec();
        let link = CString::new(link).expect("because names hold no NUL");
        // By its descriptor: the name that it was found under may mean something else by now.
        let path = fs::Place::Open(twin.file.as_fd()).proc_path();
        if os::linkat(os::CWD, &path, directory, &link, AtFlags::SYMLINK_FOLLOW).is_err() {
            return Ok(false);
        }
        let built = self.temporary.replace(link.clone());
        if twin.is_unchanged() && self.install(parent, options).is_ok() {
            if let Some(built) = built {
                os::unlinkat(directory, &built, AtFlags::empty())?;
            }
            return Ok(true);
        }
        // Whatever is wrong with the place shows again when what was built is put there.
        let _ = os::unlinkat(directory, &link, AtFlags::empty());
        self.temporary = built;
        Ok(false)
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
