//! The question for where the entries of a directory lie.

use alloc::vec::Vec;
use core::ops::Range;

use super::table::{Child, Table};
use super::window::Window;
use super::{Ask, Located, Tree};
use crate::error::{Error, Limited, Result, UsageError};

/// Asks where the entries of a directory lie, each from its FILENAME record to its end, in the order of the archive.
///
/// They follow each other without gap. Nothing but the directory's goodbye table is read: a host can fetch ahead what
/// lies where it will read next.
#[derive(Clone, Debug)]
pub struct Places {
    window: Window,
    table: Option<TableLookup>,
}

impl Places {
    pub(super) fn new(tree: Tree, directory: Located) -> Self {
        Self { window: Window::new(tree.limits.tree_bytes), table: Some(TableLookup::new(tree, directory)) }
    }

    /// Hands over bytes of the archive that include the range asked for.
    ///
    /// # Errors
    ///
    /// [`UsageError::NotAskedFor`] if they do not.
    pub fn provide(&mut self, start: u64, bytes: &[u8]) -> Result<()> {
        self.window.provide(start, bytes)
    }

    /// Answers, or asks for bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Format`] for damaged tables, [`Error::Limit`] for larger ones than allowed. After an answer or an error
    /// every call fails.
    pub fn step(&mut self) -> Result<Ask<Vec<Range<u64>>>> {
        let mut table = self.table.take().ok_or(Error::Usage(UsageError::OutOfTurn))?;
        Ok(match table.step(&mut self.window)? {
            Ask::Ready(children) => Ask::Ready(children.iter().rev().map(|child| child.start..child.end).collect()),
            Ask::Need(range) => {
                self.table = Some(table);
                Ask::Need(range)
            }
        })
    }
}

/// Reads the whole table of a directory through a window.
#[derive(Clone, Debug)]
pub(super) struct TableLookup {
    tree: Tree,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Tail(Located),
    Header(Table),
    Items(Table, Vec<Child>),
}

impl TableLookup {
    pub(super) const fn new(tree: Tree, directory: Located) -> Self {
        Self { tree, state: State::Tail(directory) }
    }

    /// The entries, the last one first.
    pub(super) fn step(&mut self, window: &mut Window) -> Result<Ask<Vec<Child>>> {
        loop {
            match &mut self.state {
                State::Tail(directory) => match Table::open(*directory, window)? {
                    Ask::Ready(table) => self.state = State::Header(table),
                    Ask::Need(range) => return Ok(Ask::Need(range)),
                },
                State::Header(table) => match table.check(window)? {
                    Ask::Ready(()) => {
                        let (value, max) = (table.items, self.tree.limits.directory_entries);
                        if value > max {
                            return Err(Error::Limit { what: Limited::DirectoryEntries, value, max });
                        }
                        self.state = State::Items(*table, Vec::new());
                    }
                    Ask::Need(range) => return Ok(Ask::Need(range)),
                },
                State::Items(table, children) if children.len() as u64 == table.items => {
                    children.sort_unstable_by(|a, b| b.cmp(a));
                    table.check_children(children)?;
                    return Ok(Ask::Ready(core::mem::take(children)));
                }
                State::Items(table, children) => match table.item(children.len() as u64, window)? {
                    Ask::Ready((_, child)) => children.push(child),
                    Ask::Need(range) => return Ok(Ask::Need(range)),
                },
            }
        }
    }
}
