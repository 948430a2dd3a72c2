//! Random changes of inputs, for fuzzing without a fuzzer.

use crate::random::Rng;

/// An input of the corpus with a few random changes.
pub fn mutated(corpus: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = rng.pick(corpus).clone();
    for _ in 0..rng.number(0..=4) {
        change(&mut bytes, corpus, rng);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, corpus: &[Vec<u8>], rng: &mut Rng) {
    let length = bytes.len();
    // Records are aligned to nothing, but most numbers in them to eight bytes of their start.
    let at = if rng.once_in(2) { rng.number(0..=length) } else { rng.number(0..=length / 8) * 8 };
    let few = rng.number(0..=*rng.clone().pick(&[1, 8, 64, 1000])).min(length - at);
    match rng.below(8) {
        0 if at < length => bytes[at] ^= 1 << rng.below(8),
        1 if at < length => bytes[at] = rng.bits() as u8,
        2 if at + 8 <= length => bytes[at..at + 8].copy_from_slice(&rng.extreme().to_le_bytes()),
        3 if at + 8 <= length => {
            // Off by little: sizes and offsets that nearly fit.
            let number = u64::from_le_bytes(*bytes[at..].first_chunk().expect("there are eight bytes"));
            let changed = number.wrapping_add(rng.below(50)).wrapping_sub(25);
            bytes[at..at + 8].copy_from_slice(&changed.to_le_bytes());
        }
        4 => drop(bytes.drain(at..at + few)),
        5 => {
            let copy = bytes[at..at + few].to_vec();
            let to = rng.number(0..=length);
            bytes.splice(to..to, copy);
        }
        6 => {
            let other = rng.pick(corpus);
            let from = rng.number(0..=other.len());
            let to = rng.number(from..=other.len().min(from + 1000));
            bytes.splice(at..at + few, other[from..to].iter().copied());
        }
        _ => bytes.truncate(at),
    }
}
