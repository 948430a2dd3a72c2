//! What an index is like.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::page::PageFile;
use super::{InspectArgs, amount, bytes, features, file_field, open, percent, shown};
use crate::cli::Options;
use crate::commands::input::Operand;
use crate::commands::stores;
use crate::error::{Context as _, Error, Result};
use crate::flow::input::Index;
use crate::flow::inspect::{Bucket, IndexFacts, Named, StoreFacts, inspect};
use crate::locator;
use crate::store::Chain;
use crate::ui::json::{self, Message};
use crate::ui::{Out, Rows, count};
use casync_core::quantity::Bytes;
use casync_core::show::Escaped;

pub(super) fn run(arguments: &InspectArgs, operand: &Operand, kind: &'static str) -> Result<()> {
    let mut index = open_index(operand)?;
    let mut old = arguments.against.as_ref().map(|old| open_old(old, &index, &arguments.options)).transpose()?;
    let chain = chain(&arguments.options, operand)?;
    let page = arguments.html.as_ref().map(|path| PageFile::create(path, &[Some(&index), old.as_ref()])).transpose()?;
    let name = shown(operand);
    let old_name = arguments.against.as_ref().map(|old| Escaped(old.as_bytes()).to_string()).unwrap_or_default();
    let new = Named { index: &mut index, name: &name };
    let old = old.as_mut().map(|index| Named { index, name: &old_name });
    let inspected = inspect(new, chain.as_ref(), old)?;
    let facts = &inspected.facts;
    let rows = rows(facts, arguments, operand, kind, chain.as_ref());
    if let Some(page) = page {
        page.write(&inspected, operand, arguments.against.as_deref(), &rows)?;
    }
    if arguments.format.json {
        let mut out = Out::new();
        json::print(&mut out, &Message::InspectIndex { file: file_field(operand), kind, facts })?;
        return out.finish();
    }
    let mut printer = Rows::new();
    for (label, value) in rows {
        printer.row(label, value)?;
    }
    let buckets = facts.histogram.buckets();
    if !buckets.is_empty() {
        printer.line("\nChunks by size:")?;
        let bars: Vec<_> = buckets.iter().map(|bucket| (range(bucket), bucket.sum.chunks)).collect();
        printer.bars(&bars)?;
    }
    printer.finish()
}

fn open_index(operand: &Operand) -> Result<Index> {
    open(operand)?.into_fd().and_then(Index::open).context(|| format!("read the index \"{}\"", shown(operand)))
}

fn open_old(name: &OsString, new: &Index, options: &Options) -> Result<Index> {
    let operand = Operand::parse(Some(name), options, "Failed to determine type of locator")?;
    let old = open_index(&operand)?;
    if old.algorithm() != new.algorithm() {
        let (old, new) = (old.algorithm(), new.algorithm());
        let text = format!("Indexes with ids by different digests ({old} and {new}) have nothing in common.");
        return Err(Error::headline(text).hint("make one of them anew with the --digest= of the other"));
    }
    Ok(old)
}

/// The stores that somebody has named; else the one beside the index, if it is there.
fn chain(options: &Options, operand: &Operand) -> Result<Option<Chain>> {
    let named =
        options.store.is_some() || std::env::var_os("CASYNC_STORE").is_some() || !options.extra_store.is_empty();
    let beside = || operand.locator().is_some_and(|index| Path::new(&locator::default_store(index)).is_dir());
    if named || beside() { stores::for_reading(options, operand.locator()).map(Some) } else { Ok(None) }
}

/// Labels and values, for text and page. A value without a label belongs to that above.
fn rows(
    facts: &IndexFacts,
    arguments: &InspectArgs,
    operand: &Operand,
    kind: &str,
    chain: Option<&Chain>,
) -> Vec<(&'static str, String)> {
    let mut rows = vec![("File", shown(operand)), ("Type", format!("{kind} index, {}", bytes(facts.file_bytes)))];
    rows.extend(features(&facts.features, facts.digest));
    let asked = &facts.chunk_size;
    rows.push(("Chunk size", format!("min {}, avg {}, max {}", asked.min, asked.avg, asked.max)));
    if let Some(found) = &facts.found {
        let (min, mean, median, max) = (found.min, found.mean, found.median, found.max);
        rows.push(("Found", format!("min {min}, mean {mean}, median {median}, max {max}")));
    }
    rows.push(("Stream", amount(facts.stream)));
    rows.push(("Distinct", amount(facts.distinct)));
    let repeats = &facts.repeats;
    let share = percent(repeats.sum.bytes, facts.stream.bytes);
    rows.push(("Repeats", format!("{}, {share}, of {}", amount(repeats.sum), count(repeats.ids, "id"))));
    for repeated in &repeats.top {
        let zeros = if repeated.zeros { ", zeros" } else { "" };
        let (times, size, id) = (repeated.count, bytes(repeated.size), &repeated.id);
        rows.push(("", format!("{times} times {size}{zeros}: {id}")));
    }
    if let (Some(store), Some(chain)) = (&facts.store, chain) {
        let names: Vec<String> = chain.stores().iter().map(|store| store.name().to_owned()).collect();
        rows.push(("Store", names.join(" ")));
        rows.push(("In store", stored(store)));
        rows.push(("Missing", amount(store.missing)));
    }
    if let (Some(facts), Some(old)) = (&facts.against, &arguments.against) {
        rows.push(("Against", Escaped(old.as_bytes()).to_string()));
        rows.push(("In place", amount(facts.in_place)));
        rows.push(("Moved", amount(facts.moved)));
        rows.push(("Zeros", amount(facts.zeros)));
        rows.push(("Repeated", amount(facts.repeats)));
        rows.push(("To fetch", amount(facts.fetch)));
        rows.extend(facts.fetch_stored.as_ref().map(|facts| ("of that", stored(facts))));
    }
    rows
}

fn stored(facts: &StoreFacts) -> String {
    let ratio = facts.ratio().map(|ratio| format!(", ratio {ratio:.2}")).unwrap_or_default();
    format!("{}, stored in {}{ratio}", amount(facts.found), bytes(facts.stored_bytes))
}

/// Sizes of a range of the histogram. All ends but that of the last are even numbers of KiB, or of bytes.
pub(super) fn range(bucket: &Bucket) -> String {
    match bucket.to - bucket.from {
        1 => Bytes(bucket.from).to_string(),
        _ => format!("{}..{}", Bytes(bucket.from), Bytes(bucket.to)),
    }
}
