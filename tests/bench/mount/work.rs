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
    of: Of,
    /// Does it, with so many reads if it reads at random; returns a number that says what was delivered.
    pub(crate) work: fn(&Sandbox, &Path, usize) -> u64,
    /// How many times as fast it is to be, cold, here and away; 1 is never slower.
    goals: [&'static str; 2],
}

/// What is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Tree,
    Image,
}

/// Everything that is measured.
pub(crate) const ROWS: [Row; 6] = [
    Row { name: "find", of: Of::Tree, work: find, goals: ["30", "30"] },
    Row { name: "find with attributes", of: Of::Tree, work: find_long, goals: ["30", "30"] },
    Row { name: "cp -a of small files", of: Of::Tree, work: copy, goals: ["15", "15"] },
    Row { name: "sequential read", of: Of::Image, work: sequential, goals: ["1", "20"] },
    Row { name: "4 KiB at random", of: Of::Image, work: random, goals: ["8", "1"] },
    Row { name: "16 readers at random", of: Of::Image, work: parallel, goals: ["8", "1"] },
];

impl Row {
    /// Reads at random: of each byte of the image one or so, and away as many as the C casync does in its time.
    const READS: usize = 8000;
    const READS_AWAY: usize = 320;
    const READS_SMOKE: usize = 64;

    /// The goal, here or away.
    pub(crate) const fn goal(&self, away: bool) -> &'static str {
        self.goals[away as usize]
    }

    /// What is mounted, here or away.
    pub(crate) const fn input(&self, away: bool) -> &'static str {
        match self.of {
            Of::Image => "one.caidx",
            Of::Tree if away => "part.caidx",
            Of::Tree => "tree.caidx",
        }
    }

    /// How often is read at random.
    pub(crate) const fn reads(&self, away: bool, smoke: bool) -> usize {
        match (smoke, away) {
            (true, _) => Self::READS_SMOKE,
            (_, true) => Self::READS_AWAY,
            _ => Self::READS,
        }
    }
}

fn lines(text: &[u8]) -> u64 {
    text.iter().filter(|byte| **byte == b'\n').count() as u64
}

fn find(_: &Sandbox, point: &Path, _: usize) -> u64 {
    lines(&outcome(Command::new("find").arg(point)).success())
}

fn find_long(_: &Sandbox, point: &Path, _: usize) -> u64 {
    let sizes = outcome(Command::new("find").arg(point).args(["-type", "f", "-printf", "%s\n"])).text();
    sizes.lines().map(|size| size.parse::<u64>().expect("a size")).sum()
}

fn copy(sandbox: &Sandbox, point: &Path, _: usize) -> u64 {
    outcome(Command::new("cp").arg("-a").arg(point).arg(sandbox.path("copy"))).success();
    0
}

/// Removes a copy, if there is one; returns how many files it had.
pub(crate) fn clear(sandbox: &Sandbox) -> u64 {
    let copy = sandbox.path("copy");
    if !copy.exists() {
        return 0;
    }
    let copied = lines(&outcome(Command::new("find").arg(&copy)).success());
    std::fs::remove_dir_all(&copy).expect("the copy can be removed");
    copied
}

fn sequential(_: &Sandbox, point: &Path, _: usize) -> u64 {
    let mut file = File::open(point.join("image")).expect("the image");
    let (mut buffer, mut sum) = (vec![0; 1 << 20], 0_u64);
    loop {
        match file.read(&mut buffer).expect("it can be read") {
            0 => return sum,
            count => {
                sum = sum.wrapping_mul(31).wrapping_add(count as u64);
                sum = buffer[..count].iter().step_by(977).fold(sum, |sum, byte| sum.wrapping_add(u64::from(*byte)));
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
        sum.wrapping_mul(31).wrapping_add(u64::from(buffer[7]) + u64::from(buffer[4000]))
    })
}

fn random(_: &Sandbox, point: &Path, reads: usize) -> u64 {
    pages(point, reads, 1)
}

fn parallel(_: &Sandbox, point: &Path, reads: usize) -> u64 {
    let each = reads.div_ceil(16);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..16).map(|seed| scope.spawn(move || pages(point, each, seed))).collect();
        readers.into_iter().fold(0, |sum: u64, reader| sum.wrapping_add(reader.join().expect("a reader")))
    })
}
