//! The same bytes as the C casync makes of the same tree, and the same tree from either's archive.

use std::path::Path;

use casync_core::record::{FEATURE_GROUPS, FEATURES};
use casync_tests::mount::{FileSystem, Mounted};
use casync_tests::sandbox::{Outcome, Sandbox};
use casync_tests::snapshot::{differences, snapshot};
use casync_tests::tool;

use casync_tests::plant::{Extent, plant, text};

/// Everything; nodump does not keep nodes out.
const EVERYTHING: [&str; 2] = ["--with=all", "--exclude-nodump=no"];

fn run(sandbox: &Sandbox, program: &Path, verb: &str, options: &[&str], operands: [&Path; 2]) -> Outcome {
    let arguments = [&[verb], options, &[text(operands[0]), text(operands[1])]].concat();
    sandbox.run(program, arguments)
}

fn for_each_system(extent: Extent, check: impl Fn(FileSystem, &Mounted)) {
    for system in FileSystem::RICH {
        let Some(mounted) = system.mount() else { continue };
        plant(&mounted.path("source"), system, extent);
        check(system, &mounted);
    }
}

#[test]
fn archives_are_the_same_bytes_with_every_feature() {
    let Some(upstream) = tool::upstream() else { return };
    for_each_system(Extent::Shared, |system, mounted| {
        let sandbox = Sandbox::new();
        let names = FEATURES.iter().map(|feature| feature.name).chain(FEATURE_GROUPS.iter().map(|group| group.name));
        let with: Vec<String> = names.map(|name| format!("--with={name}")).collect();
        let mut sets: Vec<Vec<&str>> = vec![vec![], EVERYTHING.to_vec(), vec!["--exclude-nodump=no", "--without=acl"]];
        for one in &with {
            sets.push(vec![one]);
            sets.push(vec![one, "--with=32bit-uids", "--exclude-nodump=no"]);
        }
        for set in sets {
            let (ours, theirs) = (sandbox.path("ours.catar"), sandbox.path("theirs.catar"));
            let source = mounted.path("source");
            let outcome = run(&sandbox, tool::ours(), "make", &set, [&ours, &source]);
            let expected = run(&sandbox, upstream, "make", &set, [&theirs, &source]);
            assert_eq!(outcome.status, expected.status, "{system:?} {set:?}: {}{}", outcome.stderr, expected.stderr);
            if expected.status == Some(0) {
                assert_eq!(outcome.stdout, expected.stdout, "{system:?} {set:?}");
                assert!(sandbox.read("ours.catar") == sandbox.read("theirs.catar"), "{system:?} {set:?}");
            }
        }
    });
}

#[test]
fn extracted_trees_are_equal_to_their_source() {
    for_each_system(Extent::Full, |system, mounted| {
        let sandbox = Sandbox::new();
        let (source, copy, archive) = (mounted.path("source"), mounted.path("copy"), sandbox.path("x.catar"));
        run(&sandbox, tool::ours(), "make", &EVERYTHING, [&archive, &source]).success();
        let expected = snapshot(&source);
        assert!(expected.len() > 200, "{system:?}: {} facts", expected.len());
        for round in ["into nothing", "over itself"] {
            run(&sandbox, tool::ours(), "extract", &["--undo-immutable=yes"], [&archive, &copy]).success();
            let differing = differences(&expected, &snapshot(&copy), |_, _| false);
            assert!(differing.is_empty(), "{system:?} {round}: {differing:#?}");
        }
    });
}

#[test]
fn each_extracts_what_the_other_makes() {
    let Some(upstream) = tool::upstream() else { return };
    for_each_system(Extent::Shared, |system, mounted| {
        let sandbox = Sandbox::new();
        let source = mounted.path("source");
        let expected = snapshot(&source);
        for (maker, extractor, name) in [(tool::ours(), upstream, "theirs"), (upstream, tool::ours(), "ours")] {
            let (archive, copy) = (sandbox.path(format!("{name}.catar")), mounted.path(name));
            run(&sandbox, maker, "make", &EVERYTHING, [&archive, &source]).success();
            let outcome = run(&sandbox, extractor, "extract", &[], [&archive, &copy]);
            assert_eq!(outcome.status, Some(0), "{system:?} {name}: {}", outcome.stderr);
            let differing = differences(&expected, &snapshot(&copy), |_, _| false);
            assert!(differing.is_empty(), "{system:?} extracted by {name}: {differing:#?}");
        }
    });
}
