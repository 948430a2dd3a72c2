//! Archives that want out of the output, and somebody who swaps directories while one is extracted.

mod archives;
mod sizes;
mod swaps;
mod tables;
mod yard;
