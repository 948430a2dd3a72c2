//! Drives the askers of the core over an archive in memory.

use std::ops::Range;

use casync_core::Result;
use casync_core::archive::{Ask, Find, Found, Listing, Located, Lookup, Places, Tree};

/// How much is handed over for a range that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supply {
    /// The range alone.
    Exact,
    /// The range, and as many bytes before and behind it where there are any.
    Around(u64),
    /// The whole archive.
    Everything,
}

impl Supply {
    /// All kinds that differ.
    pub const ALL: [Self; 4] = [Self::Exact, Self::Around(100), Self::Around(5_000), Self::Everything];

    fn range(self, wanted: &Range<u64>, size: u64) -> Range<u64> {
        match self {
            Self::Exact => wanted.clone(),
            Self::Around(bytes) => wanted.start.saturating_sub(bytes)..wanted.end.saturating_add(bytes).min(size),
            Self::Everything => 0..size,
        }
    }
}

/// An archive in memory with its tree, and a way to hand it over.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    archive: &'a [u8],
    tree: Tree,
    supply: Supply,
}

impl<'a> Asked<'a> {
    /// `tree` must have the size of `archive`.
    pub fn new(archive: &'a [u8], tree: Tree, supply: Supply) -> Self {
        assert_eq!(tree.root().end, archive.len() as u64);
        Self { archive, tree, supply }
    }

    /// The node at a path.
    ///
    /// # Errors
    ///
    /// As [`Find::step`].
    pub fn find(&self, path: &[u8]) -> Result<Option<Found>> {
        self.answer(&mut self.tree.find(path), Find::step, Find::provide)
    }

    /// The node at a place.
    ///
    /// # Errors
    ///
    /// As [`Lookup::step`].
    pub fn node(&self, located: Located) -> Result<Found> {
        self.answer(&mut self.tree.node(located), Lookup::step, Lookup::provide)
    }

    /// The entries of a directory.
    ///
    /// # Errors
    ///
    /// As [`Listing::step`].
    pub fn list(&self, directory: Located) -> Result<Vec<Found>> {
        let mut listing = self.tree.list(directory);
        let mut entries = Vec::new();
        while let Some(found) = self.answer(&mut listing, Listing::step, Listing::provide)? {
            entries.push(found);
        }
        assert_eq!(listing.step()?, Ask::Ready(None), "after the last entry there is none");
        let places = self.places(directory)?;
        assert!(places.iter().map(|place| place.end).eq(entries.iter().map(|found| found.located.end)));
        Ok(entries)
    }

    /// Where the entries of a directory lie.
    ///
    /// # Errors
    ///
    /// As [`Places::step`].
    pub fn places(&self, directory: Located) -> Result<Vec<Range<u64>>> {
        let places = self.answer(&mut self.tree.places(directory), Places::step, Places::provide)?;
        assert!(places.windows(2).all(|pair| pair[0].end == pair[1].start), "without gap");
        Ok(places)
    }

    /// A node and everything below it, by listings, in the order of the archive. At most `limit` nodes: a hostile
    /// archive must not make that take longer than its size allows.
    ///
    /// # Errors
    ///
    /// As [`Listing::step`].
    pub fn walk(&self, located: Located, limit: usize) -> Result<Vec<Found>> {
        let mut open = vec![self.node(located)?];
        let mut nodes = Vec::new();
        while let Some(found) = open.pop() {
            if found.node.content == casync_core::archive::Content::Directory {
                open.extend(self.list(found.located)?.into_iter().rev());
            }
            nodes.push(found);
            assert!(nodes.len() <= limit, "more than {limit} nodes in {} bytes", self.archive.len());
        }
        Ok(nodes)
    }

    /// Asks until there is an answer. Every question must end.
    fn answer<Q, T>(
        &self,
        question: &mut Q,
        step: fn(&mut Q) -> Result<Ask<T>>,
        provide: fn(&mut Q, u64, &[u8]) -> Result<()>,
    ) -> Result<T> {
        let size = self.archive.len() as u64;
        // The least that a question gains from a range is one table item or one record header.
        for _ in 0..1000 + size {
            let wanted = match step(question)? {
                Ask::Ready(answer) => return Ok(answer),
                Ask::Need(range) => range,
            };
            assert!(wanted.start < wanted.end && wanted.end <= size, "asked for {wanted:?} of {size} bytes");
            let range = self.supply.range(&wanted, size);
            provide(question, range.start, &self.archive[range.start as usize..range.end as usize])?;
        }
        panic!("a question about {size} bytes does not end");
    }
}
