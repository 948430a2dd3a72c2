//! Bytes that compress as those of real files do; the same ones for the same seed, everywhere.

use std::sync::OnceLock;

use crate::random::Rng;

/// What a file is like, which decides how it compresses.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Lines of words: to a quarter.
    Text,
    /// Records with opcodes, addresses and counters: to a half.
    Program,
    /// What is compressed already: not at all.
    Noise,
}

/// An endless stream of bytes of a kind.
#[derive(Debug)]
pub struct Content {
    kind: Kind,
    rng: Rng,
    address: u32,
}

impl Content {
    /// The stream of a kind and a seed.
    pub fn new(kind: Kind, seed: u64) -> Self {
        Self { kind, rng: Rng::new(seed), address: 0 }
    }

    /// Appends the next bytes.
    pub fn append(&mut self, length: usize, out: &mut Vec<u8>) {
        let end = out.len() + length;
        while out.len() < end {
            match self.kind {
                Kind::Text => self.word(out),
                Kind::Program => self.record(out),
                Kind::Noise => out.extend_from_slice(&self.rng.bits().to_le_bytes()),
            }
        }
        out.truncate(end);
    }

    fn word(&mut self, out: &mut Vec<u8>) {
        let words = vocabulary();
        let bits = self.rng.bits();
        out.extend_from_slice(&words[skewed(bits, words.len())]);
        match bits % 64 {
            0..4 => out.extend_from_slice(b".\n"),
            4..7 => out.extend_from_slice(b", "),
            7 => out.extend_from_slice(format!(" {:x} ", bits >> 44).as_bytes()),
            _ => out.push(b' '),
        }
    }

    fn record(&mut self, out: &mut Vec<u8>) {
        let sequences = sequences();
        let (bits, more) = (self.rng.bits(), self.rng.bits());
        out.extend_from_slice(&sequences[skewed(bits, sequences.len())]);
        self.address = self.address.wrapping_add(more as u32 % 4096);
        out.extend_from_slice(&self.address.to_le_bytes());
        let codes = [more >> 16, more >> 32, more >> 40].map(|code| (code as u8 & 0x3f).wrapping_mul(5));
        out.extend_from_slice(&codes);
    }
}

/// A number below `bound`; small ones are more frequent, as words are.
fn skewed(bits: u64, bound: usize) -> usize {
    let (one, other) = (bits >> 32, bits & 0xffff_ffff);
    ((((one * other) >> 32) * bound as u64) >> 32) as usize
}

fn vocabulary() -> &'static [Vec<u8>] {
    static WORDS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    WORDS.get_or_init(|| {
        let rng = &mut Rng::new(1);
        let syllable = |rng: &mut Rng| [*rng.pick(b"bcdfghklmnprstvw"), *rng.pick(b"aeiou"), *rng.pick(b"nrst")];
        (0..4096).map(|_| (0..rng.number(1..=3)).flat_map(|_| syllable(rng)).collect()).collect()
    })
}

fn sequences() -> &'static [[u8; 8]] {
    static SEQUENCES: OnceLock<Vec<[u8; 8]>> = OnceLock::new();
    SEQUENCES.get_or_init(|| {
        let mut rng = Rng::new(2);
        (0..4096).map(|_| rng.bits().to_le_bytes()).collect()
    })
}
