//! Which nodes of two trees belong together.

use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::name::Name;

/// Goes through two trees at once, both in archive order.
///
/// The loop: show what is next on either side to [`turn`](Self::turn), and go on with the side, or both, that it names.
/// [`path`](Self::path) is that of the node that turn was about.
///
/// ```
/// use casync_core::Name;
/// use casync_core::diff::{Head, Merge, Turn};
///
/// let [a, b] = [Name::new(b"a")?, Name::new(b"b")?];
/// let root = Head::Node { name: None, directory: true };
/// let file = |name| Head::Node { name: Some(name), directory: false };
/// let mut merge = Merge::default();
/// assert_eq!(merge.turn(Some(root), Some(root)), Some(Turn::Both));
/// assert_eq!(merge.turn(Some(file(&a)), Some(file(&b))), Some(Turn::Left));
/// assert_eq!(merge.path(), b"a");
/// assert_eq!(merge.turn(Some(Head::Leave), Some(file(&b))), Some(Turn::Right));
/// assert_eq!(merge.turn(Some(Head::Leave), Some(Head::Leave)), Some(Turn::Both));
/// assert_eq!(merge.turn(None, None), None);
/// # Ok::<(), casync_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Merge {
    path: Vec<u8>,
    /// Directories that are open, each with the length of its path.
    open: Vec<(Turn, usize)>,
}

/// What is next on one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head<'a> {
    /// A node; if it is a directory, its entries follow, and [`Head::Leave`].
    Node {
        /// `None` for the root.
        name: Option<&'a Name>,
        /// Whether it is a directory.
        directory: bool,
    },
    /// The innermost directory ends.
    Leave,
}

impl<'a> Head<'a> {
    const fn node(self) -> Option<(Option<&'a Name>, bool)> {
        match self {
            Self::Node { name, directory } => Some((name, directory)),
            Self::Leave => None,
        }
    }
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Only the left side has this.
    Left,
    /// Only the right side has this.
    Right,
    /// Two nodes of the same path, or the ends of two directories of the same path.
    Both,
}

impl Merge {
    /// Decides who goes on; `None` once both sides have ended.
    pub fn turn(&mut self, left: Option<Head<'_>>, right: Option<Head<'_>>) -> Option<Turn> {
        let turn = match (self.open.last(), left, right) {
            (_, None, None) => return None,
            (_, Some(_), None) => Turn::Left,
            (_, None, Some(_)) => Turn::Right,
            // What is below a directory that only one side has is that side's alone.
            (Some((alone @ (Turn::Left | Turn::Right), _)), ..) => *alone,
            (_, Some(left), Some(right)) => match (left.node(), right.node()) {
                (Some((left, _)), Some((right, _))) => match left.cmp(&right) {
                    Ordering::Less => Turn::Left,
                    Ordering::Equal => Turn::Both,
                    Ordering::Greater => Turn::Right,
                },
                (Some(_), None) => Turn::Left,
                (None, Some(_)) => Turn::Right,
                (None, None) => Turn::Both,
            },
        };
        self.go(left.filter(|_| turn != Turn::Right), right.filter(|_| turn != Turn::Left));
        Some(turn)
    }

    /// Passes over all that is in the directory that the last turn of [`Turn::Both`] was about, its end included.
    pub fn skip(&mut self) {
        self.open.pop();
    }

    /// Path from the root of the node that the last turn was about; empty for the root.
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    fn go(&mut self, left: Option<Head<'_>>, right: Option<Head<'_>>) {
        if [left, right].contains(&Some(Head::Leave)) {
            self.open.pop();
            return;
        }
        let (left, right) = (left.and_then(Head::node), right.and_then(Head::node));
        let Some((name, _)) = left.or(right) else { return };
        self.path.truncate(self.open.last().map_or(0, |&(_, length)| length));
        if let Some(name) = name {
            if !self.path.is_empty() {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(name);
        }
        let is_directory = |node: Option<(Option<&Name>, bool)>| node.is_some_and(|(_, directory)| directory);
        let whose = match (is_directory(left), is_directory(right)) {
            (true, true) => Turn::Both,
            (true, false) => Turn::Left,
            (false, true) => Turn::Right,
            (false, false) => return,
        };
        self.open.push((whose, self.path.len()));
    }
}
