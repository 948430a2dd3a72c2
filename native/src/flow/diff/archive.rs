//! An archive as a side of a comparison.

use std::ops::Range;

use casync_core::Limits;
use casync_core::archive::{Content, Decoder, Event, Located, Step, Tree};
use casync_core::record::FeatureFlags;
use rustix::io::Errno;

use super::side::{Chunks, Head, Side};
use crate::error::{Error, Result};
use crate::flow::input::{ByteSource, Index, Seeker};
use crate::store::Chain;

/// An archive, from a stream or from chunks.
pub struct ArchiveSide<'s> {
    source: Source<'s>,
    decoder: Decoder,
    /// The root, until somebody wants it.
    first: Option<Head>,
    features: FeatureFlags,
    /// A node that is no directory has begun, and not ended.
    in_file: bool,
    /// Directories from the root to the current place.
    open: Vec<Open>,
    /// Offset of the ENTRY of the node that came last.
    entry: u64,
}

enum Source<'s> {
    Stream(&'s mut dyn ByteSource),
    Chunks(Box<Seeker<'s>>, Tree),
}

impl Source<'_> {
    fn get(&mut self) -> &mut dyn ByteSource {
        match self {
            Self::Stream(stream) => *stream,
            Self::Chunks(chunks, _) => &mut **chunks,
        }
    }
}

/// A directory that is being read.
#[derive(Default)]
struct Open {
    located: Option<Located>,
    /// Where its entries lie, once somebody wanted to know.
    entries: Option<Vec<Range<u64>>>,
}

impl std::fmt::Debug for ArchiveSide<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArchiveSide").field("entry", &self.entry).finish_non_exhaustive()
    }
}

impl<'s> ArchiveSide<'s> {
    /// An archive that is read from its start to its end.
    ///
    /// # Errors
    ///
    /// If its root cannot be read.
    pub fn from_stream(source: &'s mut dyn ByteSource, decoder: Decoder) -> Result<Self> {
        Self::new(Source::Stream(source), decoder)
    }

    /// An archive of which parts are passed over.
    ///
    /// # Errors
    ///
    /// If its root cannot be read.
    pub fn from_chunks(index: &'s mut Index, chain: &'s Chain) -> Result<Self> {
        let limits = Limits::default();
        let (size, features) = (index.stream_size(), index.features());
        let tree = Tree::new(size, &limits).expecting(features);
        let source = Source::Chunks(Box::new(Seeker::new(index, chain)?), tree);
        Self::new(source, Decoder::new(&limits).expecting(features))
    }

    fn new(source: Source<'s>, decoder: Decoder) -> Result<Self> {
        let features = FeatureFlags::EMPTY;
        let mut side = Self { source, decoder, first: None, features, in_file: false, open: Vec::new(), entry: 0 };
        side.first = side.next()?;
        Ok(side)
    }

    /// One event; `None` if none came of what is at hand.
    fn step(&mut self) -> Result<Option<Option<Head>>> {
        let source = self.source.get();
        let piece = source.fill()?;
        let length = piece.len();
        let (used, head) = match self.decoder.step(piece)? {
            Step::More if length == 0 => {
                self.decoder
                    .finish()
                    .map_err(|error| Error::from(error).hint("the archive is incomplete: was it copied in full?"))?;
                return Ok(Some(None));
            }
            Step::More => (length, None),
            Step::Did { used, event: Event::Node(event) } => {
                self.features = event.features;
                self.entry = event.entry;
                self.in_file = event.node.content != Content::Directory;
                if !self.in_file {
                    self.open.push(Open::default());
                }
                (used, Some(Head::Node { name: event.name.cloned(), node: event.node.clone() }))
            }
            Step::Did { used, event: Event::Payload(_) } => (used, None),
            Step::Did { used, event: Event::End } if self.in_file => {
                self.in_file = false;
                (used, None)
            }
            Step::Did { used, event: Event::End } => {
                self.open.pop();
                (used, Some(Head::Leave))
            }
        };
        self.source.get().consume(used);
        Ok(head.map(Some))
    }
}

impl Side for ArchiveSide<'_> {
    fn features(&self) -> FeatureFlags {
        self.features
    }

    fn next(&mut self) -> Result<Option<Head>> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        let left = self.decoder.payload_left();
        self.decoder.skip_payload(left)?;
        self.source.get().skip(left)?;
        loop {
            if let Some(head) = self.step()? {
                return Ok(head);
            }
        }
    }

    fn payload(&mut self) -> Result<&[u8]> {
        let left = usize::try_from(self.decoder.payload_left()).unwrap_or(usize::MAX);
        if left == 0 {
            return Ok(&[]);
        }
        let piece = self.source.get().fill()?;
        if piece.is_empty() {
            return Err(self.decoder.finish().map_or_else(Error::from, |()| Errno::BADMSG.into()));
        }
        Ok(&piece[..piece.len().min(left)])
    }

    fn consume(&mut self, count: usize) -> Result<()> {
        self.decoder.skip_payload(count as u64)?;
        self.source.get().consume(count);
        Ok(())
    }

    fn chunks(&mut self) -> Option<(u64, &mut dyn Chunks)> {
        match &mut self.source {
            Source::Chunks(chunks, _) => Some((self.decoder.position(), &mut **chunks)),
            Source::Stream(_) => None,
        }
    }

    fn extent(&mut self) -> Result<Option<Located>> {
        let Source::Chunks(chunks, tree) = &mut self.source else { return Ok(None) };
        let Some((last, above)) = self.open.split_last_mut() else { return Ok(None) };
        let end = match above.last_mut() {
            None => Some(chunks.size()),
            Some(Open { located: None, .. }) => None,
            Some(Open { located: Some(located), entries }) => {
                let entries = match entries {
                    Some(entries) => entries,
                    None => entries.insert(chunks.places(tree, *located)?),
                };
                let at = entries.partition_point(|range| range.end <= self.entry);
                entries.get(at).filter(|range| range.contains(&self.entry)).map(|range| range.end)
            }
        };
        last.located = end.map(|end| Located { entry: self.entry, end });
        Ok(last.located)
    }

    fn skip_directory(&mut self) -> Result<()> {
        let Some(Located { end, .. }) = self.open.pop().and_then(|open| open.located) else { return Ok(()) };
        self.decoder.skip_directory(end)?;
        let source = self.source.get();
        source.skip(end.saturating_sub(source.position()))
    }
}
