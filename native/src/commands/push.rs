//! `push`: takes an archive, an index and chunks from the casync that started it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::pull::Operands;
use crate::cli::Options;
use crate::error::{Error, Result};
use crate::remote::server::{PushService, push, refuse, standard_pipes};
use crate::store::{LocalStore, Store};

/// `push BASE ARCHIVE INDEX STORE [STORE...]`
#[derive(Debug, clap::Args)]
pub struct PushArgs {
    #[command(flatten)]
    options: Options,
    /// Nothing (-), an archive, an index and stores, the first of which gets the chunks; - for what is not taken
    #[arg(value_name = "BASE|- ARCHIVE|- INDEX|- STORE|- [STORE...]", num_args = 0.., value_hint = clap::ValueHint::AnyPath)]
    operands: Vec<OsString>,
}

pub(super) const HELP: &str = "\
Started by another casync, by way of ssh, which reads from and writes to its pipes. Every chunk is verified before it is stored. \
Archive and index get their names when they and all chunks are there, before the other side hears of success.

Examples:
  casync push - - home.caidx default.castr
      What `casync make HOST:home.caidx` starts on the host";

pub(super) fn run(arguments: &PushArgs) -> Result<()> {
    arguments.options.apply_logging();
    let Operands { archive, index, stores } = Operands::parse(&arguments.operands, "Push to base not yet supported.")?;
    // compat: the first position is the store that is written to, even if it is empty.
    let writable = arguments.operands.get(3).is_some_and(|store| !store.is_empty() && store != "-");
    let (store, others) = stores.split_at(usize::from(writable));
    let open = || -> Result<_> {
        let store = store.first().map(|store| LocalStore::open_or_create(Path::new(store))).transpose()?;
        let others =
            others.iter().map(|store| Ok(Arc::new(LocalStore::for_reading(Path::new(store))?) as Arc<dyn Store>));
        Ok((store.map(|store| Arc::new(store) as Arc<dyn Store>), others.collect::<Result<Vec<_>>>()?))
    };
    let (store, others) = open().map_err(|error: Error| refuse(error.titled("Failed to process remote")))?;
    let (archive, index) = (archive.map(PathBuf::from), index.map(PathBuf::from));
    let rate_limit_bps = arguments.options.rate_limit_bps;
    push(PushService { archive, index, store, others, rate_limit_bps }, standard_pipes()?)
}
