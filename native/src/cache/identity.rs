//! What identifies files in their present state.

use std::os::fd::AsFd as _;

use casync_core::cache::FileIdentity;

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
        let stat = &file.stat;
        FileIdentity {
            device: stat.st_dev,
            inode: stat.st_ino,
            generation: self.generation(file),
            size: stat.st_size as u64,
            mtime: (stat.st_mtime, stat.st_mtime_nsec as u32),
            ctime: (stat.st_ctime, stat.st_ctime_nsec as u32),
        }
    }

    fn generation(&mut self, file: &OpenFile) -> Option<u32> {
        let device = Some(file.stat.st_dev);
        if self.without_generations == device {
            return None;
        }
        let generation = sys::generation(file.fd.as_fd()).ok();
        if generation.is_none() {
            self.without_generations = device;
        }
        generation
    }
}
