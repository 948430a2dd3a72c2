//! What the recorded command lines do not show: our own options, help, and errors with their details and hints. Each file
//! of cases has a directory of its own.

use crate::script::{Script, test_ours, test_upstream};

fn test(name: &str) {
    let script = || vec![Script::read(&format!("snapshots/{name}.txt"))];
    test_ours(script());
    test_upstream(script());
}

#[test]
fn help() {
    test("help");
}

#[test]
fn options() {
    test("options");
}

#[test]
fn sizes() {
    test("sizes");
}

#[test]
fn errors() {
    test("errors");
}
