//! `make TABLE.catab`: a seed table of a tree or a file.

use std::ffi::OsStr;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use casync_core::archive::Selection;
use casync_core::catab::{CatabHeader, SeedRoot};
use casync_core::record::FeatureFlags;
use rustix::fs as os;
use rustix::io::Errno;

use super::make::exclusions;
use crate::cache::Clock;
use crate::cli::Options;
use crate::error::{Context as _, Error, Result};
use crate::flow::source::{self, Words};
use crate::flow::table::{self, Tabled};
use crate::fs::blob::Kind;
use crate::fs::output::AtomicFile;
use crate::fs::walk::Walk;
use crate::locator;
use crate::ui::{Counters, Progress, log, narrate};

/// Makes the table at `target` of what was opened.
pub(super) fn make(options: &Options, target: &OsStr, clock: Clock, fd: OwnedFd) -> Result<()> {
    // The files are found again by the name that the tree has now, whatever it was called.
    let root = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).context(|| "find out where it is")?;
    let root = root.into_os_string().into_vec();
    let kind = Kind::of(&fd)?;
    let (root, default) = match kind {
        Kind::Directory => (SeedRoot::Tree(root), FeatureFlags::ALL),
        Kind::File => (SeedRoot::File(root), FeatureFlags::EMPTY),
        _ => {
            let why = "nothing tells whether what is neither a file nor a directory has changed";
            return Err(Error::new(Errno::OPNOTSUPP, why)
                .context("make a seed table")
                .hint("name its index beside it: --seed=PATH --seed-index=INDEX"));
        }
    };
    let (features, sizes) = (options.encoding_features(default), options.chunk_sizes());
    narrate::chunk_sizes(&sizes);
    // Names and metadata of everything in a tree are nobody else's business.
    let file = AtomicFile::create(&locator::to_path(target), 0o600)?;
    let output = file.file().try_clone()?;
    let header = CatabHeader { features, sizes, root };
    let (budget, counters) = (options.budget(), Arc::new(Counters::default()));
    let progress = Progress::start("make", Arc::clone(&counters));
    let tabled = if kind == Kind::Directory {
        let exclusions = exclusions(Some(target), Some(&file), None, None)?;
        let mut walk = Walk::from_directory(fd, Selection::new(features, options.id_shift()), exclusions);
        table::write(&header, budget, clock, &counters, output, |sink| {
            source::tree(&mut walk, features, Words("Tabling", "Tabled"), sink)
        })?
    } else {
        counters.total.store(os::fstat(&fd)?.st_size as u64, Ordering::Relaxed);
        table::write(&header, budget, clock, &counters, output, |sink| sink.blob(&fd))?
    };
    drop(progress);
    file.install()?;
    let Tabled { size, chunks, unsettled } = tabled;
    if unsettled > 0 {
        log::info(format_args!(
            "Files left out of the table, since they changed so recently that a further change might not show: {unsettled}"
        ));
    }
    log::verbose(format_args!("Number of chunks: {chunks}, of {size} bytes"));
    Ok(())
}
