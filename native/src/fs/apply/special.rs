//! Links, devices, pipes and sockets: nodes without content.

use std::os::fd::{AsFd as _, OwnedFd};

use casync_core::Name;
use casync_core::archive::{Content, FileType, Node};
use rustix::fs::{self as os, FileType as OsFileType, Mode, OFlags};
use rustix::io::Errno;

use super::ApplyOptions;
use super::directory::OpenDirectory;
use super::place::Place;
use crate::error::{Error, Result};
use crate::fs::beneath::{self, Mounts};
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
    if let Err(errno) = create(parent, &place, &node.content, mode) {
        let (what, without) = describe(&node.content);
        return match errno {
            // What FAT says to links and pipes, and all file systems to devices that root does not make.
            Errno::PERM | Errno::OPNOTSUPP => metadata.attribute(Err(errno.into()), &format!("make {what}"), without),
            _ => Err(Error::from(errno).context(format!("make {what}"))),
        };
    }
    let done = open(parent, &place, node.content.file_type())
        .and_then(|file| metadata.finish_unopened(file.as_fd(), node, mode, parent.inherited()))
        .and_then(|()| place.install(parent, options));
    if done.is_err() {
        place.discard(parent);
    }
    done
}

fn create(parent: &OpenDirectory, place: &Place, content: &Content, mode: u32) -> Result<(), Errno> {
    let node = |kind, device| {
        // Set-id bits come with the owner.
        os::mknodat(parent.fd(), place.name(), kind, Mode::from_raw_mode(mode & 0o777), device)
    };
    match content {
        Content::Symlink { target } => os::symlinkat(&**target, parent.fd(), place.name()),
        Content::Fifo => node(OsFileType::Fifo, 0),
        Content::Socket => node(OsFileType::Socket, 0),
        Content::Block(device) => node(OsFileType::BlockDevice, os::makedev(device.major, device.minor)),
        Content::Character(device) => node(OsFileType::CharacterDevice, os::makedev(device.major, device.minor)),
        Content::Directory | Content::Regular { .. } => Err(Errno::INVAL),
    }
}

/// A pointer at the node that was just made.
fn open(parent: &OpenDirectory, place: &Place, file_type: FileType) -> Result<OwnedFd> {
    let file = beneath::open(parent.fd(), place.name(), OFlags::PATH, Mode::empty(), Mounts::Refuse)?;
    if parent.is_closed() {
        return Ok(file);
    }
    // Who can write here can put a link to some other node in its place.
    let stat = os::fstat(&file)?;
    if FileType::of(stat.st_mode) != Some(file_type) || stat.st_nlink != 1 {
        return Err(Error::new(Errno::STALE, "somebody has put another node in its place"));
    }
    Ok(file)
}

/// What a node is called, and what leaves such nodes out.
const fn describe(content: &Content) -> (&'static str, &'static str) {
    match content {
        Content::Symlink { .. } => ("the symbolic link", "--without=symlinks"),
        Content::Fifo => ("the named pipe", "--without=fifos"),
        Content::Socket => ("the socket", "--without=sockets"),
        Content::Block(_) => ("the block device", "--without=device-nodes"),
        Content::Character(_) => ("the character device", "--without=device-nodes"),
        Content::Directory | Content::Regular { .. } => ("the node", ""),
    }
}
