//! From bytes to messages.

use alloc::string::String;
use alloc::vec::Vec;

use crate::chunk::{ChunkId, StoredChunk};
use crate::error::{Error, Malformed, Result};
use crate::record::{MESSAGE_HEADER_SIZE, MessageHeader, MessageKind, Priority, read, read_id};

/// A message, or a part of one.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    Hello(u64),
    Index(&'a [u8]),
    IndexEof,
    Archive(&'a [u8]),
    ArchiveEof,
    /// One of the ids of a REQUEST.
    Request(ChunkId, Priority),
    Chunk(ChunkId, StoredChunk),
    Missing(ChunkId),
    Goodbye,
    Abort(u32, String),
}

/// Splits a stream into messages. Index and archive pass through in whatever pieces they come; only chunks are gathered,
/// as far as their bytes have come.
#[derive(Clone, Debug)]
pub(super) struct Frames {
    state: State,
    /// Bytes of a header or of fixed fields that earlier pieces brought.
    held: Vec<u8>,
    /// Where the current frame starts in the stream.
    place: u64,
    /// Bytes used so far.
    used: u64,
}

#[derive(Clone, Debug)]
enum State {
    Header,
    /// Fixed fields of this many bytes come next; `rest` bytes of the frame follow them.
    Fields {
        kind: MessageKind,
        length: usize,
        rest: u64,
    },
    /// Index or archive.
    Pass {
        kind: MessageKind,
        rest: u64,
    },
    Ids {
        priority: Priority,
        rest: u64,
    },
    Chunk {
        id: ChunkId,
        is_compressed: bool,
        rest: u64,
        bytes: Vec<u8>,
    },
    Reason {
        errno: u32,
        rest: u64,
        bytes: Vec<u8>,
    },
}

impl Frames {
    /// Longest text of an ABORT that is kept.
    const REASON_MAX: usize = 4096;

    pub(super) const fn new() -> Self {
        Self { state: State::Header, held: Vec::new(), place: 0, used: 0 }
    }

    /// Whether the stream may end here.
    pub(super) fn is_between(&self) -> bool {
        matches!(self.state, State::Header) && self.held.is_empty()
    }

    /// Bytes of the stream that were used.
    pub(super) const fn used(&self) -> u64 {
        self.used
    }

    /// Offset of the current frame.
    pub(super) const fn place(&self) -> u64 {
        self.place
    }

    /// Takes the next message or part of one; `None` if all of `input` was used before one was complete.
    pub(super) fn step<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Option<Part<'a>>)> {
        let mut rest = input;
        loop {
            let before = rest.len();
            let part = self.advance(&mut rest).map_err(|error| error.at(self.place))?;
            self.used += (before - rest.len()) as u64;
            if part.is_some() || rest.is_empty() {
                return Ok((input.len() - rest.len(), part));
            }
        }
    }

    fn advance<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Part<'a>>> {
        match &mut self.state {
            State::Header => {
                if self.held.is_empty() {
                    self.place = self.used;
                }
                if !gather(&mut self.held, MESSAGE_HEADER_SIZE, input) {
                    return Ok(None);
                }
                let header = MessageHeader::parse(&self.held)?;
                self.held.clear();
                self.begin(header)
            }
            State::Fields { kind, length, rest } => {
                let (kind, length, rest) = (*kind, *length, *rest);
                if !gather(&mut self.held, length, input) {
                    return Ok(None);
                }
                let part = self.fields(kind, rest);
                self.held.clear();
                part
            }
            State::Pass { kind, rest } => {
                let kind = *kind;
                let piece = take(input, rest);
                if *rest == 0 {
                    self.state = State::Header;
                }
                let part = if kind == MessageKind::Index { Part::Index(piece) } else { Part::Archive(piece) };
                Ok((!piece.is_empty()).then_some(part))
            }
            State::Ids { priority, rest } => {
                let priority = *priority;
                if !gather(&mut self.held, 32, input) {
                    return Ok(None);
                }
                let id = read_id(&self.held);
                self.held.clear();
                *rest -= 32;
                if *rest == 0 {
                    self.state = State::Header;
                }
                Ok(Some(Part::Request(id, priority)))
            }
            State::Chunk { id, is_compressed, rest, bytes } => {
                bytes.extend_from_slice(take(input, rest));
                if *rest > 0 {
                    return Ok(None);
                }
                let bytes = core::mem::take(bytes);
                let chunk = if *is_compressed { StoredChunk::Compressed(bytes) } else { StoredChunk::Plain(bytes) };
                let part = Part::Chunk(*id, chunk);
                self.state = State::Header;
                Ok(Some(part))
            }
            State::Reason { errno, rest, bytes } => {
                let piece = take(input, rest);
                let (text, last) =
                    if *rest == 0 { piece.split_at(piece.len().saturating_sub(1)) } else { (piece, &[0][..]) };
                if last != [0] || text.iter().any(|&byte| byte < b' ') {
                    return Err(Malformed::AbortReason.into());
                }
                let room = Self::REASON_MAX - bytes.len();
                bytes.extend_from_slice(&text[..text.len().min(room)]);
                if *rest > 0 {
                    return Ok(None);
                }
                let part = Part::Abort(*errno, String::from_utf8_lossy(bytes).into_owned());
                self.state = State::Header;
                Ok(Some(part))
            }
        }
    }

    /// Begins a frame whose header has come.
    fn begin<'a>(&mut self, header: MessageHeader) -> Result<Option<Part<'a>>> {
        let kind = header.kind;
        let fields = |length: usize| State::Fields { kind, length, rest: header.body() - length as u64 };
        match kind {
            MessageKind::IndexEof => return Ok(Some(Part::IndexEof)),
            MessageKind::ArchiveEof => return Ok(Some(Part::ArchiveEof)),
            MessageKind::Goodbye => return Ok(Some(Part::Goodbye)),
            MessageKind::Index | MessageKind::Archive => self.state = State::Pass { kind, rest: header.body() },
            MessageKind::Hello | MessageKind::Request | MessageKind::Abort => self.state = fields(8),
            MessageKind::Missing => self.state = fields(32),
            MessageKind::Chunk => self.state = fields(40),
        }
        Ok(None)
    }

    /// Takes in the fixed fields, which are held.
    fn fields<'a>(&mut self, kind: MessageKind, rest: u64) -> Result<Option<Part<'a>>> {
        self.state = State::Header;
        match kind {
            MessageKind::Hello => return Ok(Some(Part::Hello(read(&self.held, 0)))),
            MessageKind::Missing => return Ok(Some(Part::Missing(read_id(&self.held)))),
            MessageKind::Request => {
                self.state = State::Ids { priority: Priority::from_wire(read(&self.held, 0))?, rest };
            }
            MessageKind::Chunk => {
                let flags = read(&self.held, 0);
                if flags > 1 {
                    return Err(Malformed::MessageFlags(flags).into());
                }
                let id = read_id(&self.held[8..]);
                self.state = State::Chunk { id, is_compressed: flags == 1, rest, bytes: Vec::new() };
            }
            _ => {
                let errno = u32::try_from(read(&self.held, 0)).ok().filter(|errno| *errno < 0x7fff_ffff);
                let errno = errno.ok_or_else(|| Error::from(Malformed::AbortReason))?;
                self.state = State::Reason { errno, rest, bytes: Vec::new() };
            }
        }
        Ok(None)
    }
}

/// Moves bytes to `held` until it has `length` of them; whether it has.
fn gather(held: &mut Vec<u8>, length: usize, input: &mut &[u8]) -> bool {
    let (taken, behind) = input.split_at(input.len().min(length - held.len()));
    held.extend_from_slice(taken);
    *input = behind;
    held.len() == length
}

/// Takes at most `rest` bytes, and counts them.
fn take<'a>(input: &mut &'a [u8], rest: &mut u64) -> &'a [u8] {
    let count = usize::try_from(*rest).unwrap_or(usize::MAX).min(input.len());
    let (taken, behind) = input.split_at(count);
    *input = behind;
    *rest -= count as u64;
    taken
}
