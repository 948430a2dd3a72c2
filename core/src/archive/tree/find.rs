//! The question for a node by its path.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::node::NodeLookup;
use super::table::{Child, Table};
use super::window::Window;
use super::{Ask, Found, Located, Tree};
use crate::archive::Content;
use crate::error::{Error, Malformed, Result, UsageError};
use crate::hash::name_hash;
use crate::name::Name;
use crate::record::{HEADER_SIZE, Header, RecordKind, text_body};

/// Asks for the node at a path; the answer is `None` if there is none.
#[derive(Clone, Debug)]
pub struct Find {
    tree: Tree,
    window: Window,
    /// Components that were not looked up yet, the next one last.
    path: Vec<Vec<u8>>,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// Reading a node on the way, or the last one.
    Node(Box<NodeLookup>),
    /// Reading the tail of a directory.
    Tail(Located),
    /// Reading the header of its table.
    Header(Table),
    /// Searching the table.
    Search(Search),
    /// Answered, or failed.
    Done,
}

/// A search in a table: positions that are still to be visited, and a candidate whose name is to be compared.
#[derive(Clone, Debug)]
struct Search {
    table: Table,
    hash: u64,
    open: Vec<u64>,
    candidate: Option<Child>,
    candidates: u32,
}

impl Search {
    /// Entries with equal hashes that are compared by name. Names with colliding hashes do not occur by chance.
    const CANDIDATES_MAX: u32 = 1024;
}

impl Find {
    pub(super) fn new(tree: Tree, path: &[u8]) -> Self {
        Self::below(tree, tree.root(), path)
    }

    pub(super) fn below(tree: Tree, directory: Located, path: &[u8]) -> Self {
        let components = path.split(|&byte| byte == b'/').filter(|component| !component.is_empty());
        let mut path: Vec<Vec<u8>> = components.map(<[u8]>::to_vec).collect();
        path.reverse();
        let start = NodeLookup::new(&tree, directory, None);
        Self { tree, window: Window::new(tree.limits.tree_bytes), path, state: State::Node(Box::new(start)) }
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
    /// [`Error::Format`] and the like for damaged archives. After an answer or an error every call fails.
    pub fn step(&mut self) -> Result<Ask<Option<Found>>> {
        let result = self.advance();
        if !matches!(result, Ok(Ask::Need(_))) {
            self.state = State::Done;
        }
        result
    }

    fn advance(&mut self) -> Result<Ask<Option<Found>>> {
        loop {
            match &mut self.state {
                State::Node(lookup) => {
                    let found = match lookup.step(&mut self.window)? {
                        Ask::Ready(found) => found,
                        Ask::Need(range) => return Ok(Ask::Need(range)),
                    };
                    let is_directory = found.node.content == Content::Directory;
                    match self.path.last() {
                        None => return Ok(Ask::Ready(Some(found))),
                        Some(name) if !is_directory || Name::check(name).is_err() => return Ok(Ask::Ready(None)),
                        Some(_) => self.state = State::Tail(found.located),
                    }
                }
                State::Tail(directory) => match Table::open(*directory, &mut self.window)? {
                    Ask::Ready(table) => self.state = State::Header(table),
                    Ask::Need(range) => return Ok(Ask::Need(range)),
                },
                State::Header(table) => match table.check(&mut self.window)? {
                    Ask::Ready(()) => {
                        let hash = name_hash(self.path.last().map_or(&[], Vec::as_slice));
                        let open = if table.items > 0 { alloc::vec![0] } else { Vec::new() };
                        let table = *table;
                        self.state = State::Search(Search { table, hash, open, candidate: None, candidates: 0 });
                    }
                    Ask::Need(range) => return Ok(Ask::Need(range)),
                },
                State::Search(search) => {
                    let wanted = self.path.last().map_or(&[][..], Vec::as_slice);
                    match search.step(wanted, &mut self.window)? {
                        Ask::Ready(Some(located)) => {
                            let name = self.path.pop().and_then(|name| Name::new(&name).ok());
                            self.state = State::Node(Box::new(NodeLookup::new(&self.tree, located, name)));
                        }
                        Ask::Ready(None) => return Ok(Ask::Ready(None)),
                        Ask::Need(range) => return Ok(Ask::Need(range)),
                    }
                }
                State::Done => return Err(UsageError::OutOfTurn.into()),
            }
        }
    }
}

impl Search {
    fn step(&mut self, wanted: &[u8], window: &mut Window) -> Result<Ask<Option<Located>>> {
        loop {
            if let Some(child) = self.candidate {
                match name_of(child, window)? {
                    Ask::Ready((name, entry)) if name == wanted => {
                        return Ok(Ask::Ready(Some(Located { entry, end: child.end })));
                    }
                    Ask::Ready(_) => self.candidate = None,
                    Ask::Need(range) => return Ok(Ask::Need(range)),
                }
            }
            let Some(&position) = self.open.last() else { return Ok(Ask::Ready(None)) };
            let (hash, child) = match self.table.item(position, window)? {
                Ask::Ready(item) => item,
                Ask::Need(range) => return Ok(Ask::Need(range)),
            };
            self.open.pop();
            // Equal hashes may stand on either side.
            for (below, wanted) in [(2 * position + 2, self.hash >= hash), (2 * position + 1, self.hash <= hash)] {
                if wanted && below < self.table.items {
                    self.open.push(below);
                }
            }
            if hash == self.hash {
                self.candidates += 1;
                if self.candidates > Self::CANDIDATES_MAX {
                    return Err(Malformed::Goodbye.into());
                }
                self.candidate = Some(child);
            }
        }
    }
}

/// The name of an entry, and the offset of its ENTRY record.
pub(super) fn name_of(child: Child, window: &mut Window) -> Result<Ask<(&[u8], u64)>> {
    // The longest record that a name can have, but no more than the entry.
    let most = child.end.min(child.start.saturating_add(*RecordKind::Filename.sizes().end()));
    let bytes = match window.get(child.start..most) {
        Ask::Ready(bytes) => bytes,
        Ask::Need(range) => return Ok(Ask::Need(range)),
    };
    let broken = |what: Malformed| Error::from(what).at(child.start);
    let header = Header::parse(&bytes[..HEADER_SIZE]).map_err(|error| error.at(child.start))?;
    if header.kind != RecordKind::Filename || header.size > bytes.len() as u64 {
        return Err(broken(Malformed::MisplacedRecord(header.kind)));
    }
    let name = text_body(&bytes[..header.size as usize]).ok_or_else(|| broken(Malformed::Name))?;
    Ok(Ask::Ready((name, child.start + header.size)))
}
