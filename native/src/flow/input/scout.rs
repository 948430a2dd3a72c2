//! Finds out ahead of a reader which bytes of an archive it will want, by the goodbye tables.

use std::collections::BTreeMap;
use std::ops::Range;

use casync_core::Limits;
use casync_core::archive::{Ask, FileType, Located, Places, Tree};
use casync_core::record::{ENTRY_SIZE, Entry, HEADER_SIZE, Header, RecordKind};

/// Follows directories to what is in them, as far as their bytes have come.
///
/// A guess: whoever reads gets what it asks for, whether it was foretold or not. Damage in the archive is for the decoder
/// to find; here it only ends the guessing.
#[derive(Debug)]
pub(super) struct Scout {
    tree: Tree,
    /// Nodes up to this size are wanted whole, without a look at what they are.
    small: u64,
    /// Ranges that will be wanted: start to end, apart from each other.
    wanted: BTreeMap<u64, u64>,
    /// Questions, by the offset of a byte that they wait for.
    waiting: BTreeMap<u64, Vec<Question>>,
}

#[derive(Debug)]
struct Question {
    need: Range<u64>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// What is it that lies from here to there, beginning with its name?
    Entry(Range<u64>),
    /// Where are the entries of the directory that ends there?
    Places(Box<Places>, u64),
}

/// The bytes of the archive that have come.
pub(super) trait Held {
    /// All the bytes that are here around an offset, and where they start.
    fn around(&self, offset: u64) -> Option<(u64, &[u8])>;
}

impl Scout {
    /// Bytes at the start of a node that hold its metadata, nearly always.
    const METADATA: u64 = 512;
    /// Ranges and questions, beyond which there is no further guessing. About 20 MiB at the very most.
    const PLANS_MAX: usize = 1 << 17;

    pub(super) fn new(size: u64, small: u64) -> Self {
        let tree = Tree::new(size, &Limits::default().with_directory_entries(1 << 16));
        Self { tree, small, wanted: BTreeMap::new(), waiting: BTreeMap::new() }
    }

    /// Expects that a directory will be read, with all below it.
    pub(super) fn expect(&mut self, directory: Located) {
        self.want(directory.entry..directory.end.min(directory.entry + Self::METADATA));
        let mut places = Box::new(self.tree.places(directory));
        if let Ok(Ask::Need(need)) = places.step() {
            self.want(need.clone());
            self.wait(need.start, Question { need, kind: Kind::Places(places, directory.end) });
        }
    }

    /// The first range at or behind an offset that will be wanted and was not taken yet.
    pub(super) fn take(&mut self, from: u64) -> Option<Range<u64>> {
        while let Some((start, end)) = self.wanted.pop_first() {
            if end > from {
                return Some(start.max(from)..end);
            }
        }
        None
    }

    /// Wants a range.
    pub(super) fn want(&mut self, range: Range<u64>) {
        let Range { mut start, mut end } = range;
        if start >= end || self.plans() > Self::PLANS_MAX {
            return;
        }
        while let Some((&before, &until)) = self.wanted.range(..=end).next_back().filter(|(_, until)| **until >= start)
        {
            start = start.min(before);
            end = end.max(until);
            self.wanted.remove(&before);
        }
        self.wanted.insert(start, end);
    }

    /// Goes on with what waited for bytes of this range, all of which are held now: else it would wait here again, for ever.
    pub(super) fn arrived(&mut self, range: Range<u64>, held: &impl Held) {
        loop {
            let Some((&offset, _)) = self.waiting.range(range.clone()).next() else { return };
            for question in self.waiting.remove(&offset).into_iter().flatten() {
                self.follow(question, held);
            }
        }
    }

    /// Forgets all that is before an offset: the reader has come there.
    pub(super) fn forget_before(&mut self, offset: u64) {
        while self.waiting.first_key_value().is_some_and(|(&place, _)| place < offset) {
            self.waiting.pop_first();
        }
    }

    fn plans(&self) -> usize {
        self.wanted.len() + self.waiting.len()
    }

    fn wait(&mut self, offset: u64, question: Question) {
        if self.plans() <= Self::PLANS_MAX {
            self.waiting.entry(offset).or_default().push(question);
        }
    }

    /// Goes on with a question until it is answered or waits.
    fn follow(&mut self, mut question: Question, held: &impl Held) {
        loop {
            let (start, bytes) = match gather(held, &question.need) {
                Ok(found) => found,
                Err(missing) => {
                    // The rest of a table comes with its start.
                    let end = if let Kind::Places(_, end) = &question.kind { *end } else { question.need.end };
                    self.want(missing..end);
                    return self.wait(missing, question);
                }
            };
            match &mut question.kind {
                Kind::Entry(place) => {
                    if let Some(directory) = directory_at(place, start, &bytes) {
                        self.expect(directory);
                    }
                    return;
                }
                Kind::Places(places, _) => {
                    let answer = places.provide(start, &bytes).and_then(|()| places.step());
                    match answer {
                        Ok(Ask::Ready(places)) => {
                            places.into_iter().for_each(|place| self.enter(place, held));
                            return;
                        }
                        Ok(Ask::Need(need)) => question.need = need,
                        Err(_) => return,
                    }
                }
            }
        }
    }

    /// Plans for an entry of a directory.
    fn enter(&mut self, place: Range<u64>, held: &impl Held) {
        if place.end - place.start <= self.small {
            return self.want(place);
        }
        let need = place.start..place.end.min(place.start + Self::METADATA);
        self.want(need.clone());
        // The end of a file comes with the start of its neighbour, and that of a directory is its table.
        self.want(place.end - 1..place.end);
        self.follow(Question { need, kind: Kind::Entry(place) }, held);
    }
}

/// The bytes around a range, and where they start; else the first offset that is missing.
fn gather<'a>(held: &'a impl Held, need: &Range<u64>) -> Result<(u64, std::borrow::Cow<'a, [u8]>), u64> {
    let (start, first) = held.around(need.start).ok_or(need.start)?;
    let mut end = start + first.len() as u64;
    if end >= need.end {
        return Ok((start, first.into()));
    }
    let mut joined = first.to_vec();
    while end < need.end {
        let (_, more) = held.around(end).ok_or(end)?;
        joined.extend_from_slice(more);
        end = start + joined.len() as u64;
    }
    Ok((start, joined.into()))
}

/// The directory that a FILENAME record at `place` names; `None` for anything else. `bytes` begin at offset `start`.
fn directory_at(place: &Range<u64>, start: u64, bytes: &[u8]) -> Option<Located> {
    let bytes = bytes.get(usize::try_from(place.start - start).ok()?..)?;
    let name = Header::parse(bytes.get(..HEADER_SIZE)?).ok().filter(|name| name.kind == RecordKind::Filename)?;
    let entry = bytes.get(usize::try_from(name.size).ok()?..)?.get(..ENTRY_SIZE)?;
    let mode = u32::try_from(Entry::parse(entry).mode).ok()?;
    let located = Located { entry: place.start + name.size, end: place.end };
    (FileType::of(mode) == Some(FileType::Directory)).then_some(located)
}
