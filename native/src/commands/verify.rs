//! `verify`: whether indexes, stores, trees and blobs are what they should be.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use casync_core::archive::{Event, Selection};
use casync_core::quantity::Bytes;
use casync_core::record::FeatureFlags;
use rustix::fs as os;

use super::input::{Archive, Input, Operand, open_index, what_of_suffix};
use super::stores::{self, Looked};
use crate::cli::{OURS, Options, OutputFormat, What};
use crate::error::{Cause, Error, Result};
use crate::flow::input::{Flow, pump};
use crate::flow::verify::repair::Repair;
use crate::flow::verify::{Findings, Summary, blob, index, listed, store, tree};
use crate::fs::blob::Kind;
use crate::fs::walk::{Exclusions, Walk};
use crate::store::{Directories, Store};
use crate::ui::json::{self, Message};
use crate::ui::{Counters, Out, Progress};

/// `verify [INDEX|ARCHIVE [TREE|BLOB]]`
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct VerifyArgs {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    format: OutputFormat,
    /// Replace bad and missing chunks by good ones from --extra-store=
    #[arg(long, help_heading = OURS)]
    repair: bool,
    /// An index or archive, and the tree or blob that it should be of; nothing: the store of --store=
    #[arg(value_name = "[ARCHIVE|ARCHIVE_INDEX|BLOB_INDEX] [TREE|BLOB]", num_args = 0.., value_hint = clap::ValueHint::AnyPath)]
    operands: Vec<OsString>,
}

const HELP: &str = "\
With an index: looks whether the store (as for extract) has every chunk of it, and has it right. Chunks that only an \
--extra-store= has are not missing. With an archive: looks whether it can be read to its end.

With an index or archive and a tree or blob: compares them, and names what differs with path and attribute, or with offset. \
No store is needed to see that a tree or blob is the same; one helps to tell exactly what is not. --with= and --without= \
say which metadata counts.

With --store= alone: looks at every file in the store. What is no chunk is told, but not wrong.

With --repair, bad and missing chunks are replaced by good ones from the stores of --extra-store=, or from the chunk's other \
file in the same store, if it has a compressed and a plain one. A bad chunk stays until a good one is at hand, and is \
replaced at once and as a whole.

What is wrong goes to standard error, one line each; one line about all goes to standard output. With --json both are objects \
on standard output: problem, repaired and remark, and verify-summary at the end. The exit status is 0 if \
everything is right, or was repaired, and 1 otherwise.

Examples:
  casync verify home.caidx
      Can this be extracted?
  casync verify home.caidx /home
      Has anything changed since?
  casync verify disk.caibx /dev/sda
      Was it written right?
  casync verify --store=default.castr
      Is every chunk good?
  casync verify --store=default.castr --repair --extra-store=/mnt/backup.castr
      Make it good";

pub(super) fn run(arguments: &VerifyArgs) -> Result<()> {
    let VerifyArgs { options, format, repair, operands } = arguments;
    options.apply_logging();
    stores::check_named(options)?;
    if operands.len() > 2 {
        return Err(Error::headline("An index or archive expected, and possibly a tree or blob."));
    }
    let findings = Findings::new(format.json);
    let counters = Arc::new(Counters::default());
    let job = Job { options, findings: &findings, counters: &counters };
    let what = match (operands.first(), operands.get(1)) {
        (Some(_), Some(_)) if *repair => {
            return Err(Error::headline("--repair is for stores: leave out the tree or blob."));
        }
        (None, _) => job.store(*repair)?,
        (Some(input), other) => {
            let operand = Operand::parse(Some(input), options, "Failed to determine type of locator")?;
            let what = options.what.or_else(|| what_of_suffix(operand.suffix()));
            let opened = operand.input(None, true)?;
            if what.is_none() && opened.kind()? == Kind::Directory {
                return Err(Error::headline("Input is a directory. To verify a store, name it with --store=."));
            }
            match (what, other) {
                (Some(What::ArchiveIndex | What::BlobIndex), None) => job.index(opened, &operand, *repair)?,
                (Some(What::Archive), None) => job.archive(opened)?,
                (Some(What::ArchiveIndex), Some(tree)) => job.index_and_tree(opened.into_fd()?, &operand, tree)?,
                (Some(What::Archive), Some(tree)) => job.archive_and_tree(opened, tree)?,
                (Some(What::BlobIndex), Some(blob)) => job.index_and_blob(opened, &operand, blob)?,
                (Some(What::Blob | What::Directory), _) => {
                    return Err(Error::headline(
                        "\"verify\" operation may only be combined with --what=archive, --what=archive-index or \
                         --what=blob-index.",
                    ));
                }
                (None, _) => {
                    return Err(Error::headline(
                        "File to verify does not have valid suffix, refusing. (May be one of: .catar, .caidx, .caibx)",
                    ));
                }
            }
        }
    };
    if format.json {
        summary(&findings.summary(), what)?;
    } else {
        report(findings.summary(), what)?;
    }
    judge(&findings.summary())
}

fn report(summary: Summary, what: &str) -> Result<()> {
    let Summary { looked_at, bytes, problems, repaired, remarks } = summary;
    let verdict = match (problems, repaired) {
        (0, _) => "no problems".to_owned(),
        (_, 0) => count(problems, "problem"),
        _ => format!("{}, {repaired} repaired", count(problems, "problem")),
    };
    let remarks = if remarks > 0 { format!(", {}", count(remarks, "remark")) } else { String::new() };
    let mut out = Out::new();
    out.line(format_args!(
        "Verified {}, {} ({bytes} bytes): {verdict}{remarks}.",
        count(looked_at, what),
        Bytes(bytes)
    ))?;
    out.finish()
}

fn summary(summary: &Summary, unit: &'static str) -> Result<()> {
    let Summary { looked_at, bytes, problems, repaired, remarks } = *summary;
    let good = summary.is_good();
    let mut out = Out::new();
    json::print(&mut out, &Message::VerifySummary { good, unit, looked_at, bytes, problems, repaired, remarks })?;
    out.finish()
}

fn judge(summary: &Summary) -> Result<()> {
    if summary.is_good() {
        return Ok(());
    }
    Err(Error::headline(format!(
        "Verification failed: {} left.",
        count(summary.problems - summary.repaired, "problem")
    )))
}

fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// What all forms of the verb share. Each says what it has looked at.
struct Job<'a> {
    options: &'a Options,
    findings: &'a Findings,
    counters: &'a Arc<Counters>,
}

impl Job<'_> {
    fn progress(&self, total: u64) -> Progress {
        self.counters.total.store(total, Ordering::Relaxed);
        Progress::start("verify", Arc::clone(self.counters))
    }

    fn store(&self, repair: bool) -> Result<&'static str> {
        let looked = stores::named(self.options)?;
        let failed =
            |error: Error, name: &dyn std::fmt::Display| error.titled(format_args!("Failed to open store \"{name}\""));
        match looked {
            Looked::Local(path) => {
                let mut files = Directories::open(&path).map_err(|error| failed(error, &path.display()))?;
                let own = stores::for_checking(self.options, None, repair)?;
                let sources = stores::extra(self.options);
                let repair = self.repair(&*own, &sources, repair)?;
                let _progress = self.progress(0);
                store::verify(&mut files, repair, self.options.budget(), self.counters, self.findings)?;
            }
            Looked::Remote(own) => {
                let items = stores::inventory(&*own).map_err(|error| failed(error, &own.name()))?;
                let sources = stores::extra(self.options);
                let repair = self.repair(&*own, &sources, repair)?;
                let _progress = self.progress(0);
                listed::verify(items, repair, self.options.budget(), self.counters, self.findings)?;
            }
        }
        Ok("chunk")
    }

    fn index(&self, opened: Input, operand: &Operand, repair: bool) -> Result<&'static str> {
        let mut index = open_index(opened, operand)?;
        let own = stores::for_checking(self.options, operand.locator(), repair)?;
        let sources = stores::extra(self.options);
        let repair = self.repair(&*own, &sources, repair)?;
        let _progress = self.progress(index.stream_size());
        index::verify(&mut index, repair, self.options.budget(), self.counters, self.findings)?;
        Ok("chunk")
    }

    fn repair<'a>(&self, store: &'a dyn Store, sources: &'a [Arc<dyn Store>], write: bool) -> Result<Repair<'a>> {
        let write = write.then(|| stores::inventory(store)).transpose()?;
        Ok(Repair { store, sources, compression: self.options.compression(), write })
    }

    fn archive(&self, opened: Input) -> Result<&'static str> {
        let mut archive = Archive::from_file(opened)?;
        let _progress = self.progress(archive.size().unwrap_or(0));
        let read = archive.read(None, true, self.options, |source, decoder| {
            pump(source, decoder, |event| {
                match event {
                    Event::Node(_) => self.findings.looked_at(1, 0),
                    Event::Payload(bytes) => {
                        self.findings.looked_at(0, bytes.len() as u64);
                        Counters::add(&self.counters.bytes, bytes.len() as u64);
                    }
                    Event::End => {}
                }
                Ok(Flow::Continue)
            })
        });
        match read {
            Err(error) if matches!(error.cause(), Cause::Format(_)) => {
                self.findings.problem(format_args!("The archive is damaged: {error}"));
            }
            read => read?,
        }
        Ok("node")
    }

    fn index_and_blob(&self, opened: Input, operand: &Operand, name: &OsString) -> Result<&'static str> {
        let chain = stores::for_reading(self.options, operand.locator())?;
        let mut index = open_index(opened, operand)?;
        let other =
            Operand::parse(Some(name), self.options, "Failed to determine type of locator")?.open(None, true)?;
        let _progress = self.progress(index.stream_size());
        let blob = (&other, name.as_os_str());
        blob::verify(&mut index, blob, &chain, self.options.budget(), self.counters, self.findings)?;
        Ok("chunk")
    }

    fn index_and_tree(&self, fd: OwnedFd, operand: &Operand, path: &OsString) -> Result<&'static str> {
        let tree = Tree::open(path, Some(&fd), operand.locator(), self.options)?;
        let mut index = open_index(Input::Local(fd.try_clone()?), operand)?;
        let (features, size) = (index.features(), index.stream_size());
        let everything_counts = features.replayed(self.options.replay_mask()) == features.replayed(FeatureFlags::ALL);
        let progress = self.progress(size);
        let parted = if everything_counts {
            tree::parts_at(&mut index, &fd, &mut tree.walk(features)?, self.options.budget(), self.counters)?
        } else {
            Some(0)
        };
        let Some(offset) = parted else {
            self.findings.looked_at(index.len(), size);
            return Ok("chunk");
        };
        drop(progress);
        let _progress = self.progress(size);
        let mut archive = Archive::from_index(Input::Local(fd), operand, self.options)?;
        archive.counters = Arc::clone(self.counters);
        if let Err(error) = self.nodes(&mut archive, &tree) {
            if matches!(error.cause(), Cause::Interrupted) {
                return Err(error);
            }
            tree::tell_roughly(&mut tree.walk(features)?, features, offset, &error, self.findings)?;
        }
        Ok("node")
    }

    fn archive_and_tree(&self, opened: Input, path: &OsString) -> Result<&'static str> {
        let tree = Tree::open(path, local(&opened), None, self.options)?;
        let mut archive = Archive::from_file(opened)?;
        let _progress = self.progress(0);
        self.nodes(&mut archive, &tree)?;
        Ok("node")
    }

    fn nodes(&self, archive: &mut Archive, tree: &Tree<'_>) -> Result<()> {
        let mask = self.options.replay_mask();
        archive.read(None, true, self.options, |source, decoder| {
            tree::verify(source, decoder, mask, |features| tree.walk(features), self.findings)
        })
    }
}

/// What was opened, if it is on this host.
const fn local(opened: &Input) -> Option<&OwnedFd> {
    match opened {
        Input::Local(fd) => Some(fd),
        Input::Remote(_) => None,
    }
}

/// A directory that can be walked more than once.
struct Tree<'a> {
    fd: OwnedFd,
    /// What `make` would have left out, too: archive or index, and its store.
    own: Vec<(u64, u64)>,
    options: &'a Options,
}

impl<'a> Tree<'a> {
    fn open(path: &OsString, archive: Option<&OwnedFd>, index: Option<&OsStr>, options: &'a Options) -> Result<Self> {
        let fd = Operand::parse(Some(path), options, "Failed to determine type of locator")?.open(None, true)?;
        if Kind::of(&fd)? != Kind::Directory {
            return Err(Error::headline("An archive can only be compared with a directory."));
        }
        let archive = archive.map(os::fstat).transpose()?;
        let mut own: Vec<_> = archive.map(|stat| (stat.st_dev, stat.st_ino)).into_iter().collect();
        if index.is_some() {
            own.extend(stores::identity(options, index)?);
        }
        Ok(Self { fd, own, options })
    }

    fn walk(&self, features: FeatureFlags) -> Result<Walk> {
        let selection = Selection::new(features, self.options.id_shift());
        let flags = os::OFlags::RDONLY | os::OFlags::DIRECTORY | os::OFlags::CLOEXEC;
        let fd = os::openat(self.fd.as_fd(), c".", flags, os::Mode::empty())?;
        Ok(Walk::from_directory(fd, selection, Exclusions { own: self.own.clone() }))
    }
}
