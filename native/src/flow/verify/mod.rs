//! `verify`: whether everything is what its name says.
//!
//! ```text
//! index   pieces of the index -> workers [read > unpack > digest, in lanes] -> findings
//! store   files of the store  -> workers [the same]                        -> findings
//! blob    pieces of the index -> workers [read the blob > digest]          -> findings
//! tree    archive -> decoder -+-> node by node -> findings
//!         tree    -> walk ----+
//! ```
//!
//! Every worker takes a batch, which bounds what it holds to its share of the memory (or one chunk, if that is larger).

mod again;
mod attributes;
pub mod blob;
pub mod index;
mod judge;
pub mod listed;
pub mod repair;
pub mod store;
pub mod tree;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ui::json::{self, Field, Message};
use crate::ui::log;

/// What was looked at, and what was wrong.
#[derive(Debug, Default)]
pub struct Findings {
    looked_at: AtomicU64,
    bytes: AtomicU64,
    problems: AtomicU64,
    repaired: AtomicU64,
    remarks: AtomicU64,
    json: bool,
}

impl Findings {
    /// None yet; they will be told in words on standard error, or in JSON on standard output.
    pub fn new(json: bool) -> Self {
        Self { json, ..Self::default() }
    }

    /// Counts things that are as they should be or not.
    pub fn looked_at(&self, count: u64, bytes: u64) {
        self.looked_at.fetch_add(count, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Tells what is wrong.
    pub fn problem(&self, what: impl fmt::Display) {
        self.problem_of(Field::none(), what);
    }

    /// The same, of a node or file whose name may be any bytes: JSON has it as a field of its own.
    pub fn problem_of(&self, about: Field<'_>, what: impl fmt::Display) {
        self.problems.fetch_add(1, Ordering::Relaxed);
        match self.json {
            true => json::tell(&Message::Problem { about, text: what.to_string() }),
            false => log::error(what),
        }
    }

    /// Tells that something was wrong and is not any more.
    pub fn repaired(&self, what: impl fmt::Display) {
        self.repaired.fetch_add(1, Ordering::Relaxed);
        match self.json {
            true => json::tell(&Message::Repaired { text: what.to_string() }),
            false => log::info(what),
        }
    }

    /// Tells what is odd, but not wrong.
    pub fn remark(&self, what: impl fmt::Display) {
        self.remarks.fetch_add(1, Ordering::Relaxed);
        match self.json {
            true => json::tell(&Message::Remark { text: what.to_string() }),
            false => log::info(what),
        }
    }

    /// What was found.
    pub fn summary(&self) -> Summary {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Summary {
            looked_at: count(&self.looked_at),
            bytes: count(&self.bytes),
            problems: count(&self.problems),
            repaired: count(&self.repaired),
            remarks: count(&self.remarks),
        }
    }
}

/// [`Findings`] at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// How many chunks, files or nodes were looked at.
    pub looked_at: u64,
    /// Their plain bytes.
    pub bytes: u64,
    /// What was wrong.
    pub problems: u64,
    /// How much of that is right now.
    pub repaired: u64,
    /// What was only odd.
    pub remarks: u64,
}

impl Summary {
    /// Whether everything is right, now.
    pub const fn is_good(&self) -> bool {
        self.problems == self.repaired
    }
}
