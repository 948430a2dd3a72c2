//! Settings, out of the environment.

use core::str::FromStr;
use std::env;

use casync_core::Limits;

use super::address::Address;
use super::problem::Problem;
use crate::edge::{self, Kind};

/// How an index is served; `wasm/js/README.md` lists the variables.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) index: Address,
    pub(super) kind: Kind,
    pub(super) stores: Vec<Address>,
    pub(super) site: edge::Settings,
    /// How often a request to an origin is repeated.
    pub(super) retries: u32,
    /// Nanoseconds without a byte after which a request to an origin has failed.
    pub(super) timeout: u64,
    /// Bytes of chunks kept between requests.
    pub(super) memory: usize,
    pub(super) limits: Limits,
}

impl Settings {
    /// Requests to origins at once.
    pub(super) const PARALLEL: usize = 6;
    /// Bytes of chunks that are on their way at once.
    pub(super) const BUDGET: u64 = 2 << 20;

    pub(super) fn from_environment() -> Result<Self, Problem> {
        let address = env::var("CASYNC_INDEX").map_err(|_| Problem::new("usage", "CASYNC_INDEX is not set".into()))?;
        let index = Address::parse(&address)?;
        let kind = if index.ends_with(".caidx") {
            Kind::Archive
        } else if index.ends_with(".caibx") {
            Kind::Image
        } else {
            return Err(Problem::new("usage", format!("{index} is neither .caidx nor .caibx")));
        };
        let stores = match env::var("CASYNC_STORES") {
            Ok(stores) => stores.split_whitespace().map(Address::parse).collect::<Result<_, _>>()?,
            Err(_) => vec![index.default_store()],
        };
        let default = edge::Settings::default();
        let site = edge::Settings {
            base: env::var("CASYNC_BASE").unwrap_or(default.base),
            max_chunks: number("CASYNC_MAX_CHUNKS", default.max_chunks)?,
            cache_control: env::var("CASYNC_CACHE_CONTROL").unwrap_or(default.cache_control),
        };
        let timeout: u64 = number("CASYNC_TIMEOUT", 30)?;
        Ok(Self {
            index,
            kind,
            stores,
            site,
            retries: number("CASYNC_RETRIES", 4)?,
            timeout: timeout.saturating_mul(1_000_000_000),
            memory: number("CASYNC_MEMORY", 2 << 20)?,
            limits: Limits::default()
                .with_chunk(1 << 20)
                .with_index_chunks(1 << 16)
                .with_directory_entries(1 << 15)
                .with_node_bytes(1 << 20)
                .with_tree_bytes(1 << 20),
        })
    }
}

fn number<T: FromStr>(name: &str, default: T) -> Result<T, Problem> {
    match env::var(name) {
        Ok(text) => text.parse().map_err(|_| Problem::new("usage", format!("{name}: \"{text}\" is no number"))),
        Err(_) => Ok(default),
    }
}
