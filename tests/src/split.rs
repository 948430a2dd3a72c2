//! The same input in pieces of all kinds: no machine may depend on how its input is cut up.

use crate::random::Rng;

/// Inputs up to this length are also handed over byte by byte.
const BYTEWISE_MAX: usize = 100_000;

/// Runs `check` on `bytes` whole, between empty pieces, byte by byte (unless too long), and cut at random.
pub fn for_each_split(bytes: &[u8], mut check: impl FnMut(&[&[u8]])) {
    let mut run = |name: &str, parts: &[&[u8]]| {
        debug_assert_eq!(parts.concat(), bytes, "the pieces are the input");
        let named = Named(name, parts.len());
        check(parts);
        drop(named);
    };
    run("whole", &[bytes]);
    run("between empty pieces", &[&[], bytes, &[], &[]]);
    if bytes.len() <= BYTEWISE_MAX {
        run("byte by byte", &bytes.chunks(1).collect::<Vec<_>>());
    }
    for seed in 0..6 {
        let mut rng = Rng::new(seed);
        run(&format!("random cuts, seed {seed}"), &random_cuts(bytes, &mut rng));
    }
}

/// `bytes` in one or more pieces, a few of them empty.
pub fn random_cuts<'a>(mut bytes: &'a [u8], rng: &mut Rng) -> Vec<&'a [u8]> {
    // Pieces of one scale at a time: around records, around pages, around buffers.
    let scale = *rng.pick(&[3, 30, 300, 5_000, 100_000]).max(&(bytes.len() as u64 / 2_000));
    let mut parts = Vec::new();
    while !bytes.is_empty() {
        let length = rng.below(2 * scale + 1).min(bytes.len() as u64) as usize;
        let (part, rest) = bytes.split_at(length);
        parts.push(part);
        bytes = rest;
    }
    parts.push(bytes);
    parts
}

/// Says how the input was cut if a panic passes by.
struct Named<'a>(&'a str, usize);

impl Drop for Named<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed with the input in {} pieces: {}", self.1, self.0);
        }
    }
}
