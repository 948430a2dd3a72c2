//! Recorded command lines of the C casync (`tests/cli/transcripts`), run with both programs.
//!
//! They build on one another: all run in one directory, in order.

use crate::script::{Script, test_ours, test_upstream};

fn scripts() -> Vec<Script> {
    let parts = ["1-usage", "2-make", "3-show", "4-digest", "5-extract", "6-gc", "7-remote", "8-mount"];
    parts.iter().map(|part| Script::read(&format!("transcripts/{part}.txt"))).collect()
}

#[test]
fn none_is_missing() {
    let names: Vec<String> = scripts().iter().flat_map(|script| &script.cases).map(|case| case.name.clone()).collect();
    let all: Vec<String> = (1..=147).map(|number: u32| number.to_string()).collect();
    assert_eq!(names, all);
}

#[test]
fn this_program_answers_as_they_say() {
    test_ours(scripts());
}

#[test]
fn the_c_casync_answers_as_recorded() {
    test_upstream(scripts());
}
