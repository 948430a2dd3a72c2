//! Equal bytes of two streams, told by chunk ids alone.

use crate::index::Piece;

/// Follows a range of one stream and one of equal length of another, chunk by chunk.
///
/// The loop: while [`places`](Self::places) says where it is, hand over the two chunks that hold these bytes to
/// [`step`](Self::step). The spans that come of it cover the ranges, in order and without gap.
///
/// ```
/// use casync_core::chunk::ChunkId;
/// use casync_core::diff::Lockstep;
/// use casync_core::index::Piece;
///
/// let piece = |start, size| Piece { number: 0, id: ChunkId::default(), start, size };
/// // The same chunk, at different places of its stream.
/// let mut lockstep = Lockstep::new(10, 110, 30);
/// let span = lockstep.step(&piece(0, 50), &piece(100, 50));
/// assert_eq!((span.length, span.equal, lockstep.places()), (30, true, None));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lockstep {
    left: u64,
    right: u64,
    remaining: u64,
}

/// Bytes of both streams that lie in one chunk on either side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where it starts on the left.
    pub left: u64,
    /// Where it starts on the right.
    pub right: u64,
    /// Bytes in it.
    pub length: u64,
    /// The chunks are the same and so are the places in them, hence the bytes. Otherwise they may be anything.
    pub equal: bool,
}

impl Lockstep {
    /// Compares `length` bytes at `left` with as many at `right`.
    pub const fn new(left: u64, right: u64, length: u64) -> Self {
        Self { left, right, remaining: length }
    }

    /// Offsets of the bytes that are next on the left and on the right; `None` at the end.
    pub fn places(&self) -> Option<(u64, u64)> {
        (self.remaining > 0).then_some((self.left, self.right))
    }

    /// Compares as far as these two chunks reach, which hold the bytes at [`Self::places`].
    ///
    /// Chunks that do not hold them make no progress: their span is empty.
    pub fn step(&mut self, left: &Piece, right: &Piece) -> Span {
        let inside = |piece: &Piece, at: u64| at.checked_sub(piece.start).filter(|inside| *inside < piece.size);
        let (length, equal) = match (inside(left, self.left), inside(right, self.right)) {
            (Some(in_left), Some(in_right)) => {
                let reach = (left.size - in_left).min(right.size - in_right);
                (reach.min(self.remaining), left.id == right.id && in_left == in_right)
            }
            _ => (0, false),
        };
        let span = Span { left: self.left, right: self.right, length, equal };
        self.left += length;
        self.right += length;
        self.remaining -= length;
        span
    }
}
