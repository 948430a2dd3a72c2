//! Bad input: an answer or an error, in time and without a panic, and never a wrong "equal".

use casync_tests::random::for_each_seed;
use casync_tests::running::within;

use crate::scene::{chunk_file, chunks, trees};

#[test]
fn damaged_inputs_are_errors_or_differences() {
    let sandbox = trees();
    let originals = ["old.catar", "old.caidx"].map(|name| (name, sandbox.read(name)));
    let mut failures = 0;
    for_each_seed(40, |rng| {
        let (name, original) = rng.pick(&originals);
        let mut damaged = original.clone();
        // Behind the header of an index, which also tells how the stream was cut: that makes no difference to trees.
        let at = rng.number(64..=damaged.len() - 1);
        match rng.below(3) {
            0 => damaged.truncate(at),
            1 => damaged[at] ^= 1 << rng.below(8),
            _ => drop(damaged.splice(at..(at + 40).min(original.len()), rng.bytes(40))),
        }
        let bad = format!("bad.{}", name.rsplit('.').next().unwrap());
        sandbox.write(&bad, &damaged);
        let other = *rng.pick(&["old", "old.catar", "old.caidx", "new.caidx"]);
        let mut command = sandbox.command(casync_tests::tool::ours());
        command.args(["diff", "--exit-code", &bad, other]);
        let outcome = within(&mut command);
        // Whatever was changed makes a difference or an error, never an equal tree: every other byte counts.
        assert_eq!(outcome.status, Some(1), "{name} with {at} changed, against {other}: {}", outcome.text());
        assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
        failures += usize::from(!outcome.stderr.is_empty());
    });
    assert!(failures > 10, "damages that were noticed as such: {failures}");
}

#[test]
fn damaged_chunks_are_errors() {
    let sandbox = trees();
    let (old, new) = (chunks(&sandbox, "old.caidx"), chunks(&sandbox, "new.caidx"));
    let only: Vec<_> = new.iter().filter(|chunk| !old.contains(chunk)).collect();
    let mut failures = 0;
    for (id, _) in only {
        let path = sandbox.path(chunk_file(id));
        let good = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, &good[..good.len() / 2]).unwrap();
        let told = sandbox.casync(["diff", "old.caidx", "new.caidx"]);
        // A chunk that holds nothing but the content of a file may go unread: that it differs is known by its neighbour.
        if told.status == Some(1) {
            assert!(told.stderr.contains(&id.to_string()), "{}", told.stderr);
            failures += 1;
        }
        std::fs::write(&path, good).unwrap();
    }
    assert!(failures > 0, "chunks that had to be read");
    sandbox.casync(["diff", "old.caidx", "new.caidx"]).success();
}

#[test]
fn readers_that_go_away_are_no_trouble() {
    let sandbox = trees();
    let mut command = sandbox.command("sh");
    let ours = casync_tests::tool::ours();
    command.arg("-c").arg(r#""$1" diff old new | head -n 1; "$1" diff old new >/dev/full"#).arg("sh").arg(ours);
    let outcome = casync_tests::sandbox::outcome(&mut command);
    assert_eq!(outcome.status, Some(1), "a full disk is an error");
    assert!(outcome.stderr.contains("Failed to write to standard output"), "{}", outcome.stderr);
}
