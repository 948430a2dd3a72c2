//! Writes the nodes of an archive as a tar file.

use std::io::Write;

use casync_core::Name;
use casync_core::archive::{Content, Node};

use super::header;
pub use super::header::TarOptions;
use crate::error::{Context as _, Result};

/// Writes a tar file, node by node, in archive order.
///
/// Names begin with `./`, as those of `tar -C DIRECTORY -c .`; the end is two blocks of zeros. What tar files cannot hold is
/// left out: chattr flags, project ids, subvolumes, and sockets, which are counted.
#[derive(Debug)]
pub struct TarWriter<W> {
    output: W,
    options: TarOptions,
    /// Path of the node under way, with a slash at its end if it is a directory.
    path: Vec<u8>,
    /// Lengths of the paths of the nodes that this one is in.
    above: Vec<usize>,
    /// Name of the topmost node, if it is not the root of the archive.
    first_name: Option<Name>,
    /// Bytes that fill the last block of the file under way.
    padding: usize,
    sockets: u64,
}

impl<W: Write> TarWriter<W> {
    /// Begins. `first_name` is for the topmost node, if it is only a part of an archive.
    pub fn new(output: W, first_name: Option<Name>, options: TarOptions) -> Self {
        let (path, above) = (b"./".to_vec(), Vec::new());
        Self { output, options, path, above, first_name, padding: 0, sockets: 0 }
    }

    /// Path of the node under way, for messages.
    pub fn shown_path(&self) -> String {
        String::from_utf8_lossy(&self.path).into_owned()
    }

    /// Sockets that were left out.
    pub const fn sockets(&self) -> u64 {
        self.sockets
    }

    /// Begins a node.
    ///
    /// # Errors
    ///
    /// If it cannot be represented or written.
    pub fn enter(&mut self, name: Option<&Name>, node: &Node) -> Result<()> {
        self.above.push(self.path.len());
        let first = if name.is_none() { self.first_name.take() } else { None };
        if let Some(name) = name.or(first.as_ref()) {
            self.path.extend_from_slice(name);
            if node.content == Content::Directory {
                self.path.push(b'/');
            }
        }
        if !self.options.features.contains(node.content.file_type().feature()) {
            return Ok(());
        }
        if node.content == Content::Socket {
            self.sockets += 1;
            return Ok(());
        }
        let headers = header::of(&self.path, node, self.options)?;
        if let Content::Regular { size } = node.content {
            self.padding = (size.wrapping_neg() % 512) as usize;
        }
        self.output.write_all(&headers).context(|| "write the tar")
    }

    /// Writes payload of the file under way.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn payload(&mut self, bytes: &[u8]) -> Result<()> {
        self.output.write_all(bytes).context(|| "write the tar")
    }

    /// Ends a node.
    ///
    /// # Errors
    ///
    /// If what fills its last block cannot be written.
    pub fn leave(&mut self) -> Result<()> {
        self.path.truncate(self.above.pop().unwrap_or(0));
        let padding = std::mem::take(&mut self.padding);
        self.output.write_all(&[0; 512][..padding]).context(|| "write the tar")
    }

    /// Ends the tar.
    ///
    /// # Errors
    ///
    /// If its end cannot be written.
    pub fn finish(mut self) -> Result<()> {
        self.output.write_all(&[0; 1024]).and_then(|()| self.output.flush()).context(|| "write the tar")
    }
}
