//! Fuzz targets: functions of any bytes that must not panic, must not grow past limits, and must not depend on how their
//! input is cut up.
//!
//! The same functions run under libFuzzer (`tests/fuzz`) and, on mutated golden files, in the test `fuzz-smoke`. What a
//! target reads is plain input of its kind, without bytes that steer it, so that golden files are inputs as they are.

mod archives;
mod catabs;
mod codecs;
mod corpus;
mod cuts;
mod forged;
mod indexes;
mod mutation;
mod records;
mod sessions;
mod texts;

pub use mutation::mutated;

/// A fuzz target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, that of its binary in `tests/fuzz`.
    pub name: &'static str,
    /// What it does with an input.
    pub run: fn(&[u8]),
    /// Golden files and directories that are inputs of it.
    golden: &'static [&'static str],
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "catab", run: catabs::catab, golden: &[] },
    Target { name: "codec", run: codecs::codec, golden: &["frames", "cacnk/zstd", "cacnk/xz", "cacnk/gzip"] },
    Target { name: "cut", run: cuts::cut, golden: &["frames"] },
    Target { name: "decoder", run: archives::decoder, golden: &["decoder", "catar"] },
    Target { name: "forged", run: forged::forged, golden: &["caidx", "cacnk/zstd", "frames"] },
    Target { name: "index", run: indexes::index, golden: &["index", "caidx"] },
    Target { name: "part", run: archives::part, golden: &["decoder", "catar"] },
    Target { name: "record", run: records::record, golden: &["decoder", "index"] },
    Target { name: "session", run: sessions::session, golden: &["protocol"] },
    Target { name: "text", run: texts::text, golden: &["chunk-size.tsv", "list.txt"] },
    Target { name: "tree", run: archives::tree, golden: &["decoder", "catar"] },
];

/// Runs the target of this name; for the binaries of libFuzzer.
pub fn run(name: &str, input: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.unwrap_or_else(|| panic!("no fuzz target {name}")).run)(input);
}

/// A number that an input determines, for choices that are not part of it.
fn seed(input: &[u8]) -> u64 {
    input.iter().fold(input.len() as u64, |seed, byte| seed.rotate_left(5) ^ u64::from(*byte).wrapping_mul(0x9e37_79b9))
}
