//! The index, before anything is served.

use std::rc::Rc;

use casync_core::index::IndexTable;
use casync_core::record::{INDEX_HEADER_SIZE, INDEX_ITEM_SIZE, INDEX_TAIL_SIZE};
use wasip2::clocks::monotonic_clock;

use super::fetch::{Fetch, Progress};
use super::problem::Problem;
use super::settings::Settings;
use crate::edge::Site;

/// Fetches the index.
pub(super) fn site(settings: &Settings) -> Result<Rc<Site>, Problem> {
    let mut tried = 0;
    loop {
        match fetch(settings) {
            Ok(table) => {
                let site = Site::new(Rc::new(table), settings.kind, settings.site.clone(), &settings.limits)?;
                return Ok(Rc::new(site));
            }
            Err(problem) if problem.is_passing && tried < settings.retries => {
                monotonic_clock::subscribe_duration(pause(tried)).block();
                tried += 1;
            }
            Err(problem) => return Err(problem.about(&settings.index.to_string())),
        }
    }
}

/// Nanoseconds before a request is repeated.
pub(super) fn pause(tried: u32) -> u64 {
    const FIRST: u64 = 250_000_000;
    FIRST << tried.min(5)
}

fn fetch(settings: &Settings) -> Result<IndexTable, Problem> {
    let Settings { index, limits, timeout, .. } = settings;
    let most = (INDEX_HEADER_SIZE + INDEX_TAIL_SIZE) as u64 + limits.index_chunks * INDEX_ITEM_SIZE as u64;
    let mut fetch = Fetch::start(index, most, false, *timeout)?;
    let mut builder = IndexTable::builder(limits);
    loop {
        match fetch.step()? {
            Progress::Pending => fetch.ready().into_iter().for_each(|ready| ready.block()),
            Progress::Missing => return Err(Problem::new("missing", "there is nothing".into())),
            Progress::Piece(bytes) => builder.push(&bytes)?,
            Progress::End => return Ok(builder.finish()?),
        }
    }
}
