//! Makes a tree from an archive (spec: filesystem.md 8).
//!
//! Everything is relative to directory descriptors and never follows a link: names come as [`Name`]s, one component each,
//! and whatever stands in a node's place is replaced, not entered, unless it is a directory where one belongs. A node gets
//! its final name when it is complete, unless its directory was made by this run and is still closed to others.

mod directory;
mod existing;
mod file;
mod place;
mod special;

use std::ops::Range;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use casync_core::Name;
use casync_core::archive::{Content, FileType, IdShift, Node, Timestamp};
use casync_core::record::FeatureFlags;
use rustix::fs::{self as os, Stat};
use rustix::io::Errno;

use self::directory::OpenDirectory;
use self::file::OutputFile;
use super::meta::MetadataWriter;
use super::output::Durability;
use crate::error::{Context as _, Result};
use crate::ui::log;

/// How a tree is made.
#[derive(Clone, Debug)]
pub struct ApplyOptions {
    /// Which metadata are restored ([`FeatureFlags::replayed`]).
    pub features: FeatureFlags,
    /// How ids of the host differ from those of the archive.
    pub shift: IdShift,
    /// Whether entries of existing directories that the archive does not have are removed.
    pub delete: bool,
    /// Whether runs of zeros in files become holes.
    pub punch_holes: bool,
    /// Whether immutable nodes may be replaced.
    pub undo_immutable: bool,
    /// Whether attributes that the file system cannot hold are counted instead of failing.
    pub best_effort: bool,
    /// When what was written reaches the disk.
    pub durability: Durability,
}

/// What was made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Applied {
    /// Zero bytes that became holes.
    pub holes: u64,
    /// Attributes that could not be set, with `best_effort`.
    pub unset: u64,
}

/// What a file has to be to stand for the one that is being made.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// Where that one is, from the root.
    pub path: &'a [u8],
    /// Its size.
    pub size: u64,
    /// When it may have been modified.
    pub times: Range<Timestamp>,
    /// Its contents, to be compared with.
    pub content: BorrowedFd<'a>,
}

/// A file elsewhere that was found to have contents and metadata of one that is being made.
#[derive(Debug)]
pub struct Twin {
    /// Open for reading.
    pub file: OwnedFd,
    /// What it was before it was compared.
    pub stat: Stat,
}

impl Twin {
    /// Whether it looks as it did. A link that is made to it only moves its change time.
    pub fn is_unchanged(&self) -> bool {
        let looks = |stat: &Stat| {
            let owner = (stat.st_uid, stat.st_gid, stat.st_mode);
            (stat.st_size, stat.st_mtime, stat.st_mtime_nsec, owner)
        };
        os::fstat(&self.file).is_ok_and(|now| looks(&now) == looks(&self.stat))
    }
}

/// Makes a tree, node by node, in archive order.
#[derive(Debug)]
pub struct TreeWriter {
    options: ApplyOptions,
    metadata: MetadataWriter,
    /// The target, until the root node has come.
    target: Option<(OwnedFd, bool)>,
    /// Another descriptor of it, if it is to be synced at the end.
    synced: Option<OwnedFd>,
    open: Vec<OpenDirectory>,
    file: Option<OutputFile>,
    /// A node of a type that is not restored; its end is passed over.
    skipping: bool,
    path: Vec<u8>,
    /// Name of the topmost node, if it is not the root of the archive.
    first_name: Option<Name>,
    holes: u64,
}

impl TreeWriter {
    /// Makes the tree in an open directory, which is the archive's root. `fresh`: this run has made it.
    ///
    /// # Errors
    ///
    /// If there are too many open files.
    pub fn new(target: OwnedFd, fresh: bool, options: ApplyOptions) -> Result<Self> {
        let synced = if options.durability == Durability::None { None } else { Some(target.try_clone()?) };
        Ok(Self {
            metadata: MetadataWriter::new(&options),
            options,
            synced,
            target: Some((target, fresh)),
            open: Vec::new(),
            file: None,
            skipping: false,
            path: Vec::new(),
            first_name: None,
            holes: 0,
        })
    }

    /// Makes one node of an archive as an entry of an open directory, which itself is left alone. `name` is for the
    /// topmost node, which has none in its part of the archive.
    ///
    /// # Errors
    ///
    /// If the directory cannot be asked.
    pub fn into_directory(target: OwnedFd, name: Option<Name>, options: ApplyOptions) -> Result<Self> {
        let mut writer = Self::new(target, false, options)?;
        writer.first_name = name;
        if let Some((target, _)) = writer.target.take() {
            writer.open.push(OpenDirectory::container(target)?);
        }
        Ok(writer)
    }

    /// Path of the node under way, for messages.
    pub fn shown_path(&self) -> String {
        if self.path.is_empty() { "./".to_owned() } else { String::from_utf8_lossy(&self.path).into_owned() }
    }

    /// What was made so far.
    pub const fn applied(&self) -> Applied {
        Applied { holes: self.holes, unset: self.metadata.unset() }
    }

    /// The regular file under way.
    pub fn file(&self) -> Option<BorrowedFd<'_>> {
        self.file.as_ref().map(OutputFile::fd)
    }

    /// Makes what was made survive a crash, as far as the options want it.
    ///
    /// # Errors
    ///
    /// If the disk does not take it.
    pub fn sync(&self) -> Result<()> {
        let Some(target) = &self.synced else { return Ok(()) };
        match self.options.durability {
            Durability::None => Ok(()),
            Durability::End => os::syncfs(target),
            // The directory itself, where only an entry of it was extracted.
            Durability::Each => os::fsync(target),
        }
        .context(|| "write everything to the disk")
    }

    /// What a file elsewhere has to be to stand for the one under way, whose payload is complete.
    ///
    /// # Errors
    ///
    /// If the file cannot get its size.
    pub fn wanted(&mut self) -> Result<Option<Wanted<'_>>> {
        let Some(file) = &mut self.file else { return Ok(None) };
        file.extend()?;
        let times = match self.options.features.time_granularity() {
            Some(granularity) => {
                let start = file.metadata().mtime.rounded(granularity);
                start..start.later(granularity)
            }
            None => Timestamp::default()..Timestamp::LAST,
        };
        Ok(Some(Wanted { path: &self.path, size: file.size(), times, content: file.fd() }))
    }

    /// Whether a file elsewhere, of this status, has all the metadata that the one under way is to have.
    ///
    /// # Errors
    ///
    /// If an owner is unknown here.
    pub fn accepts(&mut self, twin: BorrowedFd<'_>, stat: &Stat) -> Result<bool> {
        match (&self.file, self.open.last()) {
            (Some(file), Some(parent)) => file.is_like(twin, stat, parent, &mut self.metadata),
            _ => Ok(false),
        }
    }

    /// Ends the file under way as a link to one elsewhere that has its contents and metadata. False: that is not possible,
    /// and the file is still to be ended.
    ///
    /// # Errors
    ///
    /// If the directory cannot be changed.
    pub fn leave_as_link(&mut self, twin: &Twin) -> Result<bool> {
        let (Some(file), Some(parent)) = (&mut self.file, self.open.last()) else { return Ok(false) };
        let linked = file.link(twin, parent, &self.options);
        if linked.context(|| format!("extract {:?}", String::from_utf8_lossy(&self.path)))? {
            self.file = None;
            self.left();
            return Ok(true);
        }
        Ok(false)
    }

    /// Begins a node.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub fn enter(&mut self, name: Option<&Name>, node: &Node) -> Result<()> {
        let first = if name.is_none() { self.first_name.take() } else { None };
        let name = name.or(first.as_ref());
        if let Some(name) = name {
            if !self.path.is_empty() {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(name);
        }
        let made = self.make(name, node);
        self.remark();
        made.context(|| format!("extract {:?}", self.shown_path()))
    }

    /// Adds payload to the file under way.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn payload(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let written = file.write(bytes, self.options.punch_holes);
        let holes = written.context(|| format!("write {:?}", self.shown_path()))?;
        self.holes += holes;
        Ok(())
    }

    /// Ends the innermost node.
    ///
    /// # Errors
    ///
    /// If its metadata cannot be set.
    pub fn leave(&mut self) -> Result<()> {
        let finished = self.finish();
        self.remark();
        finished.context(|| format!("extract {:?}", self.shown_path()))?;
        self.left();
        Ok(())
    }

    /// The node under way is its parent.
    fn left(&mut self) {
        let parent = self.path.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
        self.path.truncate(parent);
    }

    /// Tells what could not be set, of which node.
    fn remark(&mut self) {
        for what in self.metadata.take_remarks() {
            log::info(format_args!("{:?}: {what}", self.shown_path()));
        }
    }

    fn make(&mut self, name: Option<&Name>, node: &Node) -> Result<()> {
        let Some(name) = name else {
            let (target, fresh) = self.target.take().ok_or(Errno::INVAL)?;
            if !fresh {
                existing::unlock(target.as_fd(), &self.options)?;
            }
            self.metadata.begin(target.as_fd(), &node.metadata, true)?;
            self.open.push(OpenDirectory::root(target, fresh, node.metadata.clone())?);
            return Ok(());
        };
        let parent = self.open.last_mut().ok_or(Errno::INVAL)?;
        parent.saw(name);
        if !self.options.features.contains(node.content.file_type().feature()) {
            self.skipping = true;
            return Ok(());
        }
        let parent_flags = parent.inherited().flags;
        match &node.content {
            Content::Directory => {
                let directory = OpenDirectory::make(parent, name, &node.metadata, &self.options)?;
                let stale = !directory.is_fresh() || parent_flags;
                self.metadata.begin(directory.fd(), &node.metadata, stale)?;
                self.open.push(directory);
            }
            Content::Regular { size } => {
                let mode = self.metadata.mode(&node.metadata, FileType::Regular);
                let file = OutputFile::create(parent, name, &node.metadata, *size, mode)?;
                let file = self.file.insert(file);
                self.metadata.begin(file.fd(), &node.metadata, parent_flags)?;
            }
            _ => {
                special::make(parent, name, node, &mut self.metadata, &self.options)?;
                // Nothing is left to do at its end.
                self.skipping = true;
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        if std::mem::take(&mut self.skipping) {
            return Ok(());
        }
        if let Some(file) = &mut self.file {
            let parent = self.open.last().ok_or(Errno::INVAL)?;
            file.finish(parent, &mut self.metadata, &self.options)?;
            self.file = None;
            return Ok(());
        }
        let (directory, parents) = self.open.split_last_mut().ok_or(Errno::INVAL)?;
        directory.finish(parents.last(), &mut self.metadata, &self.options, &self.path)?;
        self.open.pop();
        Ok(())
    }
}

impl Drop for TreeWriter {
    fn drop(&mut self) {
        // What is unfinished under a temporary name is worth nothing.
        if let (Some(file), Some(parent)) = (self.file.take(), self.open.last()) {
            file.discard(parent);
        }
        while let Some(directory) = self.open.pop() {
            if let Some(parent) = self.open.last() {
                directory.discard(parent);
            }
        }
    }
}
