//! Every fuzz target on its corpus and on a fixed number of mutations of it. `tests/fuzz` has the real fuzzer.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use casync_tests::fuzz::{TARGETS, Target, mutated};
use casync_tests::random::for_each_seed;

/// Mutations that are tried of each target's corpus.
const MUTATIONS: u64 = 15_000;

/// What a target may allocate at one time: a few times its input, and what its own limits allow.
const MEMORY: u64 = 12 << 20;

fn run(target: &Target, input: &[u8]) {
    let memory = allocation_counter::measure(|| (target.run)(input)).bytes_max;
    let most = MEMORY + 20 * input.len() as u64;
    assert!(memory < most, "{} allocated {memory} bytes for {} of input", target.name, input.len());
}

fn smoke(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let corpus = target.corpus();
    assert!(corpus.len() > 1, "inputs of {name}");
    for input in &corpus {
        run(target, input);
    }
    // The largest take long and show little more.
    let small: Vec<Vec<u8>> = corpus.into_iter().filter(|input| input.len() < 30_000).collect();
    for_each_seed(MUTATIONS, |rng| run(target, &mutated(&small, rng)));
}

/// The binaries for libFuzzer are in a workspace of their own, which no other test builds.
#[test]
fn every_target_has_a_binary() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/targets");
    let mut binaries: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    binaries.sort();
    let names: Vec<OsString> = TARGETS.iter().map(|target| format!("{}.rs", target.name).into()).collect();
    assert_eq!(binaries, names);
    for target in TARGETS {
        let text = fs::read_to_string(directory.join(format!("{}.rs", target.name))).unwrap();
        assert!(text.contains(&format!("run(\"{}\", input)", target.name)), "{text}");
    }
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            smoke(stringify!($name));
        })*

        #[test]
        fn every_target_is_run() {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
        }
    };
}

targets!(catab codec cut decoder forged index part record session text tree);
