//! `fetch`: fills a cache.

use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use casync_core::quantity::Bytes;
use rustix::io::Errno;

use super::input::{Operand, open_index};
use super::stores;
use crate::cli::{OURS, Options, OutputFormat};
use crate::error::{Context as _, Error, Result};
use crate::flow::fetch::{self, Fetched};
use crate::flow::input::Index;
use crate::fs::output::AtomicFile;
use crate::locator;
use crate::ui::json::{self, Field, Message};
use crate::ui::{Counters, Out, Progress};

/// `fetch INDEX...`
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct FetchArgs {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    format: OutputFormat,
    /// Write a copy of each index into this directory, for when there is no network
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath, help_heading = OURS)]
    save_indexes: Option<OsString>,
    /// The indexes whose chunks are wanted
    #[arg(value_name = "BLOB_INDEX|ARCHIVE_INDEX...", num_args = 0.., value_hint = clap::ValueHint::AnyPath)]
    operands: Vec<OsString>,
}

const HELP: &str = "\
Fetches the chunks that the indexes name and the cache of --cache-store= does not have yet, several at a time, and checks \
them. Nothing is extracted. When it is interrupted, what has been fetched stays: the next run goes on from there. The cache is \
a store like any other.

Examples:
  casync fetch --cache-store=/var/cache/casync.castr https://example.com/image.caibx
      Now, while there is a network
  casync fetch --cache-store=c.castr --save-indexes=. https://example.com/image.caibx
      With the index
  casync extract --cache-store=c.castr --offline image.caibx /dev/sdX
      Later, when there is none";

pub(super) fn run(arguments: &FetchArgs) -> Result<()> {
    let options = &arguments.options;
    options.apply_logging();
    if arguments.operands.is_empty() {
        return Err(Error::headline("Expected at least one index."));
    }
    let Some(cache) = stores::cache(options)? else {
        return Err(Error::headline("A cache to fill expected: name it with --cache-store=."));
    };
    for operand in &arguments.operands {
        let input = Operand::parse(Some(operand), options, "Failed to determine type of locator")?;
        let mut index = open_index(input.input(None, true)?, &input)?;
        let chain = stores::without_cache(options, input.locator())?;
        let counters = Arc::new(Counters::default());
        counters.total.store(index.stream_size(), Ordering::Relaxed);
        let progress = Progress::start("fetch", Arc::clone(&counters));
        let fetched = fetch::fetch(&mut index, chain.stores(), &cache, options.budget(), &counters);
        drop(progress);
        let name = input.name().unwrap_or(operand);
        let fetched = fetched.map_err(|error| error.context(format!("fetch {name:?}")))?;
        // The copy comes last: who finds it can rely on the chunks.
        if let Some(directory) = &arguments.save_indexes {
            save(&input, &locator::to_path(directory))?;
        }
        report(arguments.format, name, &index, fetched)?;
    }
    Ok(())
}

fn save(input: &Operand, directory: &Path) -> Result<()> {
    let locator = input.locator().map(OsStrExt::as_bytes).unwrap_or_default();
    let end = locator.iter().position(|byte| b"?;".contains(byte)).unwrap_or(locator.len());
    let name = locator[..end].rsplit(|byte| b"/:".contains(byte)).next().unwrap_or_default();
    if matches!(name, b"" | b"." | b"..") {
        return Err(Error::new(Errno::INVAL, "the index has no name that a copy could have"));
    }
    let path = directory.join(std::ffi::OsStr::from_bytes(name));
    let mut from = std::fs::File::from(input.open(None, true)?);
    let mut copy = AtomicFile::create(&path, 0o666)?;
    std::io::copy(&mut from, &mut copy).context(|| format!("write {path:?}"))?;
    copy.flush()?;
    copy.install()
}

fn report(format: OutputFormat, name: &std::ffi::OsStr, index: &Index, fetched: Fetched) -> Result<()> {
    let Fetched { chunks, stored_bytes, there } = fetched;
    let mut out = Out::new();
    if format.json {
        let index_field = Field::bytes("index", name.as_bytes());
        let bytes = index.stream_size();
        json::print(&mut out, &Message::Fetched { index: index_field, bytes, chunks, stored_bytes, there })?;
    } else {
        let name = name.to_string_lossy();
        let amount = Bytes(stored_bytes);
        out.line(format_args!(
            "Fetched {chunks} chunks of {name}, {amount} ({stored_bytes} bytes); {there} were there."
        ))?;
    }
    out.finish()
}
