//! Killed at any point, repair has made nothing worse, and the next one finishes the work.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use casync_tests::random::for_each_seed;
use casync_tests::{store, tool};

use crate::{a_blob, chunks, right};

#[test]
fn repair() {
    let sandbox = a_blob(1_000_000);
    let path = sandbox.path("default.castr");
    let good = store::files(&path);
    for_each_seed(8, |rng| {
        chunks(&sandbox).iter().for_each(|chunk| store::damage(chunk));
        let bad = store::files(&path);
        let mut repair = sandbox.command(tool::ours());
        repair.args(["verify", "--store=default.castr", "--extra-store=good.castr", "--repair"]);
        let mut repair = repair.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("verify runs");
        let stderr = BufReader::new(repair.stderr.take().expect("it is piped"));
        let limit = rng.number(1..=good.len() / 2);
        let repaired = stderr.lines().map_while(Result::ok).filter(|line| line.contains(" is repaired")).take(limit);
        assert_eq!(repaired.count(), limit);
        repair.kill().expect("verify is under way");
        assert!(!repair.wait().expect("verify ends").success());
        // Every file is what it was or what it should be.
        let mut changed = 0;
        for (name, bytes) in store::files(&path).into_iter().filter(|(name, _)| !name.ends_with(".tmp")) {
            changed += usize::from(bytes == good[&name]);
            assert!(bytes == good[&name] || bytes == bad[&name], "{name}");
        }
        assert!(changed >= limit && changed < good.len(), "{changed} of {limit} at least");
        sandbox.casync(["verify", "blob.caibx", "--extra-store=good.castr", "--repair"]).success();
        right(&sandbox, &["--store=default.castr"]);
        let mut left = store::files(&path);
        for name in left.keys().filter(|name| name.ends_with(".tmp")) {
            std::fs::remove_file(path.join(name)).expect("a temporary file");
        }
        left.retain(|name, _| !name.ends_with(".tmp"));
        assert_eq!(left, good);
    });
}
