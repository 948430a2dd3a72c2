//! `pull`: serves an archive, an index and chunks to the casync that started it.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::Arc;

use super::stores;
use crate::cli::Options;
use crate::error::{Error, Result};
use crate::locator;
use crate::remote;
use crate::remote::server::{PullService, Source, pull, refuse, standard_pipes};
use crate::store::{LocalStore, Store};

/// `pull BASE ARCHIVE INDEX STORE [STORE...]`
#[derive(Debug, clap::Args)]
pub struct PullArgs {
    #[command(flatten)]
    options: Options,
    /// Nothing (-), an archive, an index and stores; - for what is not served
    #[arg(value_name = "BASE|- ARCHIVE|- INDEX|- STORE|- [STORE...]", num_args = 0.., value_hint = clap::ValueHint::AnyPath)]
    operands: Vec<OsString>,
}

pub(super) const HELP: &str = "\
Started by another casync, by way of ssh, which reads from and writes to its pipes. Every chunk is verified before it is sent; \
one that is damaged counts as missing, and a message tells of it.

Examples:
  casync pull - - home.caidx default.castr
      What `casync extract HOST:home.caidx` starts on the host
  casync pull - home.catar - -
      An archive";

const NO_BASE: &str = "Pull from base or archive not yet supported.";

pub(super) fn run(arguments: &PullArgs) -> Result<()> {
    arguments.options.apply_logging();
    let Operands { archive, index, stores } = Operands::parse(&arguments.operands, NO_BASE)?;
    let failed = |error: Error| error.titled("Failed to process remote");
    let open = |path: Option<&OsStr>| path.map(|path| Source::open(Path::new(path))).transpose().map_err(failed);
    let opened = open(archive).and_then(|archive| Ok((archive, open(index)?)));
    let stores = stores.iter().map(|store| Ok(Arc::new(LocalStore::for_reading(Path::new(store))?) as Arc<dyn Store>));
    let stores = stores.collect::<Result<Vec<_>>>().map_err(failed);
    let (opened, stores) = match (opened, stores) {
        (Ok(opened), Ok(stores)) => (opened, stores),
        (Err(error), _) | (_, Err(error)) => return Err(refuse(error)),
    };
    let (archive, index) = opened;
    let service = PullService { archive, index, stores, rate_limit_bps: arguments.options.rate_limit_bps };
    pull(service, standard_pipes()?)
}

/// As `casync-SCHEME`, which the C program starts for URLs: serves what the operands name on other hosts.
///
/// # Errors
///
/// If it cannot be served. The other side was told.
pub fn help_with_urls(arguments: &PullArgs, scheme: &str) -> Result<()> {
    let options = &arguments.options;
    options.apply_logging();
    remote::set_helper();
    let Operands { archive, index, stores } = Operands::parse(&arguments.operands, NO_BASE)?;
    let settings = stores::settings(options)?;
    let check = |url: &OsStr| match url.to_str().and_then(locator::scheme) {
        // compat: upstream's helpers take any URL, and the family from their own name.
        Some(named) if named == scheme || (scheme, named) == ("https", "http") => Ok(()),
        _ => Err(Error::headline(format!("Not a URL of {scheme}: {}", remote::shown(url)))),
    };
    let file = |url: &OsStr| -> Result<Source> {
        check(url)?;
        Ok(Source::Remote(remote::file(url, &settings)?))
    };
    let open = || -> Result<PullService> {
        let stores = stores.iter().map(|url| check(url).and_then(|()| remote::store(url, &settings)));
        Ok(PullService {
            archive: archive.map(file).transpose()?,
            index: index.map(file).transpose()?,
            stores: stores.collect::<Result<Vec<_>>>()?,
            // The connections to the other hosts have it.
            rate_limit_bps: None,
        })
    };
    let service = open().map_err(refuse)?;
    pull(service, standard_pipes()?)
}

/// What a server verb is to serve, by position.
pub(super) struct Operands<'a> {
    pub(super) archive: Option<&'a OsStr>,
    pub(super) index: Option<&'a OsStr>,
    pub(super) stores: Vec<&'a OsStr>,
}

impl<'a> Operands<'a> {
    /// `no_base` is what is said of a base.
    pub(super) fn parse(operands: &'a [OsString], no_base: &str) -> Result<Self> {
        let [base, archive, index, stores @ ..] = operands else { return Err(Self::too_few()) };
        if stores.is_empty() {
            return Err(Self::too_few());
        }
        let named = |operand: &'a OsString| Some(operand.as_os_str()).filter(|text| !text.is_empty() && *text != "-");
        if named(base).is_some() {
            return Err(Error::headline(no_base));
        }
        let stores: Vec<&OsStr> = stores.iter().filter_map(named).collect();
        let operands = Self { archive: named(archive), index: named(index), stores };
        if operands.archive.is_none() && operands.index.is_none() && operands.stores.is_empty() {
            return Err(Error::headline("Nothing to do."));
        }
        Ok(operands)
    }

    fn too_few() -> Error {
        Error::headline("Expected at least 4 arguments.")
    }
}
