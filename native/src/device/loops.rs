//! A disk as a loop device.

use std::ffi::OsStr;
use std::fs::File;
use std::io::PipeReader;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;

use super::private::PrivateFile;
use crate::disk::Disk;
use crate::error::{Context as _, Error, Result};
use crate::sys;
use crate::ui::log;

/// A loop device over a disk that this process serves.
#[derive(Debug)]
pub(super) struct Loop {
    number: u32,
    open: Option<File>,
    served: PrivateFile,
}

impl Loop {
    /// How often somebody else may be faster.
    const TRIES: usize = 100;

    pub(super) fn attach(disk: Arc<dyn Disk>, image: &OsStr, wanted: Option<u32>) -> Result<Self> {
        let (served, file) = PrivateFile::new(Arc::clone(&disk), image)?;
        let writable = disk.is_writable();
        let control = Path::new("/dev/loop-control");
        for _ in 0..Self::TRIES {
            let number = match wanted {
                Some(number) => number,
                None => {
                    let control = File::options().read(true).write(true).open(control);
                    let control = control.context(|| "open \"/dev/loop-control\"")?;
                    sys::free_loop(&control).context(|| "find a free loop device")?
                }
            };
            let path = path(number);
            let device = File::options().read(true).write(writable).open(&path);
            let device = device.context(|| format!("open {path:?}"))?;
            match sys::attach_loop(&device, file.as_fd(), image.as_bytes(), !writable) {
                Ok(()) => return Ok(Self { number, open: Some(device), served }),
                // Somebody else has it by now.
                Err(Errno::BUSY) if wanted.is_none() => {}
                Err(errno) => return Err(Error::from(errno).context(format!("attach {path:?}"))),
            }
        }
        Err(Error::from(Errno::BUSY).context("find a free loop device"))
    }

    pub(super) fn path(&self) -> PathBuf {
        path(self.number)
    }

    pub(super) const fn take_open(&mut self) -> Option<File> {
        self.open.take()
    }

    /// Can be read when the file is served no longer.
    pub(super) const fn ended(&self) -> &PipeReader {
        self.served.ended()
    }

    /// Nobody holds it any more: ends serving the file.
    pub(super) fn detach(self) {
        if Path::new(&format!("/sys/block/loop{}/loop/backing_file", self.number)).exists() {
            let path = self.path();
            log::info(format_args!("{} is still in use: it is detached when it is not any more.", path.display()));
        }
    }
}

fn path(number: u32) -> PathBuf {
    PathBuf::from(format!("/dev/loop{number}"))
}
