//! A disk as a network block device of the kernel. The other end of its socket is in this process.

use std::fs::File;
use std::io::PipeReader;
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::netlink::{Family, attribute, nested};
use crate::disk::{Disk, SECTOR};
use crate::error::{Context as _, Error, Result};
use crate::nbd::{self, Export};
use crate::ui::log;

/// `NBD_CMD_*` of the netlink family.
mod command {
    pub(super) const CONNECT: u8 = 1;
    pub(super) const DISCONNECT: u8 = 2;
    pub(super) const RECONFIGURE: u8 = 3;
}

/// `NBD_ATTR_*`
mod kind {
    pub(super) const INDEX: u16 = 1;
    pub(super) const SIZE_BYTES: u16 = 2;
    pub(super) const BLOCK_SIZE_BYTES: u16 = 3;
    pub(super) const SERVER_FLAGS: u16 = 5;
    pub(super) const CLIENT_FLAGS: u16 = 6;
    pub(super) const SOCKETS: u16 = 7;
    /// Within `SOCKETS`, and within that.
    pub(super) const SOCKET_ITEM: u16 = 1;
    pub(super) const SOCKET_FD: u16 = 1;
}

/// `NBD_CFLAG_DISCONNECT_ON_CLOSE`
const DISCONNECT_ON_CLOSE: u64 = 1 << 1;

/// A device that is attached.
#[derive(Debug)]
pub(super) struct Nbd {
    family: Family,
    number: u32,
    open: Option<File>,
    ended: PipeReader,
    server: JoinHandle<()>,
}

impl Nbd {
    /// How long the device may take to appear.
    const PATIENCE: Duration = Duration::from_secs(5);

    pub(super) fn attach(family: Family, disk: Arc<dyn Disk>, wanted: Option<u32>) -> Result<Self> {
        let (kernel, own) = UnixStream::pair()?;
        let export = Export { name: "device".to_owned(), disk };
        let mut attributes = vec![
            attribute(kind::SIZE_BYTES, &export.disk.size().to_ne_bytes()),
            // Not more: partition tables and file systems count in blocks of the device that they were made on.
            attribute(kind::BLOCK_SIZE_BYTES, &SECTOR.to_ne_bytes()),
            attribute(kind::SERVER_FLAGS, &u64::from(nbd::kernel_flags(&export)).to_ne_bytes()),
            nested(
                kind::SOCKETS,
                &[nested(kind::SOCKET_ITEM, &[attribute(kind::SOCKET_FD, &kernel.as_raw_fd().to_ne_bytes())])],
            ),
        ];
        attributes.extend(wanted.map(|number| attribute(kind::INDEX, &number.to_ne_bytes())));
        // The kernel reads partition tables while it attaches.
        let (ended, end) = std::io::pipe()?;
        let server = Builder::new().name("device".to_owned()).spawn(move || {
            if let Err(error) = nbd::serve_kernel(&own, &export) {
                log::error(format_args!("Failed to serve the device: {error}"));
            }
            drop(end);
        })?;
        let answer = family.ask(command::CONNECT, attributes).map_err(|error| match (error.errno(), wanted) {
            (Errno::BUSY, Some(number)) => error.context(format!("attach \"/dev/nbd{number}\"")),
            _ => error.context("attach a network block device"),
        })?;
        let number = answer.iter().find(|(number, _)| *number == kind::INDEX);
        let number = number.and_then(|(_, value)| value.first_chunk()).map(|bytes| u32::from_ne_bytes(*bytes));
        let number =
            number.or(wanted).ok_or_else(|| Error::new(Errno::BADMSG, "the kernel does not say which it is"))?;
        let mut attached = Self { family, number, open: None, ended, server };
        match attached.open_device() {
            Ok(device) => attached.open = Some(device),
            Err(error) => {
                attached.disconnect();
                return Err(error);
            }
        }
        Ok(attached)
    }

    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/dev/nbd{}", self.number))
    }

    pub(super) const fn take_open(&mut self) -> Option<File> {
        self.open.take()
    }

    /// Somebody has it open: from now on it is detached when nobody has.
    pub(super) fn held(&self) -> Result<()> {
        self.set_flags(DISCONNECT_ON_CLOSE).context(|| format!("tell how {:?} is to end", self.path()))
    }

    fn set_flags(&self, flags: u64) -> Result<()> {
        let flags = attribute(kind::CLIENT_FLAGS, &flags.to_ne_bytes());
        self.family.ask(command::RECONFIGURE, vec![self.index(), flags]).map(drop)
    }

    /// Can be read when it is detached.
    pub(super) const fn ended(&self) -> &PipeReader {
        &self.ended
    }

    /// To be called while it is still held: later the number may be another device's.
    pub(super) fn detach(self) {
        // Once is enough. If that fails, it is detached already.
        let _ = self.set_flags(0);
        self.disconnect();
        let _ = self.server.join();
    }

    fn disconnect(&self) {
        match self.family.ask(command::DISCONNECT, vec![self.index()]) {
            Ok(_) => {}
            // It is detached already.
            Err(error) if matches!(error.errno(), Errno::INVAL | Errno::NOENT | Errno::NOTCONN) => {}
            Err(error) => log::error(format_args!("Failed to detach {}: {error}", self.path().display())),
        }
    }

    fn index(&self) -> super::netlink::Attribute {
        attribute(kind::INDEX, &self.number.to_ne_bytes())
    }

    /// Opens the device, whose node may have to be made first.
    fn open_device(&self) -> Result<File> {
        let (path, started) = (self.path(), Instant::now());
        loop {
            match File::open(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && started.elapsed() < Self::PATIENCE => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                opened => return opened.context(|| format!("open {path:?}")),
            }
        }
    }
}
