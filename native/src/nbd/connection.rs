//! A session: the handshake, then requests until the client has enough.

use std::io::{self, IoSlice, Read, Write};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::handshake::{Agreed, shake};
use super::room::{Room, Taken};
use super::wire::{self, Request, chunk, command};
use super::{Export, Exports};
use crate::error::Result;
use crate::mount::Extent;
use crate::ui::log;

/// Requests that are worked on at the same time.
const WORKERS: usize = 16;
/// Bytes of all answers and payloads of a connection.
const IN_FLIGHT: u64 = 64 << 20;
/// Bytes of a part of an answer, where it may have parts.
const PART: u64 = 1 << 20;
/// Extents in one answer.
const EXTENTS_MAX: usize = 1024;
/// Bytes that the cache is asked to load at once.
const CACHE_MAX: u64 = 64 << 20;

/// Serves one client.
///
/// `begun` is called after the handshake.
///
/// # Errors
///
/// If the client breaks the protocol or the connection.
pub fn serve<S>(stream: &S, exports: &Exports, begun: impl FnOnce(&S)) -> io::Result<()>
where
    S: Sync,
    for<'s> &'s S: Read + Write,
{
    let Some(agreed) = shake(&mut { stream }, exports)? else { return Ok(()) };
    begun(stream);
    transmit(stream, &agreed)
}

/// Serves the kernel, which has agreed on everything by other ways.
///
/// # Errors
///
/// As [`serve`].
pub fn serve_kernel<S>(stream: &S, export: &Export) -> io::Result<()>
where
    S: Sync,
    for<'s> &'s S: Read + Write,
{
    transmit(stream, &Agreed { export, structured: false, extents: false })
}

/// Requests until the client disconnects.
fn transmit<S>(stream: &S, agreed: &Agreed<'_>) -> io::Result<()>
where
    S: Sync,
    for<'s> &'s S: Read + Write,
{
    let room = Room::new(IN_FLIGHT);
    let (work, requests) = crossbeam_channel::bounded::<Job<'_>>(WORKERS);
    let writer = Mutex::new(stream);
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            let (requests, writer) = (requests.clone(), &writer);
            // A client that does not read its answers is noticed by whoever reads its requests.
            scope.spawn(move || {
                let mut answers = Answers { writer, agreed, buffer: Vec::new() };
                requests.iter().for_each(|job| drop(answers.answer(job)));
            });
        }
        drop(requests);
        // Gone when this part ends, whichever way: workers wait for more as long as there is a sender.
        let work = work;
        let mut reader = stream;
        loop {
            let mut head = [0; Request::SIZE];
            if !read_head(&mut reader, &mut head)? {
                return Ok(());
            }
            let request = Request::parse(&head)
                .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no request where one is expected"))?;
            if request.command == command::DISCONNECT {
                return Ok(());
            }
            let carries = matches!(request.command, command::READ | command::WRITE);
            if request.command == command::WRITE && request.length > wire::PAYLOAD_MAX {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a write is too long"));
            }
            let room = room.take(if carries { request.length.min(wire::PAYLOAD_MAX).into() } else { 0 });
            let mut payload = Vec::new();
            if request.command == command::WRITE {
                payload.resize(request.length as usize, 0);
                reader.read_exact(&mut payload)?;
            }
            if work.send(Job { request, payload, _room: room }).is_err() {
                return Ok(());
            }
        }
    })
}

/// Reads a request's header; false if the client has hung up before it.
fn read_head(reader: &mut impl Read, head: &mut [u8]) -> io::Result<bool> {
    loop {
        match reader.read(&mut head[..1]) {
            Ok(0) => return Ok(false),
            Ok(_) => return reader.read_exact(&mut head[1..]).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

struct Job<'a> {
    request: Request,
    payload: Vec<u8>,
    _room: Taken<'a>,
}

/// A worker.
struct Answers<'a, 's, S> {
    writer: &'a Mutex<&'s S>,
    agreed: &'a Agreed<'a>,
    buffer: Vec<u8>,
}

impl<S> Answers<'_, '_, S>
where
    for<'s> &'s S: Write,
{
    fn answer(&mut self, job: Job<'_>) -> io::Result<()> {
        let Job { request, payload, _room } = job;
        if let Some((number, text)) = self.refuse(&request) {
            return self.fail(&request, number, text);
        }
        let disk = &self.agreed.export.disk;
        let range = request.offset..request.offset + u64::from(request.length);
        let done = match request.command {
            command::READ => return self.read(&request),
            command::BLOCK_STATUS => return self.block_status(&request),
            command::CACHE => {
                disk.prefetch(range.start..range.end.min(range.start + CACHE_MAX));
                Ok(())
            }
            command::FLUSH => disk.flush(),
            command::WRITE => disk.write_at(request.offset, &payload),
            // Zeros are the one thing that can be promised of what was trimmed.
            _ => disk.write_zeros(range),
        };
        let changes = matches!(request.command, command::WRITE | command::WRITE_ZEROES | command::TRIM);
        let forced = changes && request.flags & command::FUA != 0;
        match done.and_then(|()| if forced { disk.flush() } else { Ok(()) }) {
            Ok(()) => self.acknowledge(&request),
            Err(error) => self.report(&request, request.offset, &error),
        }
    }

    /// What is wrong with a request, before anything is done.
    fn refuse(&self, request: &Request) -> Option<(u32, &'static str)> {
        let disk = &self.agreed.export.disk;
        let (is_write, is_known) = match request.command {
            command::WRITE | command::WRITE_ZEROES | command::TRIM => (true, true),
            command::READ | command::FLUSH | command::CACHE => (false, true),
            command::BLOCK_STATUS => (false, self.agreed.extents),
            _ => (false, false),
        };
        if !is_known {
            return Some((wire::EINVAL, "unknown command"));
        }
        if is_write && !disk.is_writable() {
            return Some((wire::EPERM, "the export is read-only"));
        }
        if request.command == command::FLUSH {
            return None;
        }
        if request.offset.checked_add(request.length.into()).is_none_or(|end| end > disk.size()) {
            return Some((if is_write { wire::ENOSPC } else { wire::EINVAL }, "beyond the end"));
        }
        match request.command {
            command::READ if request.length > wire::PAYLOAD_MAX => Some((wire::EOVERFLOW, "too long")),
            command::BLOCK_STATUS if request.length == 0 => Some((wire::EINVAL, "an empty range has no extents")),
            _ => None,
        }
    }

    fn read(&mut self, request: &Request) -> io::Result<()> {
        let disk = &self.agreed.export.disk;
        let (start, end) = (request.offset, request.offset + u64::from(request.length));
        if !self.agreed.structured {
            self.buffer.resize(request.length as usize, 0);
            return match disk.read_at(start, &mut self.buffer) {
                Ok(()) => self.send(&[&wire::simple_reply(0, request.cookie), &self.buffer]),
                Err(error) => self.report(request, start, &error),
            };
        }
        // Without parts, an answer that turns out to be impossible must be known before its first byte.
        let whole = request.flags & command::DONT_FRAGMENT != 0;
        let (extents, part) = match whole {
            true => (vec![Extent { range: start..end, is_hole: false }], request.length.into()),
            false => (disk.extents(start..end), PART),
        };
        for Extent { range, is_hole } in extents {
            if is_hole {
                let length = (range.end - range.start) as u32;
                let head = wire::chunk_header(0, chunk::HOLE, request.cookie, 12);
                self.send(&[&head, &range.start.to_be_bytes(), &length.to_be_bytes()])?;
                continue;
            }
            let mut offset = range.start;
            while offset < range.end {
                self.buffer.resize(part.min(range.end - offset) as usize, 0);
                if let Err(error) = disk.read_at(offset, &mut self.buffer) {
                    return self.report(request, offset, &error);
                }
                let head = wire::chunk_header(0, chunk::DATA, request.cookie, 8 + self.buffer.len() as u32);
                self.send(&[&head, &offset.to_be_bytes(), &self.buffer])?;
                offset += self.buffer.len() as u64;
            }
        }
        self.acknowledge(request)
    }

    fn block_status(&self, request: &Request) -> io::Result<()> {
        let range = request.offset..request.offset + u64::from(request.length);
        let one = request.flags & command::ONE != 0;
        let extents = self.agreed.export.disk.extents(range);
        let mut told: Vec<(u32, u32)> = Vec::new();
        for extent in extents {
            let length = (extent.range.end - extent.range.start) as u32;
            let state = if extent.is_hole { wire::HOLE_OF_ZEROS } else { 0 };
            if let Some(last) = told.last_mut().filter(|last| last.1 == state) {
                last.0 += length;
            } else if told.len() == if one { 1 } else { EXTENTS_MAX } {
                break;
            } else {
                told.push((length, state));
            }
        }
        let mut body = Vec::from(wire::ALLOCATION_ID.to_be_bytes());
        for (length, state) in told {
            body.extend_from_slice(&length.to_be_bytes());
            body.extend_from_slice(&state.to_be_bytes());
        }
        let head = wire::chunk_header(chunk::DONE, chunk::BLOCK_STATUS, request.cookie, body.len() as u32);
        self.send(&[&head, &body])
    }

    fn acknowledge(&self, request: &Request) -> io::Result<()> {
        if self.agreed.structured {
            self.send(&[&wire::chunk_header(chunk::DONE, chunk::NONE, request.cookie, 0)])
        } else {
            self.send(&[&wire::simple_reply(0, request.cookie)])
        }
    }

    /// Tells the client of an error, and people why.
    fn report(&self, request: &Request, offset: u64, error: &crate::error::Error) -> io::Result<()> {
        let Export { name, .. } = self.agreed.export;
        log::error(format_args!("Export {name:?}, byte {offset}: {error}"));
        self.fail(request, wire::error_number(error), &error.to_string())
    }

    fn fail(&self, request: &Request, number: u32, text: &str) -> io::Result<()> {
        if !self.agreed.structured {
            return self.send(&[&wire::simple_reply(number, request.cookie)]);
        }
        /// Longest text that the protocol has.
        const TEXT_MAX: usize = 4096;
        let text = &text[..text.floor_char_boundary(TEXT_MAX)];
        let head = wire::chunk_header(chunk::DONE, chunk::ERROR, request.cookie, 6 + text.len() as u32);
        self.send(&[&head, &number.to_be_bytes(), &(text.len() as u16).to_be_bytes(), text.as_bytes()])
    }

    /// Sends an answer or a part of one: nothing of another comes between.
    fn send(&self, parts: &[&[u8]]) -> io::Result<()> {
        let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
        let mut slices = &mut slices[..];
        let alone = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut writer: &S = *alone;
        IoSlice::advance_slices(&mut slices, 0);
        while !slices.is_empty() {
            match writer.write_vectored(slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => IoSlice::advance_slices(&mut slices, count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Flushes what clients have written; for the end of a server.
///
/// # Errors
///
/// The first that a disk reports.
pub(super) fn flush_all(exports: &Exports) -> Result<()> {
    exports.iter().try_for_each(|export| export.disk.flush())
}
