//! The functions. Each one names the machine, the input and the output; [`super::host`] does the rest.

#![allow(
    unsafe_code,
    reason = "`no_mangle` counts as unsafe, because a second symbol of the same name would be taken for this one; the \
              prefix rules that out. No function takes a pointer, and there is no other unsafe code."
)]

use casync_core::archive::{Event, Located, Tree};
use casync_core::chunk::{ChunkId, VerifiedChunk};
use casync_core::error::UsageError;
use casync_core::hash::{Digest, DigestAlgorithm, Hasher};
use casync_core::index::IndexTable;
use casync_core::show::Lines;
use casync_core::{Error, Result};

use super::host::{Machine, buffers, call, not_this};
use super::layout;
use crate::feed::Feed;
use crate::limits;

/// Makes room for `length` bytes of input and returns where they go; null if memory lacks.
#[unsafe(no_mangle)]
pub extern "C" fn casync_input(length: usize) -> *mut u8 {
    buffers(|host| if host.make_room(length) { host.input.as_mut_ptr() } else { core::ptr::null_mut() })
}

/// Where the output of the last call is.
#[unsafe(no_mangle)]
pub extern "C" fn casync_output() -> *const u8 {
    buffers(|host| host.output.as_ptr())
}

/// How many bytes it has.
#[unsafe(no_mangle)]
pub extern "C" fn casync_output_length() -> usize {
    buffers(|host| host.output.len())
}

/// Ends a machine.
#[unsafe(no_mangle)]
pub extern "C" fn casync_close(handle: u32) -> i64 {
    call(|host| host.close(handle).map(|_| 0))
}

/// Starts reading an index; returns a handle.
#[unsafe(no_mangle)]
pub extern "C" fn casync_index() -> i64 {
    call(|host| Ok(host.open(Machine::IndexReader(IndexTable::builder(&limits::default())))))
}

/// Takes the next piece of an index. Input: the piece.
#[unsafe(no_mangle)]
pub extern "C" fn casync_index_feed(handle: u32) -> i64 {
    call(|host| {
        let piece = host.take_input();
        host.index_reader(handle)?.push(&piece).map(|()| 0)
    })
}

/// Ends the input of an index; returns the handle of the whole index.
#[unsafe(no_mangle)]
pub extern "C" fn casync_index_finish(handle: u32) -> i64 {
    call(|host| {
        host.index_reader(handle)?;
        let Machine::IndexReader(reader) = host.close(handle)? else { return Err(not_this()) };
        let table = reader.finish()?;
        Ok(host.open(Machine::Index(table)))
    })
}

/// Output: the six numbers of an index as a whole.
#[unsafe(no_mangle)]
pub extern "C" fn casync_index_header(handle: u32) -> i64 {
    call(|host| {
        let (table, output) = host.index(handle)?;
        layout::header(table, output);
        Ok(0)
    })
}

/// Finds the chunks that hold any of the bytes from `start` to before `end`; returns how many. Output: the chunks.
#[unsafe(no_mangle)]
pub extern "C" fn casync_index_chunks(handle: u32, start: u64, end: u64) -> i64 {
    call(|host| {
        let (table, output) = host.index(handle)?;
        Ok(table.covering(start..end).map(|piece| layout::chunk(&piece, output)).count() as u64)
    })
}

/// Unpacks and verifies a chunk of `size` bytes. Input: its id, then what a store holds of it. Output: its plain bytes.
#[unsafe(no_mangle)]
pub extern "C" fn casync_chunk(sha256: u32, size: u64) -> i64 {
    call(|host| {
        let mut stored = host.take_input();
        let id = *stored.first_chunk::<{ Digest::LEN }>().ok_or(Error::Usage(UsageError::Digest))?;
        stored.drain(..id.len());
        let id = ChunkId::from(Digest(id));
        host.output = VerifiedChunk::recognize(stored, &id, size, algorithm(sha256)?)?.into_bytes();
        Ok(size)
    })
}

/// Starts a digest, SHA-512/256 for 0 and SHA-256 for 1; returns a handle.
#[unsafe(no_mangle)]
pub extern "C" fn casync_hasher(sha256: u32) -> i64 {
    call(|host| Ok(host.open(Machine::Hasher(Hasher::new(algorithm(sha256)?)))))
}

/// Adds to a digest. Input: the bytes.
#[unsafe(no_mangle)]
pub extern "C" fn casync_hasher_update(handle: u32) -> i64 {
    call(|host| {
        let bytes = host.take_input();
        host.hasher(handle)?.update(&bytes);
        Ok(0)
    })
}

/// Ends a digest. Output: its 32 bytes.
#[unsafe(no_mangle)]
pub extern "C" fn casync_hasher_finish(handle: u32) -> i64 {
    call(|host| {
        host.hasher(handle)?;
        let Machine::Hasher(hasher) = host.close(handle)? else { return Err(not_this()) };
        host.output.extend_from_slice(hasher.finish().as_bytes());
        Ok(0)
    })
}

/// Starts reading an archive; returns a handle.
#[unsafe(no_mangle)]
pub extern "C" fn casync_decoder() -> i64 {
    call(|host| Ok(host.open(Machine::Decoder(Box::new(Feed::new(&limits::default()))))))
}

/// Hands over the next piece of an archive; the one before must have been used up. Input: the piece.
#[unsafe(no_mangle)]
pub extern "C" fn casync_decoder_feed(handle: u32) -> i64 {
    call(|host| {
        let piece = host.take_input();
        host.decoder(handle)?.0.feed(piece).map(|()| 0)
    })
}

/// Reads on; returns 0 if that takes the next piece, 1 for a node, 2 for payload, 3 for the end of a node. Output: the
/// node or the payload.
#[unsafe(no_mangle)]
pub extern "C" fn casync_decoder_step(handle: u32) -> i64 {
    call(|host| {
        let (feed, output) = host.decoder(handle)?;
        Ok(match feed.step()? {
            None => 0,
            Some(Event::Node(node)) => {
                layout::event(&node, output);
                1
            }
            Some(Event::Payload(bytes)) => {
                output.extend_from_slice(bytes);
                2
            }
            Some(Event::End) => 3,
        })
    })
}

/// Passes over `bytes` of payload that are not wanted; returns by how much later than the end of this piece the next one
/// has to start.
#[unsafe(no_mangle)]
pub extern "C" fn casync_decoder_skip(handle: u32, bytes: u64) -> i64 {
    call(|host| host.decoder(handle)?.0.skip(bytes))
}

/// Ends the input of an archive.
#[unsafe(no_mangle)]
pub extern "C" fn casync_decoder_finish(handle: u32) -> i64 {
    call(|host| {
        let finished = host.decoder(handle)?.0.finish();
        host.close(handle)?;
        finished.map(|()| 0)
    })
}

/// Starts the text of `casync list`; returns a handle.
#[unsafe(no_mangle)]
pub extern "C" fn casync_list() -> i64 {
    call(|host| Ok(host.open(Machine::Lines(Box::new(Feed::new(&limits::default())), Lines::list()))))
}

/// Starts the text of `casync mtree`; returns a handle.
#[unsafe(no_mangle)]
pub extern "C" fn casync_mtree() -> i64 {
    call(|host| Ok(host.open(Machine::Lines(Box::new(Feed::new(&limits::default())), Lines::mtree()))))
}

/// Takes the next piece of an archive. Input: the piece. Output: the lines that it completes.
#[unsafe(no_mangle)]
pub extern "C" fn casync_lines_feed(handle: u32) -> i64 {
    call(|host| {
        let piece = host.take_input();
        let (feed, lines, output) = host.lines(handle)?;
        let mut text = String::new();
        feed.feed(piece)?;
        while let Some(event) = feed.step()? {
            lines.push(&event, &mut text);
        }
        *output = text.into_bytes();
        Ok(0)
    })
}

/// Ends the input of an archive.
#[unsafe(no_mangle)]
pub extern "C" fn casync_lines_finish(handle: u32) -> i64 {
    call(|host| {
        let finished = host.lines(handle)?.0.finish();
        host.close(handle)?;
        finished.map(|()| 0)
    })
}

/// Asks for the node at a path of an archive of `size` bytes; returns the question's handle. Input: the path.
#[unsafe(no_mangle)]
pub extern "C" fn casync_find(size: u64) -> i64 {
    call(|host| {
        let find = Tree::new(size, &limits::default()).find(&host.take_input());
        Ok(host.open(Machine::Find(Box::new(find))))
    })
}

/// Asks for the entries of the directory that lies from `entry` to before `end` in an archive of `size` bytes; returns
/// the question's handle.
#[unsafe(no_mangle)]
pub extern "C" fn casync_listing(size: u64, entry: u64, end: u64) -> i64 {
    call(|host| {
        let listing = Tree::new(size, &limits::default()).list(Located { entry, end });
        Ok(host.open(Machine::Listing(Box::new(listing))))
    })
}

/// Asks a question again; returns 0 for no node, 1 for a node, 2 for bytes to provide. Output: the node, or the offsets
/// where these bytes start and end.
#[unsafe(no_mangle)]
pub extern "C" fn casync_question_step(handle: u32) -> i64 {
    call(|host| host.step_question(handle))
}

/// Hands over bytes of the archive, from `start` on. Input: the bytes.
#[unsafe(no_mangle)]
pub extern "C" fn casync_question_provide(handle: u32, start: u64) -> i64 {
    call(|host| host.provide(handle, start))
}

fn algorithm(sha256: u32) -> Result<DigestAlgorithm> {
    match sha256 {
        0 => Ok(DigestAlgorithm::Sha512_256),
        1 => Ok(DigestAlgorithm::Sha256),
        _ => Err(UsageError::DigestAlgorithm.into()),
    }
}
