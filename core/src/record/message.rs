//! The frames of the wire protocol (spec: remote.md 3).

use alloc::vec::Vec;
use core::fmt;
use core::ops::RangeInclusive;

use super::header::{put, read, wire_kinds};
use crate::chunk::ChunkId;
use crate::error::{Malformed, Result};

/// Bytes in a frame's header: its size, and the constant that names its kind.
pub const MESSAGE_HEADER_SIZE: usize = 16;
/// Largest frame, header included.
pub const MESSAGE_MAX: u64 = 16 << 20;
/// Largest chunk that a frame can carry, as it is stored.
pub const MESSAGE_CHUNK_MAX: usize = MESSAGE_MAX as usize - CHUNK_HEADER_SIZE;

/// Bytes of a CHUNK frame before the chunk.
const CHUNK_HEADER_SIZE: usize = MESSAGE_HEADER_SIZE + 8 + 32;
/// Bytes of a REQUEST frame before the first id.
const REQUEST_HEADER_SIZE: u64 = 24;

wire_kinds! {
    /// The kinds of frames, each with its constant on the wire.
    MessageKind, else UnknownMessage:
    0x3c71_d094_8ca5_fbee Hello "HELLO" 24..=24, "What a side offers and asks for; the first frame of each.";
    0xb32a_91dd_2b3e_27f8 Index "INDEX" 17..=MESSAGE_MAX, "A piece of the index.";
    0x4f09_32f1_0437_18f5 IndexEof "INDEX_EOF" 16..=16, "The index is complete.";
    0x95d6_428a_69ed_dcc5 Archive "ARCHIVE" 17..=MESSAGE_MAX, "A piece of the archive.";
    0x450b_ef66_3f24_cbad ArchiveEof "ARCHIVE_EOF" 16..=16, "The archive is complete.";
    0x8ab4_27e0_f89d_9210 Request "REQUEST" 56..=MESSAGE_MAX, "Chunks that are wanted.";
    0x5213_dd18_0a84_bc8c Chunk "CHUNK" 57..=MESSAGE_MAX, "A chunk.";
    0xd010_f9fa_c82b_7b6c Missing "MISSING" 48..=48, "A chunk that is not to be had.";
    0xad20_5dbf_1a36_86c3 Goodbye "GOODBYE" 16..=16, "The sender is done.";
    0xe7d9_136b_7efe_a352 Abort "ABORT" 25..=MESSAGE_MAX, "The sender has failed.";
}

/// Size and kind of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageHeader {
    /// Bytes in the whole frame, this header included.
    pub size: u64,
    /// The kind.
    pub kind: MessageKind,
}

impl MessageHeader {
    /// Parses the header at the start of `bytes`.
    ///
    /// # Errors
    ///
    /// [`Malformed::UnknownMessage`], or [`Malformed::MessageSize`] for a size that the kind cannot have.
    ///
    /// # Panics
    ///
    /// If `bytes` is shorter than [`MESSAGE_HEADER_SIZE`].
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let header = Self { size: read(bytes, 0), kind: MessageKind::from_wire(read(bytes, 8))? };
        let whole_ids =
            header.kind != MessageKind::Request || header.size.wrapping_sub(REQUEST_HEADER_SIZE).is_multiple_of(32);
        if header.kind.sizes().contains(&header.size) && whole_ids {
            Ok(header)
        } else {
            Err(Malformed::MessageSize { kind: header.kind, size: header.size }.into())
        }
    }

    /// Bytes after the header.
    pub const fn body(&self) -> u64 {
        self.size - MESSAGE_HEADER_SIZE as u64
    }
}

/// Appends a frame: its header, numbers, and bytes.
pub(crate) fn emit_message(kind: MessageKind, numbers: &[u64], bytes: &[&[u8]], out: &mut Vec<u8>) {
    let length: usize = bytes.iter().map(|part| part.len()).sum();
    let size = MESSAGE_HEADER_SIZE + 8 * numbers.len() + length;
    debug_assert!(kind.sizes().contains(&(size as u64)), "{kind} of {size} bytes");
    out.reserve(size);
    put(&[size as u64, kind as u64], out);
    put(numbers, out);
    bytes.iter().for_each(|part| out.extend_from_slice(part));
}

/// How soon a chunk is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Some time.
    Low,
    /// Somebody waits for it.
    High,
}

impl Priority {
    /// From the flags of a REQUEST.
    ///
    /// # Errors
    ///
    /// [`Malformed::MessageFlags`] for unknown bits.
    pub(crate) fn from_wire(flags: u64) -> Result<Self> {
        match flags {
            0 => Ok(Self::Low),
            1 => Ok(Self::High),
            _ => Err(Malformed::MessageFlags(flags).into()),
        }
    }
}

/// Reads an id; the caller has checked the length.
pub(crate) fn read_id(bytes: &[u8]) -> ChunkId {
    let id: [u8; 32] = bytes[..32].try_into().expect("because the range has 32 bytes");
    ChunkId::from(crate::hash::Digest(id))
}
