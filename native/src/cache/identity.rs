//! What identifies files in their present state.

use std::os::fd::{AsFd as _, BorrowedFd};

use casync_core::cache::FileIdentity;
use rustix::fs::Stat;

use crate::fs::walk::OpenFile;
use crate::sys;

/// Identifies files.
#[derive(Debug, Default)]
pub struct Identifier {
    /// The last device that had no generations.
    without_generations: Option<u64>,
}

impl Identifier {
    /// The identity of an open file, with the state that it had when it was opened.
    pub fn identify(&mut self, file: &OpenFile) -> FileIdentity {
        self.identify_as(file.fd.as_fd(), &file.stat)
    }

    /// The identity of any file, in this state.
    pub fn identify_as(&mut self, file: BorrowedFd<'_>, stat: &Stat) -> FileIdentity {
        FileIdentity {
            device: stat.st_dev,
            inode: stat.st_ino,
            generation: self.generation(file, stat.st_dev),
            size: stat.st_size as u64,
            mtime: (stat.st_mtime, stat.st_mtime_nsec as u32),
            ctime: (stat.st_ctime, stat.st_ctime_nsec as u32),
        }
    }

    fn generation(&mut self, file: BorrowedFd<'_>, device: u64) -> Option<u32> {
        let device = Some(device);
        if self.without_generations == device {
            return None;
        }
        let generation = sys::generation(file).ok();
        if generation.is_none() {
            self.without_generations = device;
        }
        generation
    }
}
