//! The encoder: writes an archive node by node.

use alloc::vec::Vec;

use super::frames::Frame;
use super::{Acl, Content, DEPTH_MAX, DefaultAcl, Metadata, Node, Timestamp};
use crate::error::{Error, Limited, Result, Unrepresentable, UsageError};
use crate::name::Name;
use crate::record::{
    AclEntry, ENTRY_SIZE, Entry, FeatureFlags, GoodbyeTail, HEADER_SIZE, Header, RecordKind, SelinuxLabel,
    SymlinkTarget, XattrRecord, check_owner_name, emit_text, put,
};

/// Writes an archive. Records are appended to a buffer of the caller; payload never passes through.
///
/// The order of calls: [`root`](Self::root), then for each directory its entries in ascending order of names, each by
/// [`child`](Self::child); after a regular file's record the caller streams the payload itself and reports it with
/// [`payload`](Self::payload); [`leave`](Self::leave) ends each directory, the root last.
///
/// ```
/// use casync_core::Name;
/// use casync_core::archive::{Content, Encoder, Metadata, Node};
/// use casync_core::record::FeatureFlags;
///
/// let directory = Node { metadata: Metadata { permissions: 0o777, ..Metadata::default() }, content: Content::Directory };
/// let file = Node {
///     metadata: Metadata { permissions: 0o666, ..Metadata::default() },
///     content: Content::Regular { size: 5 },
/// };
/// let mut archive = Vec::new();
/// let mut encoder = Encoder::new(FeatureFlags::EMPTY);
/// encoder.root(&directory, &mut archive)?;
/// encoder.child(&Name::new(b"greeting")?, &file, &mut archive)?;
/// archive.extend_from_slice(b"hello");
/// encoder.payload(5)?;
/// encoder.leave(&mut archive)?;
/// assert!(encoder.is_done());
/// # Ok::<(), casync_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Encoder {
    features: FeatureFlags,
    /// Bytes of the archive so far, payload included.
    position: u64,
    frames: Vec<Frame>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing was written.
    Start,
    /// In the innermost directory, between entries.
    Directory,
    /// So much payload is still to come.
    Payload(u64),
    /// The root was left.
    Done,
    /// An error was returned: the archive is broken.
    Failed,
}

/// Where the records of a node were put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Offset of the ENTRY record in the archive.
    pub entry: u64,
    /// How many of the appended bytes precede the ENTRY record: the FILENAME record.
    pub filename: usize,
}

impl Encoder {
    /// An encoder for archives with these feature flags, which must be normalized.
    pub const fn new(features: FeatureFlags) -> Self {
        Self { features, position: 0, frames: Vec::new(), state: State::Start }
    }

    /// Bytes of the archive so far, payload included.
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Whether the archive is complete.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Number of directories that are open.
    pub fn depth(&self) -> usize {
        self.frames.len()
    }

    /// Writes the root, which must be a directory.
    ///
    /// # Errors
    ///
    /// [`UsageError`]; after any error the encoder is of no more use.
    pub fn root(&mut self, node: &Node, out: &mut Vec<u8>) -> Result<Encoded> {
        self.guarded(|encoder| {
            if encoder.state != State::Start || node.content != Content::Directory {
                return Err(UsageError::OutOfTurn.into());
            }
            encoder.node(node, out)
        })
    }

    /// Writes an entry of the innermost directory.
    ///
    /// # Errors
    ///
    /// [`Unrepresentable`] for names out of order, trees that are too deep and values that do not fit the format,
    /// [`Error::Limit`] for payload that would make the archive longer than 2^63 − 1 bytes.
    pub fn child(&mut self, name: &Name, node: &Node, out: &mut Vec<u8>) -> Result<Encoded> {
        self.guarded(|encoder| {
            let depth = encoder.frames.len() + 1;
            let start = encoder.position;
            let Some(frame) = encoder.frames.last_mut().filter(|_| encoder.state == State::Directory) else {
                return Err(UsageError::OutOfTurn.into());
            };
            if depth > DEPTH_MAX {
                return Err(unrepresentable(Unrepresentable::Depth));
            }
            if !frame.admits(name) {
                return Err(unrepresentable(Unrepresentable::NameOrder));
            }
            frame.open_child(name.clone(), start);
            let before = out.len();
            emit_text(RecordKind::Filename, name, out);
            let filename = out.len() - before;
            encoder.position += filename as u64;
            let encoded = encoder.node(node, out)?;
            Ok(Encoded { filename, ..encoded })
        })
    }

    /// Takes note of payload that the caller has put into the stream.
    ///
    /// # Errors
    ///
    /// [`UsageError::OutOfTurn`] for more payload than announced.
    pub fn payload(&mut self, bytes: u64) -> Result<()> {
        self.guarded(|encoder| {
            let State::Payload(left) = encoder.state else {
                return if bytes == 0 { Ok(()) } else { Err(UsageError::OutOfTurn.into()) };
            };
            let left = left.checked_sub(bytes).ok_or(Error::Usage(UsageError::OutOfTurn))?;
            encoder.position += bytes;
            encoder.state = State::Payload(left);
            if left == 0 {
                encoder.end_child();
            }
            Ok(())
        })
    }

    /// Ends the innermost directory.
    ///
    /// # Errors
    ///
    /// [`UsageError::OutOfTurn`] if none is open or payload is missing.
    pub fn leave(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.guarded(|encoder| {
            if encoder.state != State::Directory {
                return Err(UsageError::OutOfTurn.into());
            }
            let mut frame = encoder.frames.pop().ok_or(Error::Usage(UsageError::OutOfTurn))?;
            let before = out.len();
            GoodbyeTail::emit_table(&mut frame.children, encoder.position - frame.entry, out);
            encoder.position += (out.len() - before) as u64;
            if encoder.frames.is_empty() {
                encoder.state = State::Done;
            } else {
                encoder.end_child();
            }
            Ok(())
        })
    }

    fn guarded<T>(&mut self, call: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let result = call(self);
        if result.is_err() {
            self.state = State::Failed;
        }
        result
    }

    /// Refuses payload that would make the archive longer than the largest file offset: no reader would take it.
    fn check_stream(&self, payload: u64) -> Result<()> {
        let (end, max) = (self.position.saturating_add(payload), i64::MAX.cast_unsigned());
        if end > max { Err(Error::Limit { what: Limited::Stream, value: end, max }) } else { Ok(()) }
    }

    fn end_child(&mut self) {
        let position = self.position;
        if let Some(frame) = self.frames.last_mut() {
            frame.close_child(position);
        }
        self.state = State::Directory;
    }

    fn node(&mut self, node: &Node, out: &mut Vec<u8>) -> Result<Encoded> {
        let before = out.len();
        let entry = self.position;
        emit_metadata(&node.metadata, node.content.file_type().bits(), self.features, out)?;
        emit_content(&node.content, out)?;
        self.position += (out.len() - before) as u64;
        if let Content::Regular { size } = node.content {
            self.check_stream(size)?;
        }
        match node.content {
            Content::Directory => {
                self.frames.push(Frame::new(entry));
                self.state = State::Directory;
            }
            Content::Regular { size } if size > 0 => self.state = State::Payload(size),
            _ => self.end_child(),
        }
        Ok(Encoded { entry, filename: 0 })
    }
}

fn unrepresentable(what: Unrepresentable) -> Error {
    UsageError::Unrepresentable(what).into()
}

/// Refuses values that no reader would take.
fn fits(possible: bool) -> Result<()> {
    if possible { Ok(()) } else { Err(unrepresentable(Unrepresentable::Value)) }
}

/// Appends ENTRY and the metadata records after it.
fn emit_metadata(metadata: &Metadata, type_bits: u32, features: FeatureFlags, out: &mut Vec<u8>) -> Result<()> {
    fits(metadata.mtime <= Timestamp::LAST)?;
    Entry {
        features: features.bits(),
        mode: u64::from(type_bits | metadata.permissions),
        flags: metadata.flags.bits(),
        uid: metadata.uid.into(),
        gid: metadata.gid.into(),
        mtime: metadata.mtime.nanoseconds(),
    }
    .emit(out);
    for (kind, name) in [(RecordKind::User, &metadata.user), (RecordKind::Group, &metadata.group)] {
        if let Some(name) = name {
            fits(check_owner_name(name).is_ok())?;
            emit_text(kind, name, out);
        }
    }
    for xattr in &metadata.xattrs {
        fits(XattrRecord::is_stored(&xattr.name) && xattr.value.len() <= XattrRecord::VALUE_MAX)?;
        XattrRecord { name: &xattr.name, value: &xattr.value }.emit(out);
    }
    if let Some(acl) = metadata.acl.as_deref() {
        emit_acl(acl, out);
    }
    if let Some(acl) = metadata.default_acl.as_deref() {
        emit_default_acl(acl, out);
    }
    if let Some(label) = &metadata.selinux {
        fits(SelinuxLabel::check(label).is_ok())?;
        emit_text(RecordKind::Selinux, label, out);
    }
    if let Some(value) = &metadata.fcaps {
        let size = (HEADER_SIZE + value.len()) as u64;
        fits(RecordKind::Fcaps.sizes().contains(&size))?;
        Header { size, kind: RecordKind::Fcaps }.emit(out);
        out.extend_from_slice(value);
    }
    if let Some(id) = metadata.project_id {
        Header { size: 24, kind: RecordKind::QuotaProjid }.emit(out);
        put(&[id.into()], out);
    }
    Ok(())
}

fn emit_acl(acl: &Acl, out: &mut Vec<u8>) {
    emit_entries(RecordKind::AclUser, &acl.users, out);
    emit_entries(RecordKind::AclGroup, &acl.groups, out);
    if let Some(group) = acl.group {
        Header { size: 24, kind: RecordKind::AclGroupObj }.emit(out);
        put(&[group.bits().into()], out);
    }
}

fn emit_default_acl(acl: &DefaultAcl, out: &mut Vec<u8>) {
    acl.base.emit(out);
    emit_entries(RecordKind::AclDefaultUser, &acl.users, out);
    emit_entries(RecordKind::AclDefaultGroup, &acl.groups, out);
}

fn emit_entries(kind: RecordKind, entries: &[AclEntry], out: &mut Vec<u8>) {
    for entry in entries {
        entry.emit(kind, out);
    }
}

/// Appends the record that ends a node and starts its content, if there is one.
fn emit_content(content: &Content, out: &mut Vec<u8>) -> Result<()> {
    match content {
        Content::Regular { size } => {
            let size = size.checked_add(HEADER_SIZE as u64).filter(|size| *size < u64::MAX);
            let size = size.ok_or(UsageError::Unrepresentable(Unrepresentable::Value))?;
            Header { size, kind: RecordKind::Payload }.emit(out);
        }
        Content::Symlink { target } => {
            fits(SymlinkTarget::check(target).is_ok())?;
            emit_text(RecordKind::Symlink, target, out);
        }
        Content::Block(device) | Content::Character(device) => {
            fits(device.is_valid())?;
            Header { size: 32, kind: RecordKind::Device }.emit(out);
            put(&[device.major.into(), device.minor.into()], out);
        }
        Content::Directory | Content::Fifo | Content::Socket => {}
    }
    Ok(())
}

const _: () = assert!(ENTRY_SIZE == HEADER_SIZE + 6 * 8, "an entry has six fields");
