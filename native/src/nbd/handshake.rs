//! The part of a session before the first request: which export, and what both sides can do.

use std::io::{self, Read, Write};

use super::wire::{self, flag, info, option, reply};
use super::{Export, Exports};

/// Bytes of an option, beyond which nobody has anything to say.
const OPTION_MAX: u32 = 16 << 10;
/// Options in one session.
const OPTIONS_MAX: usize = 256;

/// What was agreed on.
#[derive(Clone, Debug)]
pub(super) struct Agreed<'a> {
    pub(super) export: &'a Export,
    /// Answers are made of parts.
    pub(super) structured: bool,
    /// The client wants to know extents.
    pub(super) extents: bool,
}

/// Reads options until the client has chosen an export; `None` if it goes away without.
pub(super) fn shake<'a>(stream: &mut (impl Read + Write), exports: &'a Exports) -> io::Result<Option<Agreed<'a>>> {
    let mut hello = Vec::new();
    hello.extend_from_slice(&wire::INIT_MAGIC.to_be_bytes());
    hello.extend_from_slice(&wire::OPTION_MAGIC.to_be_bytes());
    hello.extend_from_slice(&(wire::FIXED_NEWSTYLE | wire::NO_ZEROES).to_be_bytes());
    stream.write_all(&hello)?;
    let client = u32::from_be_bytes(read(stream)?);
    let known = u32::from(wire::FIXED_NEWSTYLE | wire::NO_ZEROES);
    if client & !known != 0 || client & u32::from(wire::FIXED_NEWSTYLE) == 0 {
        return Err(invalid("the client does not speak the fixed newstyle protocol"));
    }
    let mut talk = Talk { stream, exports, structured: false, extents_of: None };
    for _ in 0..OPTIONS_MAX {
        let head: [u8; 16] = read(talk.stream)?;
        if wire::u64_at(&head, 0) != wire::OPTION_MAGIC {
            return Err(invalid("no option where one is expected"));
        }
        let (number, length) = (wire::u32_at(&head, 8), wire::u32_at(&head, 12));
        if length > OPTION_MAX {
            io::copy(&mut Read::take(&mut *talk.stream, length.into()), &mut io::sink())?;
            talk.answer(number, reply::TOO_BIG, b"the option is too long")?;
            continue;
        }
        let mut data = vec![0; length as usize];
        talk.stream.read_exact(&mut data)?;
        match number {
            option::EXPORT_NAME => {
                // There is no way to say no but to hang up.
                let export = talk.find(&data).ok_or_else(|| invalid("the client asks for an unknown export"))?;
                let mut answer = describe(export);
                if client & u32::from(wire::NO_ZEROES) == 0 {
                    answer.resize(answer.len() + 124, 0);
                }
                talk.stream.write_all(&answer)?;
                return Ok(Some(talk.agreed(export)));
            }
            option::ABORT => {
                talk.answer(number, reply::ACK, b"")?;
                return Ok(None);
            }
            option::LIST => talk.list(&data)?,
            option::INFO | option::GO => {
                if let Some(export) = talk.inform(number, &data)? {
                    return Ok(Some(talk.agreed(export)));
                }
            }
            option::STRUCTURED_REPLY if data.is_empty() => {
                talk.structured = true;
                talk.answer(number, reply::ACK, b"")?;
            }
            option::STRUCTURED_REPLY => talk.answer(number, reply::INVALID, b"no data expected")?,
            option::LIST_META_CONTEXT | option::SET_META_CONTEXT => talk.contexts(number, &data)?,
            _ => talk.answer(number, reply::UNSUPPORTED, b"")?,
        }
    }
    Err(invalid("too many options"))
}

/// The handshake under way.
struct Talk<'a, 's, S> {
    stream: &'s mut S,
    exports: &'a Exports,
    structured: bool,
    /// The export whose extents the client wants to know.
    extents_of: Option<Vec<u8>>,
}

impl<'a, S: Read + Write> Talk<'a, '_, S> {
    fn find(&self, name: &[u8]) -> Option<&'a Export> {
        self.exports.find(name)
    }

    fn agreed(&self, export: &'a Export) -> Agreed<'a> {
        let extents = self.extents_of.as_deref().and_then(|name| self.find(name));
        let extents = self.structured && extents.is_some_and(|of| std::ptr::eq(of, export));
        Agreed { export, structured: self.structured, extents }
    }

    fn answer(&mut self, number: u32, kind: u32, data: &[u8]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(20 + data.len());
        bytes.extend_from_slice(&wire::OPTION_REPLY_MAGIC.to_be_bytes());
        for number in [number, kind, data.len() as u32] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.extend_from_slice(data);
        self.stream.write_all(&bytes)
    }

    fn list(&mut self, data: &[u8]) -> io::Result<()> {
        if !data.is_empty() {
            return self.answer(option::LIST, reply::INVALID, b"no data expected");
        }
        for export in self.exports.iter() {
            self.answer(option::LIST, reply::SERVER, &with_length(export.name.as_bytes()))?;
        }
        self.answer(option::LIST, reply::ACK, b"")
    }

    /// Tells about an export; returns it if the client will use it now.
    fn inform(&mut self, number: u32, data: &[u8]) -> io::Result<Option<&'a Export>> {
        let mut rest = data;
        let parsed = take_text(&mut rest)
            .filter(|_| rest.len() >= 2 && rest.len() == 2 + 2 * usize::from(wire::u16_at(rest, 0)));
        let Some(name) = parsed else {
            self.answer(number, reply::INVALID, b"malformed")?;
            return Ok(None);
        };
        let Some(export) = self.find(name) else {
            self.answer(number, reply::UNKNOWN, b"no such export")?;
            return Ok(None);
        };
        let tell = |kind: u16, data: &[u8]| [&kind.to_be_bytes(), data].concat();
        self.answer(number, reply::INFO, &tell(info::EXPORT, &describe(export)))?;
        if rest[2..].as_chunks::<2>().0.contains(&info::NAME.to_be_bytes()) {
            self.answer(number, reply::INFO, &tell(info::NAME, export.name.as_bytes()))?;
        }
        let sizes: Vec<u8> =
            [1, wire::PREFERRED, wire::PAYLOAD_MAX].iter().flat_map(|size| size.to_be_bytes()).collect();
        self.answer(number, reply::INFO, &tell(info::BLOCK_SIZE, &sizes))?;
        self.answer(number, reply::ACK, b"")?;
        Ok((number == option::GO).then_some(export))
    }

    /// Lists the kinds of extents that can be told, or takes note of those that are wanted.
    fn contexts(&mut self, number: u32, data: &[u8]) -> io::Result<()> {
        let is_set = number == option::SET_META_CONTEXT;
        if is_set {
            self.extents_of = None;
        }
        let mut rest = data;
        let parsed = take_text(&mut rest).filter(|_| rest.len() >= 4);
        let Some(name) = parsed else { return self.answer(number, reply::INVALID, b"malformed") };
        if is_set && !self.structured {
            return self.answer(number, reply::INVALID, b"structured replies come first");
        }
        if self.find(name).is_none() {
            return self.answer(number, reply::UNKNOWN, b"no such export");
        }
        let count = wire::u32_at(rest, 0);
        rest = &rest[4..];
        let mut wanted = count == 0 && !is_set;
        for _ in 0..count {
            let Some(query) = take_text(&mut rest) else { return self.answer(number, reply::INVALID, b"malformed") };
            wanted |= query == wire::ALLOCATION.as_bytes() || (!is_set && query == b"base:");
        }
        if !rest.is_empty() {
            return self.answer(number, reply::INVALID, b"malformed");
        }
        if wanted {
            let id: u32 = if is_set { wire::ALLOCATION_ID } else { 0 };
            self.answer(number, reply::META_CONTEXT, &[&id.to_be_bytes(), wire::ALLOCATION.as_bytes()].concat())?;
            if is_set {
                self.extents_of = Some(name.to_vec());
            }
        }
        self.answer(number, reply::ACK, b"")
    }
}

/// Size and flags of an export.
fn describe(export: &Export) -> Vec<u8> {
    [&export.disk.size().to_be_bytes()[..], &flags(export).to_be_bytes()].concat()
}

/// What can be done with an export.
pub(super) fn flags(export: &Export) -> u16 {
    let mut flags = flag::HAS_FLAGS | flag::SEND_DF | flag::CAN_MULTI_CONN | flag::SEND_CACHE | flag::SEND_FLUSH;
    if export.disk.is_writable() {
        flags |= flag::SEND_FUA | flag::SEND_TRIM | flag::SEND_WRITE_ZEROES;
    } else {
        flags |= flag::READ_ONLY;
    }
    flags
}

fn with_length(text: &[u8]) -> Vec<u8> {
    [&(text.len() as u32).to_be_bytes()[..], text].concat()
}

/// A text with its length before it.
fn take_text<'d>(data: &mut &'d [u8]) -> Option<&'d [u8]> {
    let (length, rest) = data.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let text = rest.get(..length)?;
    *data = &rest[length..];
    Some(text)
}

fn read<const N: usize>(stream: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
