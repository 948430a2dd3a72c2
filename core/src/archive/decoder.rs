//! The decoder, a transform from the bytes of an archive to its nodes.

use alloc::vec::Vec;
use core::ops::Range;

use super::frames::Frame;
use super::node_reader::NodeReader;
use super::{Content, FileType, Node};
use crate::error::{Error, Limited, Malformed, Result, UsageError};
use crate::limits::Limits;
use crate::name::Name;
use crate::record::{FeatureFlags, GOODBYE_ITEM, GOODBYE_MIN, GoodbyeTail, HEADER_SIZE, Header, RecordKind, text_body};

/// Reads an archive that arrives in pieces. Every rule of the format is checked, goodbye tables included.
///
/// The loop: call [`step`](Self::step) with what there is of the input. `Did`: an event came of the first `used` bytes;
/// call again with the rest. `More`: all input was used; call again with more, or [`finish`](Self::finish) at its end.
///
/// Events come as a bracket structure: [`Event::Node`], then for a regular file its payload in pieces, for a directory
/// its entries, then [`Event::End`].
///
/// ```
/// use casync_core::Limits;
/// use casync_core::archive::{Decoder, Event, Step};
/// # use casync_core::{Name, archive::*, record::FeatureFlags};
/// # let mut archive = Vec::new();
/// # let metadata = |permissions| Metadata { permissions, ..Metadata::default() };
/// # let mut encoder = Encoder::new(FeatureFlags::EMPTY);
/// # encoder.root(&Node { metadata: metadata(0o777), content: Content::Directory }, &mut archive)?;
/// # let file = Node { metadata: metadata(0o666), content: Content::Regular { size: 5 } };
/// # encoder.child(&Name::new(b"greeting")?, &file, &mut archive)?;
/// # archive.extend_from_slice(b"hello");
/// # encoder.payload(5)?;
/// # encoder.leave(&mut archive)?;
/// let mut decoder = Decoder::new(&Limits::default());
/// let mut text = Vec::new();
/// for mut piece in archive.chunks(50) {
///     loop {
///         match decoder.step(piece)? {
///             Step::More => break,
///             Step::Did { used, event } => {
///                 piece = &piece[used..];
///                 if let Event::Payload(bytes) = event {
///                     text.extend_from_slice(bytes);
///                 }
///             }
///         }
///     }
/// }
/// decoder.finish()?;
/// assert_eq!(text, b"hello");
/// # Ok::<(), casync_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Decoder {
    limits: Limits,
    features: Option<FeatureFlags>,
    /// Offset of the next byte of input.
    position: u64,
    /// Where the input ends, if only a part of an archive is read.
    end: Option<u64>,
    frames: Vec<Frame>,
    state: State,
    /// The records of the node under way, from its ENTRY on, and the record under way behind them.
    records: Vec<u8>,
    /// Where the record under way starts in `records`.
    record: usize,
    /// The node of the last event.
    node: Option<Node>,
    /// Offset of that node's ENTRY.
    entry: u64,
}

#[derive(Clone, Debug)]
enum State {
    /// Before the ENTRY of a node.
    Entry,
    /// Among the metadata records of a node.
    Metadata(NodeReader),
    /// A node is complete up to its payload or entries; its event is due.
    Announce,
    /// So much payload is still to come.
    Payload(u64),
    /// In a directory, between entries.
    Directory,
    /// The root has ended.
    Done,
    /// An error was returned.
    Failed,
}

/// What came of a piece of input.
#[derive(Debug)]
pub enum Step<'a> {
    /// All of the input was used, nothing came of it yet.
    More,
    /// Something was read.
    Did {
        /// Bytes used.
        used: usize,
        /// What it is.
        event: Event<'a>,
    },
}

/// A part of an archive.
#[derive(Debug)]
pub enum Event<'a> {
    /// A node begins.
    Node(NodeEvent<'a>),
    /// The next piece of the payload of the regular file under way, never empty; borrowed from the input.
    Payload(&'a [u8]),
    /// The innermost node ends.
    End,
}

/// The start of a node.
#[derive(Debug)]
#[non_exhaustive]
pub struct NodeEvent<'a> {
    /// Its name; `None` for the root.
    pub name: Option<&'a Name>,
    /// Metadata and content.
    pub node: &'a Node,
    /// Number of directories above it.
    pub depth: usize,
    /// Offset of its ENTRY record.
    pub entry: u64,
    /// The archive's feature flags.
    pub features: FeatureFlags,
    /// Its records from ENTRY up to the payload, as they stand in the archive: what the hardlink digest begins with.
    pub records: &'a [u8],
}

impl Decoder {
    /// A decoder for a whole archive.
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: *limits,
            features: None,
            position: 0,
            end: None,
            frames: Vec::new(),
            state: State::Entry,
            records: Vec::new(),
            record: 0,
            node: None,
            entry: 0,
        }
    }

    /// A decoder for one node and all below it: the bytes from its ENTRY at `start` to `end`, as [`super::Tree`] finds
    /// them. Such a node may be of any kind.
    pub fn for_part(start: u64, end: u64, limits: &Limits) -> Self {
        Self { position: start, end: Some(end), ..Self::new(limits) }
    }

    /// Demands these feature flags of every node: those of the index that the archive came from.
    #[must_use]
    pub const fn expecting(mut self, features: FeatureFlags) -> Self {
        self.features = Some(features);
        self
    }

    /// The archive's feature flags, once they are known.
    pub const fn features(&self) -> Option<FeatureFlags> {
        self.features
    }

    /// Offset of the next byte that is wanted.
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Whether the last node has ended.
    pub const fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Payload of the file under way that has not come yet, in bytes; 0 anywhere else.
    pub const fn payload_left(&self) -> u64 {
        match self.state {
            State::Payload(left) => left,
            _ => 0,
        }
    }

    /// Passes over payload that the caller does not want: its next input starts `bytes` later.
    ///
    /// # Errors
    ///
    /// [`UsageError::OutOfTurn`] for more than [`Self::payload_left`].
    pub fn skip_payload(&mut self, bytes: u64) -> Result<()> {
        let left = self.payload_left().checked_sub(bytes).ok_or(Error::Usage(UsageError::OutOfTurn))?;
        if bytes > 0 {
            self.position += bytes;
            self.state = State::Payload(left);
        }
        Ok(())
    }

    /// Passes over all that is in the directory announced last, the event of its end included: the caller's next input is
    /// that at offset `end`, where the directory ends.
    ///
    /// That offset comes from the goodbye table of the directory above, which is checked when it is reached.
    ///
    /// # Errors
    ///
    /// [`UsageError::OutOfTurn`] unless the last event was a directory's, and for an `end` that was passed already.
    pub fn skip_directory(&mut self, end: u64) -> Result<()> {
        let untouched = self.frames.last().is_some_and(|frame| frame.last.is_none());
        if !matches!(self.state, State::Directory) || !untouched || end < self.position {
            return Err(UsageError::OutOfTurn.into());
        }
        self.frames.pop();
        self.records.clear();
        self.record = 0;
        self.position = end;
        let ended = self.end_node();
        if ended.is_err() {
            self.state = State::Failed;
        }
        ended
    }

    /// Reads on.
    ///
    /// # Errors
    ///
    /// [`Error::Format`] for broken rules, [`Error::Unsupported`] for feature flags of the future, [`Error::Limit`] for
    /// what would take too much memory. After an error every call fails.
    pub fn step<'a>(&'a mut self, input: &'a [u8]) -> Result<Step<'a>> {
        match self.advance(input) {
            Ok(None) => Ok(Step::More),
            Ok(Some((used, Did::Node))) => Ok(Step::Did { used, event: Event::Node(self.announced()) }),
            Ok(Some((used, Did::Payload))) => Ok(Step::Did { used, event: Event::Payload(&input[..used]) }),
            Ok(Some((used, Did::End))) => Ok(Step::Did { used, event: Event::End }),
            Err(error) => {
                self.state = State::Failed;
                Err(error)
            }
        }
    }

    /// Ends the input.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] if the archive is not complete.
    pub fn finish(&self) -> Result<()> {
        match self.state {
            State::Done => Ok(()),
            State::Failed => Err(UsageError::OutOfTurn.into()),
            _ => Err(Error::Truncated { length: self.position }),
        }
    }

    fn announced(&self) -> NodeEvent<'_> {
        // A directory's own frame is open already when it is announced.
        let node = self.node.as_ref().expect("because a node was just read");
        let depth = self.frames.len() - usize::from(node.content == Content::Directory);
        let name = depth.checked_sub(1).and_then(|parent| self.frames[parent].last.as_ref());
        let features = self.features.expect("because they came with the node's ENTRY");
        NodeEvent { name, node, depth, entry: self.entry, features, records: &self.records[..self.record] }
    }

    fn advance(&mut self, input: &[u8]) -> Result<Option<(usize, Did)>> {
        let mut used = 0;
        loop {
            match self.state {
                State::Payload(0) => return self.end_node().map(|()| Some((used, Did::End))),
                State::Payload(left) => {
                    // Nothing was used before: payload follows an event or payload.
                    let length = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    if length == 0 {
                        return Ok(None);
                    }
                    self.position += length as u64;
                    self.state = State::Payload(left - length as u64);
                    return Ok(Some((length, Did::Payload)));
                }
                State::Announce => {
                    self.announce();
                    return Ok(Some((used, Did::Node)));
                }
                State::Done if input.len() > used => {
                    return Err(Error::from(Malformed::TrailingData).at(self.position));
                }
                State::Done => return Ok(None),
                State::Failed => return Err(UsageError::OutOfTurn.into()),
                State::Entry | State::Metadata(_) | State::Directory => {
                    if self.ends_without_record()? {
                        continue;
                    }
                    match self.read_record(input, &mut used)? {
                        Record::Incomplete => return Ok(None),
                        Record::Taken => {}
                        Record::EndedDirectory => return Ok(Some((used, Did::End))),
                    }
                }
            }
        }
    }

    /// Reads one record, or as much of it as there is.
    fn read_record(&mut self, input: &[u8], used: &mut usize) -> Result<Record> {
        let start = self.position - self.held();
        self.check_reach(start, HEADER_SIZE as u64)?;
        if !self.gather(HEADER_SIZE as u64, input, used) {
            return Ok(Record::Incomplete);
        }
        let header = Header::parse(&self.records[self.record..]).map_err(|error| error.at(start))?;
        self.check_place(&header).map_err(|error| error.at(start))?;
        self.check_reach(start, header.size)?;
        // What follows a node without content ends it by its header alone, as does the start of a payload.
        let whole = match (&self.state, header.kind) {
            (_, RecordKind::Payload) => HEADER_SIZE as u64,
            (State::Metadata(_), RecordKind::Filename | RecordKind::Goodbye) => HEADER_SIZE as u64,
            _ => header.size,
        };
        if !self.gather(whole, input, used) {
            return Ok(Record::Incomplete);
        }
        self.take_record(header.kind, start).map_err(|error| error.at(start))
    }

    /// Bytes of the record under way that have come.
    fn held(&self) -> u64 {
        (self.records.len() - self.record) as u64
    }

    /// Makes the record under way `size` bytes long, as far as the input reaches; whether that was far enough.
    fn gather(&mut self, size: u64, input: &[u8], used: &mut usize) -> bool {
        let wanted = usize::try_from(size.saturating_sub(self.held())).unwrap_or(usize::MAX);
        let piece = &input[*used..];
        let piece = &piece[..wanted.min(piece.len())];
        self.records.extend_from_slice(piece);
        *used += piece.len();
        self.position += piece.len() as u64;
        piece.len() == wanted
    }

    /// Refuses a record that would end behind the part that is read, or behind the largest file offset.
    ///
    /// Judged by its header, payload too: what was handed over before does not depend on how the input was cut up.
    fn check_reach(&self, start: u64, size: u64) -> Result<()> {
        let max = self.end.unwrap_or(i64::MAX.cast_unsigned());
        let end = start.saturating_add(size);
        if end <= max {
            return Ok(());
        }
        Err(match self.end {
            Some(_) => Error::from(Malformed::Goodbye).at(start),
            None => Error::Limit { what: Limited::Stream, value: end, max },
        })
    }

    /// Whether a record of this kind and size may stand here. Judged by the header, before the rest is gathered.
    fn check_place(&self, header: &Header) -> Result<()> {
        let kind = header.kind;
        match &self.state {
            State::Entry if kind == RecordKind::Entry => Ok(()),
            State::Metadata(reader) if reader.ends_with(kind) => Ok(()),
            State::Metadata(reader) => {
                let size = (self.record as u64).saturating_add(header.size);
                if size > self.limits.node_bytes as u64 {
                    return Err(Error::Limit {
                        what: Limited::NodeBytes,
                        value: size,
                        max: self.limits.node_bytes as u64,
                    });
                }
                reader.admits(kind)
            }
            State::Directory if kind == RecordKind::Filename => Ok(()),
            State::Directory if kind == RecordKind::Goodbye => {
                let entries = self.frames.last().map_or(0, |frame| frame.children.len()) as u64;
                if header.size == GOODBYE_MIN + GOODBYE_ITEM * entries {
                    Ok(())
                } else {
                    Err(Malformed::Goodbye.into())
                }
            }
            _ => Err(Malformed::MisplacedRecord(kind).into()),
        }
    }

    /// Takes the record under way, which has been gathered as far as it is needed.
    fn take_record(&mut self, kind: RecordKind, start: u64) -> Result<Record> {
        match &mut self.state {
            State::Entry => {
                let reader = NodeReader::new(&self.records[self.record..], self.features)?;
                self.features = Some(reader.features());
                if self.frames.is_empty() && self.end.is_none() && reader.file_type() != FileType::Directory {
                    return Err(Malformed::Root.into());
                }
                self.check_depth()?;
                self.record = self.records.len();
                self.entry = start;
                self.state = State::Metadata(reader);
            }
            State::Metadata(reader) if reader.ends_with(kind) => {
                let whole = !reader.needs_no_content();
                self.complete_node(self.record..self.records.len())?;
                if whole {
                    self.record = self.records.len();
                }
            }
            State::Metadata(reader) => {
                reader.push(kind, &self.records[self.record..])?;
                self.record = self.records.len();
            }
            State::Directory if kind == RecordKind::Filename => {
                self.open_child(start)?;
            }
            _ => {
                self.check_goodbye(start)?;
                self.frames.pop();
                self.records.clear();
                self.record = 0;
                self.end_node()?;
                return Ok(Record::EndedDirectory);
            }
        }
        Ok(Record::Taken)
    }

    /// Ends the metadata of a node; `content` is where the record that ended it lies.
    fn complete_node(&mut self, content: Range<usize>) -> Result<()> {
        if let State::Metadata(reader) = core::mem::replace(&mut self.state, State::Announce) {
            self.node = Some(reader.finish(&self.records[content])?);
        }
        Ok(())
    }

    /// Takes a FILENAME record.
    fn open_child(&mut self, start: u64) -> Result<()> {
        let name = text_body(&self.records[self.record..]).ok_or(Malformed::Name)?;
        let name = Name::new(name)?;
        let frame = self.frames.last_mut().expect("because a directory is open");
        if !frame.admits(&name) {
            return Err(Malformed::NameOrder.into());
        }
        let (entries, max) = (frame.children.len() as u64 + 1, self.limits.directory_entries);
        if entries > max {
            return Err(Error::Limit { what: Limited::DirectoryEntries, value: entries, max });
        }
        frame.open_child(name, start);
        self.records.clear();
        self.record = 0;
        self.state = State::Entry;
        Ok(())
    }

    /// Compares a GOODBYE record with what its directory really held.
    fn check_goodbye(&mut self, start: u64) -> Result<()> {
        let frame = self.frames.last_mut().expect("because a directory is open");
        let mut expected = Vec::new();
        GoodbyeTail::emit_table(&mut frame.children, start - frame.entry, &mut expected);
        if self.records[self.record..] == expected { Ok(()) } else { Err(Malformed::Goodbye.into()) }
    }

    fn check_depth(&self) -> Result<()> {
        let depth = self.frames.len() + 1;
        if depth > self.limits.depth {
            return Err(Error::Limit { what: Limited::Depth, value: depth as u64, max: self.limits.depth as u64 });
        }
        Ok(())
    }

    /// Goes on after a node was put together: into its payload or entries.
    fn announce(&mut self) {
        self.state = match self.node.as_ref().map(|node| &node.content) {
            Some(Content::Directory) => {
                self.frames.push(Frame::new(self.entry));
                State::Directory
            }
            Some(Content::Regular { size }) => State::Payload(*size),
            _ => State::Payload(0),
        };
    }

    /// Ends the innermost node. The header of the record after it may have been gathered already.
    fn end_node(&mut self) -> Result<()> {
        let position = self.position - self.held();
        if let Some(frame) = self.frames.last_mut() {
            frame.close_child(position);
            self.records.drain(..self.record);
            self.record = 0;
            self.state = State::Directory;
            return Ok(());
        }
        self.state = State::Done;
        match self.end {
            Some(end) if end != position => Err(Error::from(Malformed::Goodbye).at(position)),
            _ => Ok(()),
        }
    }

    /// At the end of a part, a pipe or socket is complete without a record that says so.
    fn ends_without_record(&mut self) -> Result<bool> {
        let State::Metadata(reader) = &self.state else { return Ok(false) };
        let whole_part = self.end == Some(self.position) && self.frames.is_empty() && self.held() == 0;
        if !whole_part || !matches!(reader.file_type(), FileType::Fifo | FileType::Socket) {
            return Ok(false);
        }
        self.complete_node(0..0).map_err(|error| error.at(self.position))?;
        Ok(true)
    }
}

/// What came of reading a record.
enum Record {
    /// It is not all there.
    Incomplete,
    /// It was taken.
    Taken,
    /// It was the GOODBYE of a directory.
    EndedDirectory,
}

/// The kind of an event, before it is given its borrows.
enum Did {
    Node,
    Payload,
    End,
}
