//! The inputs of the golden data, as `vectors/gen.py` makes them.

use sha2::{Digest as _, Sha256};

/// Default minimum and maximum of a chunk's size, around which inputs are made.
const MIN: usize = 16_384;
const MAX: usize = 262_144;

/// `length` bytes of noise: the SHA-256 digests of `seed` and a counter (64 bits, little-endian), one after the other.
pub fn prng(seed: &str, length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 32);
    for block in 0_u64.. {
        if bytes.len() >= length {
            break;
        }
        let digest = Sha256::new().chain_update(seed).chain_update(block.to_le_bytes()).finalize();
        bytes.extend_from_slice(digest.as_slice());
    }
    bytes.truncate(length);
    bytes
}

/// `length` bytes of numbered lines, which compress well.
pub fn text(length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 64);
    for line in 0_u64.. {
        if bytes.len() >= length {
            break;
        }
        bytes.extend_from_slice(format!("line {line} of a compressible file\n").as_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// The blob of this name in `blobs.tsv` and the tables after it.
pub fn blob(name: &str) -> Vec<u8> {
    match name {
        "empty" => Vec::new(),
        "one" => b"x".to_vec(),
        "r47" => prng("r", 47),
        "r48" => prng("r", 48),
        "r49" => prng("r", 49),
        "rmin-1" => prng("r", MIN - 1),
        "rmin" => prng("r", MIN),
        "rmin+1" => prng("r", MIN + 1),
        "rmax" => prng("r", MAX),
        "rmax+1" => prng("r", MAX + 1),
        "z47" => vec![0; 47],
        "zmin" => vec![0; MIN],
        "zmax-1" => vec![0; MAX - 1],
        "zmax" => vec![0; MAX],
        "zmax+1" => vec![0; MAX + 1],
        "z1M" => vec![0; 1 << 20],
        "text300k" => text(300_000),
        "r1M" => prng("big", 1 << 20),
        "mixed" => [prng("m1", 100_000), vec![0; 500_000], text(200_000), prng("m1", 100_000)].concat(),
        "period256" => (0..=255).collect::<Vec<u8>>().repeat(2048),
        "huge" => prng("huge", 48 << 20),
        _ => panic!("no blob {name}"),
    }
}

/// The blob of which the cases in `vectors/index` are indexes.
pub fn index_blob() -> Vec<u8> {
    prng("idx", 100_000)
}

/// SHA-256 of golden bytes in lower-case hexadecimal digits, as the tables have it.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of a table's hexadecimal digits.
pub fn from_hex(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}
