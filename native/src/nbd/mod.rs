//! Images as network block devices: the NBD protocol, fixed newstyle, for qemu, libnbd and the kernel.
//!
//! ```text
//! listener > thread of a connection [handshake > requests] > workers [disk > answer]
//! ```
//!
//! Each connection has a few workers, so that requests that wait for a network do not wait for each other; answers go out in
//! the order in which they are ready. What is in flight is bounded by bytes.

mod connection;
mod handshake;
mod room;
mod server;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;

use rustix::io::Errno;

pub use connection::{serve, serve_kernel};
pub use server::{Endpoint, Server};

use crate::disk::Disk;
use crate::error::{Error, Result};

/// A disk under a name.
#[derive(Clone, Debug)]
pub struct Export {
    /// What clients call it.
    pub name: String,
    /// What it holds.
    pub disk: Arc<dyn Disk>,
}

/// What the kernel is to know of a disk that it is the client of: the flags of its export.
pub(crate) fn kernel_flags(export: &Export) -> u16 {
    handshake::flags(export)
}

/// All exports of a server. The first one also has the empty name, for clients that name none.
#[derive(Clone, Debug, Default)]
pub struct Exports {
    first: Option<String>,
    by_name: BTreeMap<String, Export>,
}

impl Exports {
    /// Longest name that the protocol has.
    const NAME_MAX: usize = 4096;

    /// Adds one.
    ///
    /// # Errors
    ///
    /// If the name is taken, or cannot be one.
    pub fn add(&mut self, export: Export) -> Result<()> {
        let name = export.name.clone();
        if name.is_empty() || name.len() > Self::NAME_MAX {
            return Err(Error::new(Errno::INVAL, format!("{name:?} cannot be the name of an export")));
        }
        if self.by_name.contains_key(&name) {
            return Err(Error::new(Errno::EXIST, format!("two exports have the name {name:?}"))
                .hint("NAME=INDEX gives an export another name"));
        }
        self.first.get_or_insert_with(|| name.clone());
        self.by_name.insert(name, export);
        Ok(())
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Export> {
        self.by_name.values()
    }

    fn find(&self, name: &[u8]) -> Option<&Export> {
        let name = match name {
            b"" => self.first.as_deref()?,
            name => str::from_utf8(name).ok()?,
        };
        self.by_name.get(name)
    }
}
