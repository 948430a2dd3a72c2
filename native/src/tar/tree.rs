//! The tree that the members of a tar file make: only names, and where each member begins.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use casync_core::Name;
use casync_core::archive::FileType;
use rustix::io::Errno;

use super::member::{Member, Next, TarFile};
use super::metadata::{GLOBAL, Type};
use super::pax::Records;
use crate::error::{Context as _, Error, Result};
use crate::flow::stop;

/// Components of the longest path that archives hold.
const DEPTH_MAX: usize = 63;
/// Rounds in which links to members that come later are followed.
const ROUNDS: usize = 64;
/// Times that global records may change.
const GLOBALS_MAX: usize = 4096;

/// A tar file and the places of its members.
#[derive(Debug)]
pub struct TarTree {
    pub(super) file: TarFile,
    /// The root is the first.
    pub(super) nodes: Vec<Node>,
    /// Global records, and the offset from which they count.
    globals: Vec<(u64, Arc<[u8]>)>,
    /// Hard links whose target has not come yet: the node, its path, the target.
    pending: Vec<(usize, Vec<u8>, Vec<u8>)>,
}

/// A name in the tree.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) what: What,
    pub(super) children: BTreeMap<Box<[u8]>, usize>,
}

/// What has a name. Hard links are what they link to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum What {
    /// A directory that no member describes.
    #[default]
    MissingDirectory,
    /// A directory described by the member at this offset.
    Directory(u64),
    /// Anything else.
    Other(u64),
    /// A link whose target has not come yet.
    Pending,
}

impl TarTree {
    /// Reads the headers of a tar in a regular file.
    ///
    /// Memory: for each member its name and about 150 bytes.
    ///
    /// # Errors
    ///
    /// If it is no tar, is cut or damaged, or has names that lead out of it.
    pub fn read(fd: OwnedFd) -> Result<Self> {
        let file = TarFile::new(fd)?;
        if !file.is_tar() {
            return Err(
                Error::new(Errno::BADMSG, "this is no tar file").hint("a compressed tar must be decompressed first")
            );
        }
        let mut tree = Self { file, nodes: vec![Node::default()], globals: Vec::new(), pending: Vec::new() };
        let mut position = 0;
        loop {
            stop::check()?;
            match tree.file.read(position)? {
                Next::End => break,
                Next::Global { records, next } => {
                    tree.global(&records, next)?;
                    position = next;
                }
                Next::Member(member) => {
                    let added = tree.add(&member, position);
                    added.context(|| format!("member {:?}", String::from_utf8_lossy(&member.name)))?;
                    position = member.next;
                }
            }
        }
        tree.resolve()?;
        Ok(tree)
    }

    /// Whether a file looks like a tar.
    pub fn is_tar(fd: &OwnedFd) -> bool {
        fd.try_clone().map_err(Error::from).and_then(TarFile::new).is_ok_and(|file| file.is_tar())
    }

    /// Bytes of the tar file.
    pub const fn size(&self) -> u64 {
        self.file.size()
    }

    /// The member at an offset, and the global records that count for it.
    pub(super) fn member(&self, start: u64) -> Result<(Member, Arc<[u8]>)> {
        let Next::Member(member) = self.file.read(start)? else {
            return self.file.check_unchanged().and_then(|()| Err(Errno::IO.into()));
        };
        let after = self.globals.partition_point(|(from, _)| *from <= start);
        let global = after.checked_sub(1).and_then(|at| self.globals.get(at));
        Ok((member, global.map_or_else(|| Arc::from([]), |(_, records)| Arc::clone(records))))
    }

    /// Takes global records. Most are comments, such as the commit that a tar was made of.
    fn global(&mut self, records: &[u8], from: u64) -> Result<()> {
        let before = self.globals.last().map(|(_, records)| Arc::clone(records)).unwrap_or_else(|| Arc::from([]));
        let mut merged = BTreeMap::new();
        for record in Records(&before).chain(Records(records)) {
            let (key, value) = record?;
            if GLOBAL.contains(&key) {
                merged.insert(key, value);
            }
        }
        let mut bytes = Vec::new();
        for (key, value) in merged {
            super::pax::emit(key, value, &mut bytes);
        }
        if *bytes != *before {
            if self.globals.len() == GLOBALS_MAX {
                return Err(Error::new(Errno::FBIG, "too many global headers"));
            }
            self.globals.push((from, bytes.into()));
        }
        Ok(())
    }

    fn add(&mut self, member: &Member, start: u64) -> Result<()> {
        let what = match member.file_type()? {
            Type::Nothing => return Ok(()),
            Type::Node(FileType::Directory) => What::Directory(start),
            Type::Node(_) => What::Other(start),
            Type::HardLink => self.target(&components(&member.link)?)?.unwrap_or(What::Pending),
        };
        let path = components(&member.name)?;
        let Some((name, parents)) = path.split_last() else {
            if !matches!(what, What::Directory(_)) {
                return Err(Error::new(Errno::NOTDIR, "the root can only be a directory"));
            }
            self.nodes[0].what = what;
            return Ok(());
        };
        let mut node = 0;
        for parent in parents {
            node = self.child(node, parent);
            if matches!(self.nodes[node].what, What::Other(_) | What::Pending) {
                let message = format!("{:?} is no directory, and cannot have entries", String::from_utf8_lossy(parent));
                return Err(Error::new(Errno::NOTDIR, message));
            }
        }
        let node = self.child(node, name);
        // Of several members with one name the last counts; a directory keeps its entries.
        if !matches!(what, What::Directory(_)) {
            self.nodes[node].children.clear();
        }
        self.nodes[node].what = what;
        if what == What::Pending {
            self.pending.push((node, member.name.clone(), member.link.clone()));
        }
        Ok(())
    }

    /// The entry of a directory, which is made if it is not there.
    fn child(&mut self, parent: usize, name: &[u8]) -> usize {
        if let Some(&child) = self.nodes[parent].children.get(name) {
            return child;
        }
        let child = self.nodes.len();
        self.nodes.push(Node::default());
        self.nodes[parent].children.insert(name.into(), child);
        child
    }

    /// What a hard link to this path is; `None` if there is nothing yet.
    fn target(&self, path: &[&[u8]]) -> Result<Option<What>> {
        let mut node = 0;
        for name in path {
            match self.nodes[node].children.get(*name) {
                Some(&child) => node = child,
                None => return Ok(None),
            }
        }
        match self.nodes[node].what {
            What::Other(start) => Ok(Some(What::Other(start))),
            What::Pending => Ok(None),
            What::Directory(_) | What::MissingDirectory => Err(Error::new(Errno::ISDIR, "a hard link to a directory")),
        }
    }

    /// Follows the links whose targets came later.
    fn resolve(&mut self) -> Result<()> {
        for _ in 0..ROUNDS {
            let pending = std::mem::take(&mut self.pending);
            for (node, name, link) in pending {
                if self.nodes[node].what != What::Pending {
                    continue;
                }
                match self.target(&components(&link)?)? {
                    Some(what) => self.nodes[node].what = what,
                    None => self.pending.push((node, name, link)),
                }
            }
            if self.pending.is_empty() {
                return Ok(());
            }
        }
        let (_, name, link) = &self.pending[0];
        let (name, link) = (String::from_utf8_lossy(name), String::from_utf8_lossy(link));
        Err(Error::new(Errno::NOENT, format!("member {name:?} is a hard link to {link:?}, which is not in the tar")))
    }
}

/// The names that a path is made of.
fn components(path: &[u8]) -> Result<Vec<&[u8]>> {
    let hint = "make the tar in the directory itself, as with `tar -C DIRECTORY -c .`";
    if path.starts_with(b"/") {
        return Err(Error::new(Errno::INVAL, "an absolute name, which leads out of the tree").hint(hint));
    }
    let names: Vec<&[u8]> = path.split(|&byte| byte == b'/').filter(|name| !matches!(*name, b"" | b".")).collect();
    if names.contains(&&b".."[..]) {
        return Err(Error::new(Errno::INVAL, "a name with \"..\", which may lead out of the tree").hint(hint));
    }
    if names.len() > DEPTH_MAX {
        return Err(Error::new(Errno::TOOBIG, "a path with more directories than archives can hold"));
    }
    for name in &names {
        Name::check(name)?;
    }
    if names.is_empty() && path.is_empty() {
        return Err(Error::new(Errno::INVAL, "a member without name"));
    }
    Ok(names)
}
