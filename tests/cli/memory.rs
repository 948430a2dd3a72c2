//! `--memory` bounds what the program takes, whatever it works on.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use casync_tests::peak::peak;
use casync_tests::sandbox::Sandbox;
use casync_tests::tool::ours;

const MIB: u64 = 1 << 20;
/// What the process takes beside its buffers: code, stacks, tables of codecs.
const BESIDE: u64 = 32 * MIB;
/// A small budget, and the one that is the default.
const BUDGETS: [u64; 2] = [16 * MIB, 64 * MIB];

/// Writes numbers that do not compress well, larger than all budgets, without ever having them in memory.
fn write_blob(path: &Path, size: u64) {
    let mut file = BufWriter::new(File::create(path).expect("a new file"));
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..size / 8 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        file.write_all(&state.to_le_bytes()).expect("space on the disk");
    }
    file.flush().expect("space on the disk");
}

fn check(sandbox: &Sandbox, budget: u64, args: &[&str]) {
    let memory = format!("--memory={}M", budget / MIB);
    let peak = peak(sandbox.command(ours()).arg(memory).arg("--jobs=2").args(args));
    assert!(
        peak <= budget + BESIDE,
        "{args:?} took {} MiB of {} MiB and {} MiB",
        peak / MIB,
        budget / MIB,
        BESIDE / MIB
    );
}

#[test]
fn blobs_take_no_more_than_the_budget() {
    let sandbox = Sandbox::new();
    write_blob(&sandbox.path("blob"), 112 * MIB);
    for budget in BUDGETS {
        check(&sandbox, budget, &["make", "blob.caibx", "blob"]);
        check(&sandbox, budget, &["extract", "blob.caibx", "out"]);
        check(&sandbox, budget, &["digest", "blob"]);
    }
    // Not read here: what this process has in memory counts for all that it starts.
    sandbox.run("cmp", ["blob", "out"]).success();
}

#[test]
fn trees_take_no_more_than_the_budget() {
    let sandbox = Sandbox::new();
    // A large file, a directory with many entries, and one below the other.
    write_blob(&sandbox.write("tree/large", ""), 64 * MIB);
    for number in 0..2000 {
        sandbox.write(format!("tree/many/{number:0100}"), number.to_string());
    }
    sandbox.write(format!("tree/{}end", "d/".repeat(60)), "");
    let [budget, _] = BUDGETS;
    check(&sandbox, budget, &["make", "tree.caidx", "tree"]);
    check(&sandbox, budget, &["extract", "tree.caidx", "out"]);
    check(&sandbox, budget, &["mtree", "tree.caidx"]);
    check(&sandbox, budget, &["digest", "tree"]);
    assert_eq!(sandbox.names("out/many").len(), 2000);
}

#[test]
fn a_peak_that_is_too_high_is_seen() {
    let sandbox = Sandbox::new();
    let hog = "x=$(head -c 120000000 /dev/zero | tr '\\0' y); test ${#x} = 120000000";
    let peak = peak(sandbox.command("bash").args(["-c", hog]));
    assert!(peak > 100 * MIB, "{peak}");
}
