//! Links, devices, pipes and sockets: nodes without content.

use casync_core::Name;
use casync_core::archive::{Content, Node};
use rustix::fs::{self as os, FileType as OsFileType, Mode};
use rustix::io::Errno;

use super::ApplyOptions;
use super::directory::OpenDirectory;
use super::place::Place;
use crate::error::{Context as _, Result};
use crate::fs::meta::MetadataWriter;

/// Makes such a node, metadata and all.
pub(super) fn make(
    parent: &OpenDirectory,
    name: &Name,
    node: &Node,
    metadata: &mut MetadataWriter,
    options: &ApplyOptions,
) -> Result<()> {
    let mut place = Place::choose(parent, name);
    let mode = metadata.mode(&node.metadata, node.content.file_type());
    create(parent, &place, &node.content, mode)?;
    let done = metadata
        .finish_unopened(parent.fd(), place.name(), node, mode, parent.inherited())
        .and_then(|()| place.install(parent, options));
    if done.is_err() {
        place.discard(parent);
    }
    done
}

fn create(parent: &OpenDirectory, place: &Place, content: &Content, mode: u32) -> Result<()> {
    let node = |kind, device| {
        // Set-id bits come with the owner.
        os::mknodat(parent.fd(), place.name(), kind, Mode::from_raw_mode(mode & 0o777), device)
    };
    let (made, what) = match content {
        Content::Symlink { target } => (os::symlinkat(&**target, parent.fd(), place.name()), "make the link"),
        Content::Fifo => (node(OsFileType::Fifo, 0), "make the named pipe"),
        Content::Socket => (node(OsFileType::Socket, 0), "make the socket"),
        Content::Block(device) => {
            (node(OsFileType::BlockDevice, os::makedev(device.major, device.minor)), "make the block device")
        }
        Content::Character(device) => {
            (node(OsFileType::CharacterDevice, os::makedev(device.major, device.minor)), "make the character device")
        }
        Content::Directory | Content::Regular { .. } => (Err(Errno::INVAL), "make a node without content"),
    };
    made.context(|| what).map_err(|error| match content {
        Content::Block(_) | Content::Character(_) => {
            error.hint("only root can make devices; leave them out with --without=device-nodes")
        }
        _ => error,
    })
}
