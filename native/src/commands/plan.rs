//! `plan`: where the chunks of an index would come from, and which nobody has.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use casync_core::plan::Sum;

use super::input::{Operand, open_index};
use super::{seeds, stores};
use crate::cli::{Options, OutputFormat};
use crate::error::{Context as _, Error, Result};
use crate::flow::input::Index;
use crate::flow::plan::{Supplier, of_index};
use crate::fs::blob::{self, Kind};
use crate::locator;
use crate::ui::json::{self, Field, Message};
use crate::ui::{Out, narrate};

/// What follows the options in the help.
pub(super) const HELP: &str = "\
A line is printed for each source: how many chunks of INDEX it would supply,
and the bytes in them. Each chunk counts for the first source that has it:
    zeros      chunks of the largest size that are all zeros: nobody has to
               supply them
    repeats    chunks that occur in INDEX before
    output     OUTPUT, if it exists: chunks that lie in their place already
    seed       each --seed=PATH, which is looked through unless it has an
               index, and each --seed-index=FILE: chunks that this index lists
    store      --store=, or the one beside INDEX, then each --extra-store=;
               also how many bytes they take as they are stored
    missing    what is in none of these
A line with the sums follows. Nothing is loaded; only OUTPUT and seeds are read.

The exit status is 0 even if chunks are missing. With --json, each line is an
object with a type: plan-source, and plan-summary at the end, where complete
tells whether nothing is missing.

Examples:
    casync plan v2.caibx
    casync plan v2.caibx --seed=v1.img
    casync plan v2.caibx /dev/sda3 --seed-index=v1.caibx
    casync plan --json v2.caidx --seed-index=v1.caidx --store=/srv/default.castr";

/// `plan INDEX [OUTPUT]`
#[derive(Debug, clap::Args)]
pub struct PlanArgs {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    format: OutputFormat,
    /// The index whose chunks are wanted, and the file or device that it would be extracted to
    #[arg(value_name = "INDEX [OUTPUT]", num_args = 0.., value_hint = clap::ValueHint::AnyPath)]
    operands: Vec<OsString>,
}

pub(super) fn run(arguments: &PlanArgs) -> Result<()> {
    let options = &arguments.options;
    options.apply_logging();
    let (operand, output) = match &arguments.operands[..] {
        [index] => (index, None),
        [index, output] => (index, Some(output)),
        _ => return Err(Error::headline("An index expected, possibly followed by an output.")),
    };
    let (mut target, operand) = index(operand, options)?;
    narrate::chunk_sizes(&target.sizes());
    let mut suppliers = Vec::new();
    if let Some(output) = output {
        suppliers.extend(self::output(output, options)?.map(|supplier| (output.clone(), supplier)));
    }
    for seed in options.seeds.all() {
        // Where an index is named its word is taken, whether the seed is at hand or not.
        let Some(named) = &seed.index else {
            let found = seeds::look_through(options, &mut target, seed)?;
            suppliers.extend(found.map(|found| (seed.path.clone(), Supplier::Seed(Box::new(found)))));
            continue;
        };
        suppliers.push((named.clone(), Supplier::Index(Box::new(index(named, options)?.0))));
    }
    for alone in options.seeds.indexes_alone() {
        suppliers.push((alone.clone(), Supplier::Index(Box::new(index(alone, options)?.0))));
    }
    for store in stores::for_reading(options, operand.locator())?.stores() {
        suppliers.push((locator_of(store.name(), options, operand.locator()), Supplier::Store(store.clone())));
    }

    let mut plan = of_index(&mut target)?;
    let mut printer = Printer { json: arguments.format.json, out: Out::new() };
    printer.source("zeros", None, plan.zeros(), None)?;
    printer.source("repeats", None, plan.repeats(), None)?;
    for (name, mut supplier) in suppliers {
        let source = plan.add_source();
        let kind = supplier.kind();
        let stored =
            supplier.claim(&mut target, &mut plan, source).context(|| format!("look through {kind} {name:?}"))?;
        printer.source(kind, Some(name.as_bytes()), plan.supplied(source), stored)?;
    }
    let missing = plan.missing();
    printer.source("missing", None, missing, None)?;
    printer.total(plan.total(), missing.chunks == 0)
}

/// The locator of a store, byte by byte; stores know it as text.
fn locator_of(name: &str, options: &Options, index: Option<&OsStr>) -> OsString {
    let main = options.store.clone().or_else(|| std::env::var_os("CASYNC_STORE"));
    let all =
        [main, index.map(locator::default_store)].into_iter().flatten().chain(options.extra_store.iter().cloned());
    all.into_iter().find(|locator| locator.to_string_lossy() == name).unwrap_or_else(|| name.into())
}

fn index(path: &OsString, options: &Options) -> Result<(Index, Operand)> {
    let operand = Operand::parse(Some(path), options, "Failed to determine type of locator")?;
    let index = open_index(operand.input(None, true)?, &operand)?;
    Ok((index, operand))
}

/// The output, if there is any.
fn output(path: &OsString, options: &Options) -> Result<Option<Supplier>> {
    let opened = Operand::parse(Some(path), options, "Failed to determine type of locator")?.open(None, true);
    let fd = match opened {
        Err(error) if error.is_not_found() => return Ok(None),
        opened => opened?,
    };
    let size = match Kind::of(&fd)? {
        Kind::File => blob::stored_size(&fd, Kind::File)?.unwrap_or_default(),
        Kind::BlockDevice => blob::device_size(&fd)?,
        _ => {
            return Err(Error::headline("Output is neither a regular file nor a block device. Refusing.")
                .hint("for a tree, name the index that it was extracted from with --seed-index="));
        }
    };
    Ok(Some(Supplier::Output { fd, size }))
}

struct Printer {
    json: bool,
    out: Out,
}

impl Printer {
    fn source(&mut self, kind: &'static str, name: Option<&[u8]>, sum: Sum, stored: Option<u64>) -> Result<()> {
        if self.json {
            let name = name.map_or(Field::none(), |name| Field::bytes("name", name));
            let message = Message::PlanSource { kind, name, sum: sum.into(), stored_bytes: stored };
            return json::print(&mut self.out, &message);
        }
        let name = name.map(|name| format!(" {}", casync_core::show::Escaped(name))).unwrap_or_default();
        let stored = stored.map(|bytes| format!(" ({bytes} as stored)")).unwrap_or_default();
        self.out.line(format_args!("{kind}{name}: {} chunks, {} bytes{stored}", sum.chunks, sum.bytes))
    }

    fn total(mut self, sum: Sum, complete: bool) -> Result<()> {
        if self.json {
            json::print(&mut self.out, &Message::PlanSummary { sum: sum.into(), complete })?;
        } else {
            self.out.line(format_args!("total: {} chunks, {} bytes", sum.chunks, sum.bytes))?;
        }
        self.out.finish()
    }
}
