//! What an index is like.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::{InspectArgs, amount, bytes, features, file_field, open, percent, shown};
use crate::cli::Options;
use crate::commands::input::Operand;
use crate::commands::stores;
use crate::error::{Context as _, Error, Result};
use crate::flow::input::Index;
use crate::flow::inspect::{AgainstFacts, Bucket, IndexFacts, StoreFacts, inspect};
use crate::locator;
use crate::store::Chain;
use crate::ui::json::{self, Message};
use crate::ui::{Out, Rows, count};
use casync_core::quantity::Bytes;

pub(super) fn run(arguments: &InspectArgs, operand: &Operand, kind: &'static str) -> Result<()> {
    let mut index = open_index(operand)?;
    let mut old = arguments.against.as_ref().map(|old| open_old(old, &index)).transpose()?;
    let chain = chain(&arguments.options, operand)?;
    let inspected = inspect(&mut index, chain.as_ref(), old.as_mut())?;
    let facts = &inspected.facts;
    if arguments.format.json {
        let mut out = Out::new();
        json::print(&mut out, &Message::InspectIndex { file: file_field(operand), kind, facts })?;
        return out.finish();
    }
    print(facts, arguments, operand, kind, chain.as_ref())
}

fn open_index(operand: &Operand) -> Result<Index> {
    Index::open(open(operand)?).context(|| format!("read the index \"{}\"", shown(operand)))
}

fn open_old(name: &OsString, new: &Index) -> Result<Index> {
    let operand = Operand::parse(Some(name), "Failed to determine type of locator")?;
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
    let beside = || operand.path().is_some_and(|index| Path::new(&locator::default_store(index)).is_dir());
    if named || beside() { stores::for_reading(options, operand.path()).map(Some) } else { Ok(None) }
}

fn print(
    facts: &IndexFacts,
    arguments: &InspectArgs,
    operand: &Operand,
    kind: &str,
    chain: Option<&Chain>,
) -> Result<()> {
    let mut rows = Rows::new();
    rows.row("File", shown(operand))?;
    rows.row("Type", format_args!("{kind} index, {}", bytes(facts.file_bytes)))?;
    features(&mut rows, &facts.features, facts.digest)?;
    let asked = &facts.chunk_size;
    rows.row("Chunk size", format_args!("min {}, avg {}, max {}", asked.min, asked.avg, asked.max))?;
    if let Some(found) = &facts.found {
        let (min, mean, median, max) = (found.min, found.mean, found.median, found.max);
        rows.row("Found", format_args!("min {min}, mean {mean}, median {median}, max {max}"))?;
    }
    rows.row("Stream", amount(facts.stream))?;
    rows.row("Distinct", amount(facts.distinct))?;
    let repeats = &facts.repeats;
    let share = percent(repeats.sum.bytes, facts.stream.bytes);
    rows.row("Repeats", format_args!("{}, {share}, of {}", amount(repeats.sum), count(repeats.ids, "id")))?;
    for repeated in &repeats.top {
        let zeros = if repeated.zeros { ", zeros" } else { "" };
        let (times, size, id) = (repeated.count, bytes(repeated.size), &repeated.id);
        rows.row("", format_args!("{times} times {size}{zeros}: {id}"))?;
    }
    if let (Some(store), Some(chain)) = (&facts.store, chain) {
        let names: Vec<String> = chain.stores().iter().map(|store| store.name().to_owned()).collect();
        rows.row("Store", names.join(" "))?;
        stored(&mut rows, "In store", store)?;
        rows.row("Missing", amount(store.missing))?;
    }
    if let (Some(facts), Some(old)) = (&facts.against, &arguments.against) {
        rows.row("Against", casync_core::show::Escaped(old.as_bytes()))?;
        against(&mut rows, facts)?;
    }
    let buckets = facts.histogram.buckets();
    if !buckets.is_empty() {
        rows.line("\nChunks by size:")?;
        let bars: Vec<_> = buckets.iter().map(|bucket| (range(bucket), bucket.sum.chunks)).collect();
        rows.bars(&bars)?;
    }
    rows.finish()
}

fn stored(rows: &mut Rows, label: &str, facts: &StoreFacts) -> Result<()> {
    let ratio = facts.ratio().map(|ratio| format!(", ratio {ratio:.2}")).unwrap_or_default();
    let stored = bytes(facts.stored_bytes);
    rows.row(label, format_args!("{}, stored in {stored}{ratio}", amount(facts.found)))
}

fn against(rows: &mut Rows, facts: &AgainstFacts) -> Result<()> {
    rows.row("In place", amount(facts.in_place))?;
    rows.row("Moved", amount(facts.moved))?;
    rows.row("Zeros", amount(facts.zeros))?;
    rows.row("Repeated", amount(facts.repeats))?;
    rows.row("To fetch", amount(facts.fetch))?;
    if let Some(store) = &facts.fetch_stored {
        stored(rows, "of that", store)?;
    }
    Ok(())
}

/// Sizes of a range of the histogram. All ends but that of the last are even numbers of KiB, or of bytes.
fn range(bucket: &Bucket) -> String {
    match bucket.to - bucket.from {
        1 => Bytes(bucket.from).to_string(),
        _ => format!("{}..{}", Bytes(bucket.from), Bytes(bucket.to)),
    }
}
