//! The question for the entries of a directory.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::find::name_of;
use super::node::NodeLookup;
use super::places::TableLookup;
use super::table::Child;
use super::window::Window;
use super::{Ask, Found, Located, Tree};
use crate::error::{Error, Malformed, Result, UsageError};
use crate::name::Name;

/// Asks for the entries of a directory, one by one in ascending order of names; after the last the answer is `None`.
///
/// Directories below are passed over; nothing of them is read but their metadata.
#[derive(Clone, Debug)]
pub struct Listing {
    tree: Tree,
    window: Window,
    state: State,
    last: Option<Name>,
}

#[derive(Clone, Debug)]
enum State {
    /// Reading the table.
    Table(TableLookup),
    /// Reading the name of the entry that is last in the list.
    Name(Vec<Child>),
    /// Reading the metadata of that entry.
    Node(Vec<Child>, Box<NodeLookup>),
    /// Failed.
    Failed,
}

impl Listing {
    pub(super) const fn new(tree: Tree, directory: Located) -> Self {
        let table = TableLookup::new(tree, directory);
        Self { tree, window: Window::new(tree.limits.tree_bytes), state: State::Table(table), last: None }
    }

    /// Hands over bytes of the archive that include the range asked for.
    ///
    /// # Errors
    ///
    /// [`UsageError::NotAskedFor`] if they do not.
    pub fn provide(&mut self, start: u64, bytes: &[u8]) -> Result<()> {
        self.window.provide(start, bytes)
    }

    /// The next entry, or what to provide for it.
    ///
    /// # Errors
    ///
    /// [`Error::Format`] and the like for damaged archives. After an error every call fails.
    pub fn step(&mut self) -> Result<Ask<Option<Found>>> {
        loop {
            let state = core::mem::replace(&mut self.state, State::Failed);
            let (next, ask) = self.advance(state)?;
            self.state = next;
            if let Some(ask) = ask {
                return Ok(ask);
            }
        }
    }

    /// Where the first entry starts that is still to come and starts at `offset` or behind it: that is asked for later, so
    /// a host can fetch it ahead. `None` before the directory's table was read, and where there is no such entry.
    pub fn next_after(&self, offset: u64) -> Option<u64> {
        let (State::Name(children) | State::Node(children, _)) = &self.state else { return None };
        let behind = children.partition_point(|child| child.start >= offset);
        Some(children[behind.checked_sub(1)?].start)
    }

    fn advance(&mut self, state: State) -> Result<(State, Option<Ask<Option<Found>>>)> {
        let window = &mut self.window;
        Ok(match state {
            State::Table(mut table) => match table.step(window)? {
                Ask::Ready(children) => (State::Name(children), None),
                Ask::Need(range) => (State::Table(table), Some(Ask::Need(range))),
            },
            State::Name(children) => {
                let Some(&child) = children.last() else {
                    return Ok((State::Name(children), Some(Ask::Ready(None))));
                };
                let (name, entry) = match name_of(child, window)? {
                    Ask::Ready(found) => found,
                    Ask::Need(range) => return Ok((State::Name(children), Some(Ask::Need(range)))),
                };
                let name = Name::new(name).map_err(|error| error.at(child.start))?;
                if self.last.as_ref().is_some_and(|last| *last >= name) {
                    return Err(Error::from(Malformed::NameOrder).at(child.start));
                }
                self.last = Some(name.clone());
                let lookup = NodeLookup::new(&self.tree, Located { entry, end: child.end }, Some(name));
                (State::Node(children, Box::new(lookup)), None)
            }
            State::Node(mut children, mut lookup) => match lookup.step(window)? {
                Ask::Ready(found) => {
                    children.pop();
                    (State::Name(children), Some(Ask::Ready(Some(found))))
                }
                Ask::Need(range) => (State::Node(children, lookup), Some(Ask::Need(range))),
            },
            State::Failed => return Err(UsageError::OutOfTurn.into()),
        })
    }
}
