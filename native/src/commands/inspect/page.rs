//! The page that shows an index to people who have a browser.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use casync_core::quantity::Bytes;

use super::index::range;
use super::{amount, file_name, percent};
use crate::commands::input::Operand;
use crate::error::{Context as _, Error, Result};
use crate::flow::input::Index;
use crate::flow::inspect::{Amount, Bucket, Inspected};
use crate::fs::output::AtomicFile;
use crate::ui::count;
use crate::ui::page::{Class, Map, Page};

/// What the origins are called, for who has an old index.
const AGAINST: &[Class] = &[
    Class { name: "in the same place of the old stream", style: "place" },
    Class { name: "elsewhere in the old stream", style: "moved" },
    Class { name: "all zeros", style: "zeros" },
    Class { name: "repeats of what is fetched", style: "repeat" },
    Class { name: "new: to be fetched", style: "new" },
];

/// What they are called for who has none: the first two do not occur.
const ALONE: &[Class] = &[
    Class { name: "", style: "place" },
    Class { name: "", style: "moved" },
    Class { name: "all zeros", style: "zeros" },
    Class { name: "repeats", style: "repeat" },
    Class { name: "there for the first time", style: "place" },
];

/// What becomes of the chunks of the old index.
const USES: &[Class] =
    &[Class { name: "also in the new stream", style: "place" }, Class { name: "not in it any more", style: "zeros" }];

/// The file of a page. It has its name only when it is complete.
pub(super) struct PageFile<'a> {
    file: AtomicFile,
    path: &'a OsStr,
}

impl<'a> PageFile<'a> {
    /// Begins the file, unless it is one of these indexes.
    pub(super) fn create(path: &'a OsString, indexes: &[Option<&Index>]) -> Result<Self> {
        if path == "-" {
            return Err(Error::headline("--html= needs the name of a file.").hint("standard output is for the summary"));
        }
        let there = std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
        if there.is_some() && indexes.iter().flatten().any(|index| index.identity() == there) {
            return Err(Error::headline("--html= would replace the index by the page. Refusing."));
        }
        let file = AtomicFile::create(Path::new(path), 0o666).context(|| "write the page")?;
        Ok(Self { file, path })
    }

    /// Writes the page.
    pub(super) fn write(
        mut self,
        inspected: &Inspected,
        operand: &Operand,
        old: Option<&OsStr>,
        rows: &[(&'static str, String)],
    ) -> Result<()> {
        let name = |path: &OsStr| String::from_utf8_lossy(file_name(path)).into_owned();
        let new = operand.name().map_or_else(|| "standard input".to_owned(), name);
        let old = old.map(name);
        let facts = &inspected.facts;
        let end = facts.stream.bytes;
        let classes = if old.is_some() { AGAINST } else { ALONE };
        let title = match &old {
            Some(old) => format!("{new} against {old}"),
            None => new.clone(),
        };
        let lead = lead(inspected, old.as_deref());
        let heading = match &old {
            Some(_) => format!("Where the chunks of {new} come from"),
            None => format!("The chunks of {new}"),
        };
        let mut maps = vec![Map { heading: &heading, classes, map: &inspected.map, end }];
        let old_heading = old.map(|old| format!("What becomes of the chunks of {old}")).unwrap_or_default();
        if let Some(map) = &inspected.old {
            let end = map.sums.iter().map(|sum| sum.bytes).sum();
            maps.push(Map { heading: &old_heading, classes: USES, map, end });
        }
        let histogram: Vec<(String, Bucket)> =
            facts.histogram.buckets().iter().map(|bucket| (range(bucket), *bucket)).collect();
        let page = Page { title: &title, lead: &lead, maps: &maps, histogram: &histogram, facts: rows };
        self.file.write_all(page.render().as_bytes()).context(|| format!("write the page {:?}", self.path))?;
        self.file.install()
    }
}

/// The result in a sentence.
fn lead(inspected: &Inspected, old: Option<&str>) -> String {
    let facts = &inspected.facts;
    let Amount { chunks, bytes } = facts.stream;
    let Some((old, against)) = old.zip(facts.against.as_ref()) else {
        let saved = facts.repeats.sum;
        let share = percent(saved.bytes, bytes);
        return format!("A stream of {}, of which {} are repeats ({share}).", amount(facts.stream), amount(saved));
    };
    let fetch = against.fetch;
    let kept = bytes - fetch.bytes;
    let stored = against.fetch_stored.as_ref().filter(|stored| stored.missing.chunks == 0 && stored.found.chunks > 0);
    let stored = stored.map(|stored| format!(", compressed {}", Bytes(stored.stored_bytes))).unwrap_or_default();
    format!(
        "Of {} ({}), who has {old} need not fetch {} ({}). To fetch: {}, {}{stored}.",
        count(chunks, "chunk"),
        Bytes(bytes),
        Bytes(kept),
        percent(kept, bytes),
        count(fetch.chunks, "chunk"),
        Bytes(fetch.bytes),
    )
}
