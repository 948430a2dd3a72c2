//! SHA-512 of `N` independent streams, one in each lane.

use core::arch::x86_64::{__m256i, __m512i};

use super::vector::Vector;
use crate::hash::sha512::{Block, ROUND_CONSTANTS, Words};

/// # Safety
///
/// Needs the features named.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi1,bmi2")]
pub(super) unsafe fn sha512_avx512(state: &mut [Words; 8], blocks: &[&[Block]; 8]) {
    // SAFETY: the features are enabled here.
    unsafe { sha512::<__m512i, 8>(state, blocks) }
}

/// # Safety
///
/// Needs the features named.
#[target_feature(enable = "avx2,bmi1,bmi2")]
pub(super) unsafe fn sha512_avx2(state: &mut [Words; 4], blocks: &[&[Block]; 4]) {
    // SAFETY: the features are enabled here.
    unsafe { sha512::<__m256i, 4>(state, blocks) }
}

/// The sixteen message words of block `block` of each stream.
///
/// # Safety
///
/// `V`'s features must be enabled in the function that this is inlined into, and every stream must have that block.
#[inline(always)]
pub(super) unsafe fn message<V: Vector<N>, const N: usize>(blocks: [*const Block; N]) -> [V; 16] {
    // SAFETY: a block has sixteen words, read in 16 / N steps of N.
    unsafe {
        let mut words = [V::splat(0); 16];
        for step in 0..16 / N {
            let columns = V::columns(blocks.map(|block| block.cast::<u64>().add(step * N)));
            for (word, column) in words[step * N..].iter_mut().zip(columns) {
                *word = column.swap_bytes();
            }
        }
        words
    }
}

/// The message word of a round from those 16, 15, 7 and 2 rounds before.
///
/// # Safety
///
/// `V`'s features must be enabled in the function that this is inlined into.
#[inline(always)]
pub(super) unsafe fn expand<V: Vector<N>, const N: usize>(w16: V, w15: V, w7: V, w2: V) -> V {
    // SAFETY: the caller's.
    unsafe {
        let sigma0 = w15.ror::<1, 63>().xor3(w15.ror::<8, 56>(), w15.shr::<7>());
        let sigma1 = w2.ror::<19, 45>().xor3(w2.ror::<61, 3>(), w2.shr::<6>());
        w16.add(w7).add(sigma0.add(sigma1))
    }
}

#[inline(always)]
unsafe fn sha512<V: Vector<N>, const N: usize>(state: &mut [Words; N], blocks: &[&[Block]; N]) {
    let count = blocks.iter().map(|lane| lane.len()).min().unwrap_or(0);
    // SAFETY: every lane has `count` blocks; the states have eight words, read and written in 8 / N steps of N.
    unsafe {
        let mut s = [V::splat(0); 8];
        for step in 0..8 / N {
            let columns = V::columns(core::array::from_fn(|lane| state[lane].as_ptr().add(step * N)));
            s[step * N..(step + 1) * N].copy_from_slice(&columns);
        }
        for block in 0..count {
            let mut w: [V; 16] = message(core::array::from_fn(|lane| blocks[lane].as_ptr().add(block)));
            let before = s;
            // The state words change roles each round; unrolled by eight their positions are constants.
            macro_rules! round {
                ($first:expr, $i:expr) => {{
                    const fn at(role: usize) -> usize {
                        (role + 16 - $i) % 8
                    }
                    let k = V::splat(ROUND_CONSTANTS[$first + $i]);
                    let (a, e) = (s[at(0)], s[at(4)]);
                    let sum1 = e.ror::<14, 50>().xor3(e.ror::<18, 46>(), e.ror::<41, 23>());
                    let choice = e.choose(s[at(5)], s[at(6)]);
                    let t1 = s[at(7)].add(w[$i].add(k)).add(sum1.add(choice));
                    let sum0 = a.ror::<28, 36>().xor3(a.ror::<34, 30>(), a.ror::<39, 25>());
                    let majority = a.majority(s[at(1)], s[at(2)]);
                    s[at(3)] = s[at(3)].add(t1);
                    s[at(7)] = t1.add(sum0.add(majority));
                }};
            }
            macro_rules! rounds {
                ($first:expr, $expand:expr; $($i:literal)*) => {
                    $(
                        round!($first, $i);
                        if $expand {
                            w[$i] = expand(w[$i], w[($i + 1) % 16], w[($i + 9) % 16], w[($i + 14) % 16]);
                        }
                    )*
                };
            }
            for first in [0, 16, 32, 48] {
                rounds!(first, true; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
            }
            rounds!(64, false; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
            for (word, old) in s.iter_mut().zip(before) {
                *word = word.add(old);
            }
        }
        let mut turned = [[0; N]; 8];
        for (row, word) in turned.iter_mut().zip(s) {
            word.store(row.as_mut_ptr());
        }
        for (lane, words) in state.iter_mut().enumerate() {
            *words = turned.map(|row| row[lane]);
        }
    }
}
