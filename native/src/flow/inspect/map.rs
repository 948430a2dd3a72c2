//! Where the chunks of an index come from, in the order of the stream.

use casync_core::chunk::ChunkId;
use casync_core::index::Piece;

use super::Amount;
use super::count::{Chunks, zeros};
use crate::error::Result;
use crate::flow::input::Index;
use crate::flow::stop;

/// Where a chunk comes from, for who has an older index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Origin {
    /// The older stream has it at the same place.
    InPlace,
    /// The older stream has it elsewhere.
    Moved,
    /// It is of the largest size and all zeros: nobody has to supply it.
    Zeros,
    /// The stream itself has it further up.
    Repeat,
    /// It has to be fetched.
    New,
}

impl Origin {
    /// All, in the order in which they are counted and shown.
    pub const ALL: [Self; 5] = [Self::InPlace, Self::Moved, Self::Zeros, Self::Repeat, Self::New];
}

/// What becomes of a chunk of an older index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Use {
    /// The newer index has it.
    Kept,
    /// It has not.
    Dropped,
}

/// Some chunks in a row.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// Where they start in the stream.
    pub start: u64,
    /// How many they are.
    pub chunks: u64,
    /// Bytes of each class.
    pub bytes: [u64; Self::CLASSES],
}

impl Cell {
    /// Classes of chunks, at most.
    pub const CLASSES: usize = Origin::ALL.len();
}

/// A part of the stream whose chunks are all of one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Where it starts.
    pub start: u64,
    /// Number of the class.
    pub class: usize,
    /// What is in it.
    pub sum: Amount,
}

/// The chunks of an index by class: as many cells as can be drawn, the longest runs, and sums.
#[derive(Debug)]
pub struct ChunkMap {
    per_cell: u64,
    /// At most [`ChunkMap::CELLS`].
    pub cells: Vec<Cell>,
    /// The largest, at most [`ChunkMap::RUNS`], in the order of the stream.
    pub runs: Vec<Run>,
    /// By class.
    pub sums: [Amount; Cell::CLASSES],
    /// Runs that there are.
    pub runs_total: u64,
    under_way: Option<Run>,
}

impl ChunkMap {
    /// Cells of a map, however many chunks there are.
    pub const CELLS: u64 = 2048;
    /// Runs that are kept.
    pub const RUNS: usize = 100;

    fn new(chunks: u64) -> Self {
        Self {
            per_cell: chunks.div_ceil(Self::CELLS).max(1),
            cells: Vec::new(),
            runs: Vec::new(),
            sums: [Amount::default(); Cell::CLASSES],
            runs_total: 0,
            under_way: None,
        }
    }

    fn push(&mut self, piece: &Piece, class: usize) {
        let empty = Cell { start: piece.start, chunks: 0, bytes: [0; Cell::CLASSES] };
        let mut cell = self.cells.pop().unwrap_or(empty);
        if cell.chunks == self.per_cell {
            self.cells.push(cell);
            cell = empty;
        }
        cell.chunks += 1;
        cell.bytes[class] += piece.size;
        self.cells.push(cell);
        self.sums[class].add(piece.size);

        let mut run = Run { start: piece.start, class, sum: Amount::default() };
        if let Some(last) = self.under_way.take() {
            if last.class == class {
                run = last;
            } else {
                self.end_run(last);
            }
        }
        run.sum.add(piece.size);
        self.under_way = Some(run);
    }

    /// Keeps a run if it may be one of the largest.
    fn end_run(&mut self, run: Run) {
        self.runs_total += 1;
        self.runs.push(run);
        if self.runs.len() >= 2 * Self::RUNS {
            self.drop_small_runs();
        }
    }

    fn drop_small_runs(&mut self) {
        self.runs.sort_by_key(|run| (std::cmp::Reverse(run.sum.bytes), run.start));
        self.runs.truncate(Self::RUNS);
    }

    fn finish(mut self) -> Self {
        if let Some(last) = self.under_way.take() {
            self.end_run(last);
        }
        self.drop_small_runs();
        self.runs.sort_by_key(|run| run.start);
        self
    }

    /// Chunks of an origin.
    pub const fn of_origin(&self, origin: Origin) -> Amount {
        self.sums[origin as usize]
    }

    /// Tells the origin of every chunk of an index, of which `chunks` are the different ones, for who has `old`.
    ///
    /// # Errors
    ///
    /// If an index cannot be read.
    pub fn of_origins(index: &mut Index, chunks: &Chunks, mut old: Option<(&mut Index, &Chunks)>) -> Result<Self> {
        let max = index.sizes().max();
        let mut zeros_id: Option<ChunkId> = None;
        let algorithm = index.algorithm();
        let mut seen = vec![false; chunks.len()];
        let mut map = Self::new(index.len());
        for number in 0..index.len() {
            stop::check()?;
            let Some(piece) = index.get(number)? else { break };
            let known = match &mut old {
                Some((old, all)) if all.contains(&piece.id) => Some(is_at(old, &piece)?),
                _ => None,
            };
            let repeats = chunks.place(&piece.id).is_some_and(|place| std::mem::replace(&mut seen[place], true));
            let origin = if piece.size == max && piece.id == *zeros_id.get_or_insert_with(|| zeros(algorithm, max)) {
                Origin::Zeros
            } else {
                match known {
                    Some(true) => Origin::InPlace,
                    Some(false) => Origin::Moved,
                    None if repeats => Origin::Repeat,
                    None => Origin::New,
                }
            };
            map.push(&piece, origin as usize);
        }
        Ok(map.finish())
    }

    /// Tells what becomes of every chunk of an older index.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn of_uses(old: &mut Index, new: &Chunks) -> Result<Self> {
        let mut map = Self::new(old.len());
        for number in 0..old.len() {
            stop::check()?;
            let Some(piece) = old.get(number)? else { break };
            let fate = if new.contains(&piece.id) { Use::Kept } else { Use::Dropped };
            map.push(&piece, fate as usize);
        }
        Ok(map.finish())
    }
}

/// Whether an index has the chunk at the same place of its stream.
fn is_at(index: &mut Index, piece: &Piece) -> Result<bool> {
    let number = index.position(piece.start)?;
    Ok(index.get(number)?.is_some_and(|there| there.start == piece.start && there.id == piece.id))
}
