//! An index or archive on a web server.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, LAST_MODIFIED, RANGE};
use reqwest::{Response, StatusCode};
use rustix::io::Errno;

use super::address::Address;
use super::peer::{Peer, Request};
use super::trouble::{Trouble, go_on};
use super::upload::HttpUpload;
use crate::error::{Error, Result};
use crate::remote::settings::Settings;
use crate::remote::{RemoteFile, Upload, runtime};

/// A file on a web server.
#[derive(Debug)]
pub struct HttpFile {
    address: Arc<Address>,
    peer: Peer,
    /// What the first look at it has told.
    look: OnceLock<Look>,
}

/// What is known of a file that has been looked at.
#[derive(Debug)]
struct Look {
    version: Version,
    /// Its first bytes; `None` if ranges cannot be had.
    start: Option<Vec<u8>>,
}

/// What tells a file from another one that has taken its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Version {
    /// A strong `ETag`, or the time of the last change.
    validator: Option<String>,
    size: Option<u64>,
}

impl HttpFile {
    /// The file that a URL names. Nothing is asked of it yet.
    ///
    /// # Errors
    ///
    /// If the URL or the settings cannot be used.
    pub fn new(url: &str, settings: &Settings) -> Result<Self> {
        let address = Address::parse(url)?;
        let peer = Peer::new(&address, settings)?;
        Ok(Self { address: Arc::new(address), peer, look: OnceLock::new() })
    }

    /// A file at a known place, as people call it something else.
    pub(in crate::remote) fn at(url: reqwest::Url, name: String, peer: Peer) -> Self {
        let address = Address { url, name, credentials: None };
        Self { address: Arc::new(address), peer, look: OnceLock::new() }
    }

    /// Asks for the file from an offset to its end. The answer may begin earlier: at the returned offset.
    async fn open(&self, offset: u64, expected: Option<&Version>) -> Result<(Response, Version, u64), Trouble> {
        let headers = if offset == 0 { Vec::new() } else { ranged(format!("bytes={offset}-"), expected) };
        let request = Request { headers: &headers, ..Request::GET };
        let response = self.peer.ask(&self.address.url, &request, &self.address.name).await?;
        let (version, start) = match response.status() {
            StatusCode::OK => (Version::of(response.headers(), response.content_length()), 0),
            StatusCode::PARTIAL_CONTENT if offset > 0 => {
                let (range, size) = self.content_range(&response)?;
                if range.start != offset {
                    return Err(self.wrong_range(offset));
                }
                (Version::of(response.headers(), size), offset)
            }
            StatusCode::RANGE_NOT_SATISFIABLE if offset > 0 => return Err(self.changed()),
            _ => return Err(Trouble::status(&response, &self.address.name)),
        };
        if expected.is_some_and(|expected| !expected.goes_on_as(&version)) {
            return Err(self.changed());
        }
        Ok((response, version, start))
    }

    /// Gets a range, which is not empty and lies within the file. The answer may end earlier.
    async fn part(&self, range: &Range<u64>, expected: Option<&Version>) -> Result<Part, Trouble> {
        let headers = ranged(format!("bytes={}-{}", range.start, range.end - 1), expected);
        let request = Request { headers: &headers, ..Request::GET };
        let response = self.peer.ask(&self.address.url, &request, &self.address.name).await?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let (sent, size) = self.content_range(&response)?;
                if sent.start != range.start || sent.end > range.end || sent.is_empty() {
                    return Err(self.wrong_range(range.start));
                }
                let version = Version::of(response.headers(), size);
                if expected.is_some_and(|expected| !expected.goes_on_as(&version)) {
                    return Err(self.changed());
                }
                let length = sent.end - sent.start;
                let bytes = self.peer.body(response, length, &self.address.name).await?;
                if bytes.len() as u64 != length {
                    let text = format!("{}: {} bytes came of {length}", self.address.name, bytes.len());
                    return Err(Trouble::passing(Error::new(Errno::CONNRESET, text)));
                }
                Ok(Part { version, bytes: Some(bytes) })
            }
            // The server knows no ranges, or has another file by now.
            StatusCode::OK => {
                Ok(Part { version: Version::of(response.headers(), response.content_length()), bytes: None })
            }
            StatusCode::RANGE_NOT_SATISFIABLE => {
                let size = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
                let size = size.and_then(|range| range.trim().strip_prefix("bytes */")?.parse().ok());
                match size {
                    Some(size) if size <= range.start => {
                        Ok(Part { version: Version::of(response.headers(), Some(size)), bytes: Some(Vec::new()) })
                    }
                    _ => Err(Trouble::status(&response, &self.address.name)),
                }
            }
            _ => Err(Trouble::status(&response, &self.address.name)),
        }
    }

    /// The first look: how large it is, and whether ranges can be had.
    fn look(&self) -> Result<&Look> {
        /// An index of a small tree, or the start of an archive.
        const START: u64 = 64 << 10;
        if let Some(look) = self.look.get() {
            return Ok(look);
        }
        let part = runtime::wait(self.peer.persist(async || self.part(&(0..START), None).await))?;
        let look = Look { version: part.version, start: part.bytes };
        Ok(self.look.get_or_init(|| look))
    }

    /// Which bytes an answer has, and how many there are in all.
    fn content_range(&self, response: &Response) -> Result<(Range<u64>, Option<u64>), Trouble> {
        let text = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
        let parsed = text.and_then(|text| {
            let (range, size) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
            let (first, last) = range.split_once('-')?;
            let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
            (first <= last).then_some((first..last.checked_add(1)?, size.trim().parse().ok()))
        });
        parsed.ok_or_else(|| {
            let text = format!("{}: the server does not say which part it sends", self.address.name);
            Trouble::Lasting(Error::new(Errno::PROTO, text))
        })
    }

    fn wrong_range(&self, asked: u64) -> Trouble {
        let text = format!("{}: the server sends another part than that at {asked}", self.address.name);
        Trouble::Lasting(Error::new(Errno::PROTO, text))
    }

    fn changed(&self) -> Trouble {
        let text = format!("{}: it has changed while it was read", self.address.name);
        Trouble::Lasting(Error::new(Errno::STALE, text))
    }
}

/// An answer to a question for a range.
#[derive(Debug)]
struct Part {
    version: Version,
    /// `None`: the answer was no part.
    bytes: Option<Vec<u8>>,
}

impl Version {
    fn of(headers: &HeaderMap, size: Option<u64>) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let strong = text(ETAG).filter(|tag| tag.starts_with('"'));
        Self { validator: strong.or_else(|| text(LAST_MODIFIED)), size }
    }

    /// Whether bytes of the other one can follow those of this one.
    fn goes_on_as(&self, other: &Self) -> bool {
        let same = |ours: &Option<u64>, theirs: &Option<u64>| ours.is_none() || theirs.is_none() || ours == theirs;
        self.validator == other.validator && same(&self.size, &other.size)
    }
}

/// Headers that ask for a part of a version.
fn ranged(range: String, expected: Option<&Version>) -> Vec<(reqwest::header::HeaderName, String)> {
    let mut headers = vec![(RANGE, range)];
    if let Some(validator) = expected.and_then(|version| version.validator.clone()) {
        headers.push((IF_RANGE, validator));
    }
    headers
}

impl RemoteFile for HttpFile {
    fn name(&self) -> &str {
        &self.address.name
    }

    fn read(&self, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut taken = 0_u64;
        let mut version: Option<Version> = None;
        // Losses since something came last.
        let mut losses = 0;
        loop {
            let asked = self.peer.persist(async || self.open(taken, version.as_ref()).await);
            let (mut response, found, mut at) = runtime::wait(asked)?;
            let version = &*version.get_or_insert(found);
            let lost = loop {
                let next = runtime::wait(async { Ok(self.peer.next(&mut response, &self.address.name).await) })?;
                match next {
                    Ok(Some(piece)) => {
                        let known = usize::try_from(taken.saturating_sub(at)).unwrap_or(usize::MAX).min(piece.len());
                        at += piece.len() as u64;
                        let new = &piece[known..];
                        if !new.is_empty() {
                            take(new)?;
                            taken += new.len() as u64;
                            losses = 0;
                        }
                    }
                    Ok(None) => match version.size {
                        Some(size) if size != taken => {
                            let text = format!("{}: {taken} bytes came of {size}", self.address.name);
                            break Error::new(Errno::CONNRESET, text);
                        }
                        _ => return Ok(()),
                    },
                    Err(Trouble::Lasting(error)) => return Err(error),
                    Err(Trouble::Passing { error, .. }) => break error,
                }
            };
            if taken > 0 && version.validator.is_none() {
                return Err(lost.hint("the server does not tell versions apart, so what is missing cannot be fetched"));
            }
            runtime::wait(go_on(&mut losses, self.peer.options.retries, lost))?;
        }
    }

    fn size(&self) -> Result<Option<u64>> {
        let look = self.look()?;
        Ok(look.start.as_ref().and(look.version.size))
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let look = self.look()?;
        let Some(start) = &look.start else {
            let text = format!("{}: the server does not send parts of files", self.address.name);
            return Err(Error::new(Errno::OPNOTSUPP, text));
        };
        let end = offset.saturating_add(buffer.len() as u64).min(look.version.size.unwrap_or(u64::MAX));
        let mut filled = 0;
        while offset + (filled as u64) < end {
            let at = offset + filled as u64;
            let known = usize::try_from(at).ok().and_then(|at| start.get(at..)).filter(|known| !known.is_empty());
            let bytes = match known {
                Some(known) => std::borrow::Cow::Borrowed(known),
                None => {
                    let asked = self.peer.persist(async || self.part(&(at..end), Some(&look.version)).await);
                    let part = runtime::wait(asked)?;
                    let changed = || match self.changed() {
                        Trouble::Lasting(error) | Trouble::Passing { error, .. } => error,
                    };
                    std::borrow::Cow::Owned(part.bytes.ok_or_else(changed)?)
                }
            };
            if bytes.is_empty() {
                break;
            }
            let count = bytes.len().min(buffer.len() - filled);
            buffer[filled..filled + count].copy_from_slice(&bytes[..count]);
            filled += count;
        }
        Ok(filled)
    }

    fn write(&self) -> Result<Box<dyn Upload>> {
        Ok(Box::new(HttpUpload::new(Arc::clone(&self.address), self.peer.clone())?))
    }
}
