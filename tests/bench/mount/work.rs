//! What is done with mounts.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;

use casync_tests::random::Rng;
use casync_tests::sandbox::{Sandbox, outcome};

/// One operation.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// What is mounted.
    pub(crate) input: &'static str,
    /// Does it, and returns a number that says what was delivered.
    pub(crate) work: fn(&Sandbox, &Path) -> u64,
    /// How many times as fast it is to be, cold; empty if only never slower.
    pub(crate) goal: &'static str,
    /// Whether it is measured from afar as well.
    pub(crate) away: bool,
}

/// Everything that is measured.
pub(crate) const ROWS: [Row; 6] = [
    Row { name: "find", input: "tree.caidx", work: find, goal: "30", away: true },
    Row { name: "find with attributes", input: "tree.caidx", work: find_long, goal: "30", away: false },
    Row { name: "cp -a of small files", input: "tree.caidx", work: copy, goal: "15", away: true },
    Row { name: "sequential read", input: "one.caidx", work: sequential, goal: "20", away: true },
    Row { name: "4 KiB at random", input: "one.caidx", work: random, goal: "8", away: false },
    Row { name: "16 readers at random", input: "one.caidx", work: parallel, goal: "8", away: false },
];

fn find(_: &Sandbox, point: &Path) -> u64 {
    outcome(Command::new("find").arg(point)).success().iter().filter(|byte| **byte == b'\n').count() as u64
}

fn find_long(_: &Sandbox, point: &Path) -> u64 {
    let sizes = outcome(Command::new("find").arg(point).args(["-type", "f", "-printf", "%s\n"])).text();
    sizes.lines().map(|size| size.parse::<u64>().expect("a size")).sum()
}

fn copy(sandbox: &Sandbox, point: &Path) -> u64 {
    let target = sandbox.path("copy");
    outcome(Command::new("cp").arg("-a").arg(point).arg(&target)).success();
    let copied = outcome(Command::new("find").arg(&target)).success().iter().filter(|byte| **byte == b'\n').count();
    std::fs::remove_dir_all(&target).expect("the copy can be removed");
    copied as u64
}

fn sequential(_: &Sandbox, point: &Path) -> u64 {
    let mut file = File::open(point.join("image")).expect("the image");
    let (mut buffer, mut sum) = (vec![0; 1 << 20], 0_u64);
    loop {
        match file.read(&mut buffer).expect("it can be read") {
            0 => return sum,
            count => {
                sum = buffer[..count].iter().step_by(97).fold(sum, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte));
            }
        }
    }
}

/// Reads `count` pages at random places, a checksum of them all.
fn pages(point: &Path, count: usize, seed: u64) -> u64 {
    let file = File::open(point.join("image")).expect("the image");
    let pages = file.metadata().expect("its size").len() / 4096;
    let mut rng = Rng::new(seed);
    let mut buffer = [0; 4096];
    (0..count).fold(0_u64, |sum, _| {
        file.read_exact_at(&mut buffer, rng.below(pages) * 4096).expect("it can be read");
        sum.wrapping_mul(31) + u64::from(buffer[7]) + u64::from(buffer[4000])
    })
}

fn random(_: &Sandbox, point: &Path) -> u64 {
    pages(point, 4000, 1)
}

fn parallel(_: &Sandbox, point: &Path) -> u64 {
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..16).map(|seed| scope.spawn(move || pages(point, 400, seed))).collect();
        readers.into_iter().fold(0, |sum: u64, reader| sum.wrapping_add(reader.join().expect("a reader")))
    })
}
