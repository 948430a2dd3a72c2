//! The question for one node whose place is known.

use super::super::{Content, Decoder, Event, Step};
use super::window::Window;
use super::{Ask, Found, Located, Tree};
use crate::error::{Error, Malformed, Result, UsageError};
use crate::name::Name;

/// Asks for the node at a place.
#[derive(Clone, Debug)]
pub struct Lookup {
    window: Window,
    /// `None` once there was an answer or an error.
    reader: Option<NodeLookup>,
}

impl Lookup {
    pub(super) fn new(tree: Tree, located: Located, name: Option<Name>) -> Self {
        Self { window: Window::new(tree.limits.tree_bytes), reader: Some(NodeLookup::new(&tree, located, name)) }
    }

    /// Answers, or asks for bytes.
    ///
    /// # Errors
    ///
    /// As [`Decoder::step`]. After an answer or an error every call fails.
    pub fn step(&mut self) -> Result<Ask<Found>> {
        let reader = self.reader.as_mut().ok_or(Error::Usage(UsageError::OutOfTurn))?;
        let result = reader.step(&mut self.window);
        if !matches!(result, Ok(Ask::Need(_))) {
            self.reader = None;
        }
        result
    }

    /// Hands over bytes of the archive that include the range asked for.
    ///
    /// # Errors
    ///
    /// [`UsageError::NotAskedFor`] if they do not.
    pub fn provide(&mut self, start: u64, bytes: &[u8]) -> Result<()> {
        self.window.provide(start, bytes)
    }
}

/// Reads the metadata of one node through a window.
#[derive(Clone, Debug)]
pub(super) struct NodeLookup {
    decoder: Decoder,
    located: Located,
    name: Option<Name>,
}

impl NodeLookup {
    /// Bytes to ask for at a time: most nodes have less than this before their content.
    const HINT: u64 = 512;

    pub(super) fn new(tree: &Tree, located: Located, name: Option<Name>) -> Self {
        let decoder = Decoder::for_part(located.entry, located.end, &tree.limits);
        let decoder = match tree.features {
            Some(features) => decoder.expecting(features),
            None => decoder,
        };
        Self { decoder, located, name }
    }

    pub(super) fn step(&mut self, window: &mut Window) -> Result<Ask<Found>> {
        loop {
            let position = self.decoder.position();
            let piece = if position < self.located.end {
                match window.get_some(position, self.located.end, Self::HINT) {
                    Ask::Ready(piece) => piece,
                    Ask::Need(range) => return Ok(Ask::Need(range)),
                }
            } else {
                &[]
            };
            match self.decoder.step(piece)? {
                Step::More if piece.is_empty() => return Err(Error::Truncated { length: position }),
                Step::More => {}
                Step::Did { event: Event::Node(event), .. } => {
                    let node = event.node.clone();
                    let features = event.features;
                    let content = event.entry + event.records.len() as u64;
                    let end = match node.content {
                        // Its own table says where it ends.
                        Content::Directory => Some(self.located.end),
                        Content::Regular { size } => content.checked_add(size),
                        _ => Some(content),
                    };
                    if end != Some(self.located.end) {
                        return Err(Error::from(Malformed::Goodbye).at(content));
                    }
                    let (name, located) = (self.name.take(), self.located);
                    return Ok(Ask::Ready(Found { name, located, node, content, features }));
                }
                Step::Did { .. } => return Err(UsageError::OutOfTurn.into()),
            }
        }
    }
}
