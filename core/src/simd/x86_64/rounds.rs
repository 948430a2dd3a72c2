//! SHA-512 of one stream: the message schedule of eight blocks at once in vector registers, the rounds in general ones.
//!
//! The schedule depends on the message alone, so eight blocks of one stream can be expanded together, one in each lane.
//! The rounds cannot be split; while they run through one group of eight blocks, the schedule of the next group is
//! woven in between, where the vector units would be idle.

use core::arch::asm;
use core::arch::x86_64::__m512i;

use super::lanes::{expand, message};
use super::vector::Vector;
use crate::hash::sha512::{Block, ROUND_CONSTANTS, Words};

/// Blocks in a group, one in each lane.
const GROUP: usize = 8;

/// Message words with their round constants added: one row a round, one column a block.
type Schedule = [[u64; GROUP]; 80];

/// Hashes the whole groups of `blocks`; returns how many blocks that were.
///
/// # Safety
///
/// Needs the features named.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi1,bmi2")]
pub(super) unsafe fn sha512_avx512(state: &mut Words, blocks: &[Block]) -> usize {
    let (groups, _) = blocks.as_chunks::<GROUP>();
    let Some(first) = groups.first() else { return 0 };
    let (mut current, mut next) = ([[0; GROUP]; 80], [[0; GROUP]; 80]);
    // SAFETY: the features are enabled here.
    unsafe {
        let mut expander = Expander::new();
        expander.start(first, &mut current);
        for _ in 16..80 {
            expander.step(&mut current);
        }
        for (index, _) in groups.iter().enumerate() {
            // The last group expands the first once more, to no purpose, rather than have a loop of its own.
            expander.start(groups.get(index + 1).unwrap_or(first), &mut next);
            #[expect(clippy::needless_range_loop, reason = "the block is a column, not a row")]
            for block in 0..GROUP {
                let mut s = *state;
                let mut ab = s[1] ^ s[2];
                for first in [0, 16, 32, 48, 64] {
                    macro_rules! rounds {
                        ($($i:literal)*) => {
                            $( round::<$i>(&mut s, &mut ab, current[first + $i][block]); )*
                        };
                    }
                    rounds!(0 1 2 3 4 5 6 7);
                    if first < 64 {
                        expander.step(&mut next);
                    }
                    rounds!(8 9 10 11 12 13 14 15);
                    if first < 64 {
                        expander.step(&mut next);
                    }
                }
                for (word, new) in state.iter_mut().zip(s) {
                    *word = word.wrapping_add(new);
                }
            }
            core::mem::swap(&mut current, &mut next);
        }
    }
    groups.len() * GROUP
}

/// Expands the message of eight blocks, one round's words a step.
struct Expander {
    words: [__m512i; 80],
    done: usize,
}

impl Expander {
    #[inline(always)]
    unsafe fn new() -> Self {
        // SAFETY: the caller enables the features.
        Self { words: [unsafe { __m512i::splat(0) }; 80], done: 80 }
    }

    /// Takes in eight blocks and writes the first sixteen rows.
    #[inline(always)]
    unsafe fn start(&mut self, group: &[Block; GROUP], schedule: &mut Schedule) {
        // SAFETY: the caller enables the features.
        unsafe {
            let first: [__m512i; 16] = message(core::array::from_fn(|lane| &raw const group[lane]));
            self.words[..16].copy_from_slice(&first);
            for (round, word) in first.into_iter().enumerate() {
                Self::store(word, round, schedule);
            }
            self.done = 16;
        }
    }

    /// Writes the next row.
    #[inline(always)]
    unsafe fn step(&mut self, schedule: &mut Schedule) {
        let round = self.done;
        debug_assert!((16..80).contains(&round), "64 steps are all there are");
        // SAFETY: the caller enables the features, and makes at most 64 steps.
        unsafe {
            let at = |back: usize| *self.words.get_unchecked(round - back);
            let word = expand(at(16), at(15), at(7), at(2));
            *self.words.get_unchecked_mut(round) = word;
            Self::store(word, round, schedule);
        }
        self.done = round + 1;
    }

    #[inline(always)]
    unsafe fn store(word: __m512i, round: usize, schedule: &mut Schedule) {
        // SAFETY: the caller enables the features and passes a round below 80; a row has eight words.
        unsafe {
            let keyed = word.add(__m512i::splat(*ROUND_CONSTANTS.get_unchecked(round)));
            keyed.store(schedule.get_unchecked_mut(round).as_mut_ptr());
        }
    }
}

/// One round; `I` is its number modulo 16, `scheduled` the message word plus the round constant.
///
/// `ab` holds `b ^ c` on entry and `a ^ b` on exit: the majority of a round shares that with the next.
#[inline(always)]
fn round<const I: usize>(s: &mut Words, ab: &mut u64, scheduled: u64) {
    let at = |role: usize| (role + 16 - I) % 8;
    let (a, b, e) = (s[at(0)], s[at(1)], s[at(4)]);
    let h = ordered(s[at(7)].wrapping_add(scheduled));
    let both = a ^ b;
    let majority = (both & *ab) ^ b;
    *ab = both;
    let choice = (e & s[at(5)]).wrapping_add(!e & s[at(6)]);
    let sum1 = e.rotate_right(14) ^ e.rotate_right(18) ^ e.rotate_right(41);
    let t1 = ordered(ordered(h.wrapping_add(choice)).wrapping_add(sum1));
    s[at(3)] = ordered(s[at(3)].wrapping_add(t1));
    let sum0 = a.rotate_right(28) ^ a.rotate_right(34) ^ a.rotate_right(39);
    s[at(7)] = ordered(ordered(t1.wrapping_add(majority)).wrapping_add(sum0));
}

/// Keeps the compiler from regrouping a sum: the order chosen here has the shortest chain from round to round.
#[inline(always)]
fn ordered(mut sum: u64) -> u64 {
    // SAFETY: no instruction at all.
    unsafe { asm!("/* {0} */", inout(reg) sum, options(pure, nomem, nostack, preserves_flags)) };
    sum
}
