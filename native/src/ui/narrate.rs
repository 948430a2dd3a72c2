//! What `--verbose` tells, in upstream's words (spec: commands.md 8).

use std::sync::atomic::Ordering;
use std::time::Duration;

use casync_core::cache::CacheCounts;
use casync_core::chunk::ChunkSizes;
use casync_core::hash::DigestAlgorithm;
use casync_core::quantity::{Bytes, Span};
use casync_core::record::FeatureFlags;

use super::Counters;
use super::log::{is_verbose, verbose};

/// Before anything is done, by all verbs that make or read archives.
pub fn chunk_sizes(sizes: &ChunkSizes) {
    verbose(format_args!("Selected chunk sizes: min={}..avg={}..max={}", sizes.min(), sizes.avg(), sizes.max()));
}

/// As soon as the feature flags are known.
pub fn features(flags: FeatureFlags) {
    if !is_verbose() {
        return;
    }
    verbose(format_args!("Using feature flags: {}", names(flags)));
    for (what, flag) in [
        ("with chattr(1) -d flag", FeatureFlags::EXCLUDE_NODUMP),
        ("", FeatureFlags::EXCLUDE_SUBMOUNTS),
        ("listed in .caexclude", FeatureFlags::EXCLUDE_FILE),
    ] {
        let answer = if flags.contains(flag) { "yes" } else { "no" };
        match what {
            "" => verbose(format_args!("Excluding submounts: {answer}")),
            what => verbose(format_args!("Excluding files and directories {what}: {answer}")),
        }
    }
    verbose(format_args!("Digest algorithm: {}", DigestAlgorithm::of(flags)));
}

/// What was made. `chunks`: how many, and how many of them were there already.
pub fn made(flags: FeatureFlags, supported: FeatureFlags, size: u64, chunks: Option<(u64, u64)>) {
    if !is_verbose() {
        return;
    }
    verbose(format_args!("Selected feature flags: {}", names(flags)));
    let stored = flags & FeatureFlags::ALL;
    if stored.is_empty() || !supported.contains(stored) {
        let names = names(stored - supported);
        verbose(format_args!("Selected feature flags not actually applicable to backing file systems: {names}"));
    }
    verbose(format_args!("Archive size: {}", Bytes(size)));
    let Some((chunks, reused)) = chunks else { return };
    verbose(format_args!("Number of chunks: {chunks}"));
    let percentage = match (reused * 100).checked_div(chunks) {
        Some(percentage) => format!(" ({percentage}%)"),
        None => String::new(),
    };
    verbose(format_args!("Reused (non-cached) chunks: {reused}{percentage}"));
    if let Some(average) = size.checked_div(chunks) {
        verbose(format_args!("Effective average chunk size: {}", Bytes(average)));
    }
}

/// What came of the encoder cache.
pub fn cache(counts: &CacheCounts) {
    let CacheCounts { hits, misses, invalidated, added } = counts;
    verbose(format_args!("Cache hits: {hits}, misses: {misses}, invalidated: {invalidated}, added: {added}"));
}

/// What an extraction did, besides what is counted. What is `None` is not told.
#[derive(Clone, Copy, Debug)]
pub struct Extraction {
    /// Zero bytes that became holes.
    pub holes: Option<u64>,
    /// Whether data was shared with seeds where that was possible.
    pub reflink: bool,
    /// Whether equal files became links to those of seeds.
    pub hardlink: bool,
    /// Time that looking through the seeds took.
    pub seeding: Option<Duration>,
    /// Time that writing took, and getting what was written.
    pub decoding: Option<Duration>,
    /// Time that all took.
    pub total: Duration,
}

/// What was extracted, and where it came from.
pub fn extracted(counters: &Counters, extraction: &Extraction) {
    if !is_verbose() {
        return;
    }
    let Extraction { holes, reflink, hardlink, seeding, decoding, total } = *extraction;
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    if let Some(holes) = holes {
        verbose(format_args!("Zero bytes written as sparse files: {}", Bytes(holes)));
    }
    if reflink {
        verbose(format_args!("Bytes cloned through reflinks: {}", Bytes(count(&counters.cloned_bytes))));
    }
    if hardlink {
        verbose(format_args!("Bytes cloned through hardlinks: {}", Bytes(count(&counters.linked_bytes))));
    }
    let far = (count(&counters.far_chunks), count(&counters.far_bytes));
    let sources = [
        ("local store", count(&counters.store_chunks) - far.0, count(&counters.store_bytes) - far.1),
        ("local seed", count(&counters.seed_chunks), count(&counters.seed_bytes)),
        ("remote store", far.0, far.1),
    ];
    let chunks: u64 = sources.iter().map(|(_, chunks, _)| chunks).sum();
    let bytes: u64 = sources.iter().map(|(.., bytes)| bytes).sum();
    for (name, from, loaded) in sources {
        // compat: nothing is said of seeds that an archive in one piece has no use for.
        if name == "local seed" && seeding.is_none() {
            continue;
        }
        let percentage = (from * 100).checked_div(chunks).unwrap_or(0);
        verbose(format_args!("Chunk requests fulfilled from {name}: {from} ({percentage}%)"));
        let percentage = (loaded * 100).checked_div(bytes).unwrap_or(0);
        verbose(format_args!("Bytes used from {name}: {} ({percentage}%)", Bytes(loaded)));
    }
    for (what, time) in [("seeding", seeding), ("decoding", decoding)] {
        let Some(time) = time else { continue };
        let percentage = (time.as_nanos() * 100).checked_div(total.as_nanos()).unwrap_or(0);
        verbose(format_args!("Time spent {what}: {} ({percentage}%)", Span(time)));
    }
    verbose(format_args!("Total extract time: {}", Span(total)));
}

fn names(flags: FeatureFlags) -> String {
    let names: Vec<&str> = flags.names().collect();
    if names.is_empty() { "none".to_owned() } else { names.join(" ") }
}
