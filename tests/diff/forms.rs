//! Trees in all their forms: the same differences whatever is compared, and how little is read for it.

use std::collections::BTreeSet;
use std::fs;

use crate::scene::{DIFFERENCES, NO_TIMES, chunk_file, chunks, diff, differences, trees};

const FORMS: [&str; 3] = ["", ".catar", ".caidx"];

#[test]
fn every_form_can_be_compared_with_every_other() {
    let sandbox = trees();
    for left in FORMS {
        for right in FORMS {
            let [old, new] = ["old", "new"].map(|tree| [format!("{tree}{left}"), format!("{tree}{right}")]);
            let arguments = |left, right| [&[left, right][..], &NO_TIMES].concat();
            let found = differences(&sandbox, &arguments(&old[0], &new[1]));
            assert_eq!(found, DIFFERENCES, "{} {}", old[0], new[1]);
            for same in [&old, &new] {
                let found = differences(&sandbox, &[&same[0], &same[1]]);
                assert_eq!(found, "added: 0, removed: 0, changed: 0\n", "{} {}", same[0], same[1]);
            }
        }
    }
    // Times are compared unless they are left out.
    let with_times = diff(&sandbox, &["old.caidx", "new.caidx"]);
    assert!(with_times.contains("C changed/content: content, mtime "), "{with_times}");
    // The other way round.
    let back = differences(&sandbox, &[&["new.caidx", "old.catar"][..], &NO_TIMES].concat());
    assert!(back.ends_with("added: 3, removed: 2, changed: 6\n") && back.contains("C changed/mode: mode 0640 -> 0755"));
}

/// Indexes that were not cut alike say nothing by their ids.
#[test]
fn indexes_of_different_kinds_can_be_compared() {
    let sandbox = trees();
    for (name, options) in
        [("small", "--chunk-size=4096"), ("sha256", "--digest=sha256"), ("fixed", "--chunk-size=8K:8K:8K")]
    {
        let index = format!("{name}.caidx");
        sandbox.casync(["make", options, &index, "new"]).success();
        let found = diff(&sandbox, &[&["old.caidx", &index][..], &NO_TIMES].concat());
        assert_eq!(found, DIFFERENCES, "{name}");
    }
}

/// What both sides store counts, nothing else.
#[test]
fn features_of_one_side_only_do_not_count() {
    let sandbox = trees();
    for (name, option) in [("unix", "--with=unix"), ("links", "--without=symlinks"), ("fat", "--with=fat")] {
        let archive = format!("{name}.catar");
        sandbox.casync(["make", option, &archive, "old"]).success();
        for other in ["old", "old.catar", "old.caidx"] {
            for (left, right) in [(archive.as_str(), other), (other, &archive)] {
                let found = differences(&sandbox, &[left, right]);
                assert_eq!(found, "added: 0, removed: 0, changed: 0\n", "{left} {right}");
            }
        }
    }
    let found = differences(&sandbox, &[&["old", "new.caidx", "--without=symlinks"][..], &NO_TIMES].concat());
    assert!(!found.contains("link") && found.ends_with("changed: 5\n"), "{found}");
    let found = differences(&sandbox, &[&["fat.catar", "new"][..], &NO_TIMES].concat());
    assert!(!found.contains("link") && !found.contains("C changed/mode"), "{found}");
}

/// Chunks that both have and that hold nothing but unchanged directories and contents are not needed at all.
#[test]
fn equal_chunks_are_not_loaded() {
    let sandbox = trees();
    let [old, new] = ["old.caidx", "new.caidx"]
        .map(|index| chunks(&sandbox, index).into_iter().map(|(id, _)| id).collect::<BTreeSet<_>>());
    let arguments = [&["old.caidx", "new.caidx"][..], &NO_TIMES].concat();
    let whole = diff(&sandbox, &arguments);
    let shared: Vec<_> = old.intersection(&new).collect();
    assert!(shared.len() > 15, "chunks that both have: {}", shared.len());
    for id in shared {
        fs::remove_file(sandbox.path(chunk_file(id))).unwrap();
    }
    assert_eq!(diff(&sandbox, &arguments), whole);
    // Without the others as well nothing can be said but that a tree equals itself.
    fs::remove_dir_all(sandbox.path("default.castr")).unwrap();
    let said = sandbox.casync(["diff", "old.caidx", "new.caidx"]).failure();
    assert!(said.contains("is in none of the stores"), "{said}");
    assert!(diff(&sandbox, &["old.caidx", "old.caidx"]).starts_with("added: 0, removed: 0, changed: 0\n"));
}

#[test]
fn the_stores_are_those_of_each_index() {
    let sandbox = trees();
    for tree in ["old", "new"] {
        fs::create_dir(sandbox.path(format!("{tree}-place"))).unwrap();
        sandbox.casync(["make", &format!("{tree}-place/x.caidx"), tree]).success();
    }
    let arguments = [&["old-place/x.caidx", "new-place/x.caidx"][..], &NO_TIMES].concat();
    assert_eq!(differences(&sandbox, &arguments), DIFFERENCES);
    // One store for both does not have everything; the other one can be named.
    let store = [&arguments[..], &["--store=old-place/default.castr"]].concat();
    assert!(sandbox.casync([&["diff"][..], &store].concat()).failure().contains("is in none of the stores"));
    let both = [&store[..], &["--extra-store=new-place/default.castr"]].concat();
    assert_eq!(differences(&sandbox, &both), DIFFERENCES);
}

#[test]
fn the_exit_status_tells_if_asked() {
    let sandbox = trees();
    let run = |arguments: &[&str]| sandbox.casync([&["diff"], arguments].concat());
    assert_eq!(run(&["old", "new"]).status, Some(0));
    let different = run(&["--exit-code", "old.caidx", "new"]);
    assert_eq!((different.status, different.stderr.as_str()), (Some(1), ""));
    assert!(different.text().contains("C big: content"));
    assert_eq!(run(&["old", "old.caidx", "--exit-code"]).status, Some(0));
    for (arguments, said) in [
        (&["old"][..], "A pair of archives, indexes, directories or blobs expected."),
        (&["old", "new", "more"], "A pair of archives, indexes, directories or blobs expected."),
        (&["old", "absent"], "Failed to open \"absent\": No such file or directory"),
        (&["old", "new/big"], "A tree cannot be compared with a blob. Refusing."),
        (&["old", "/dev/null"], "/dev/null is neither a directory, a regular file, nor a block device. Refusing."),
        (&["old", "user@-host:new.caidx"], "would be taken for an option"),
    ] {
        let told = run(arguments).failure();
        assert!(told.contains(said), "{arguments:?}: {told}");
    }
    let help = String::from_utf8(sandbox.casync(["help", "diff"]).success()).unwrap();
    assert!(help.contains("Examples:") && help.contains("--exit-code"), "{help}");
}
