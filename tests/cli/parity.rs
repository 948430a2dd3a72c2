//! Every option, variable, form of a locator and kind of operand, right and wrong, with both programs: a case is the `same`, or
//! says why it is not, as does the README's table of differences.
//!
//! The C casync is the packaged one here: what its main branch does otherwise nobody has recorded.

use crate::script::{Script, test_ours, test_upstream};

fn test(name: &str) {
    let script = || vec![Script::read_apart(&format!("parity/{name}.txt"))];
    test_ours(script());
    test_upstream(script());
}

#[test]
fn invocation() {
    test("invocation");
}

#[test]
fn operands() {
    test("operands");
}

#[test]
fn make() {
    test("make");
}

#[test]
fn show() {
    test("show");
}

#[test]
fn extract() {
    test("extract");
}

#[test]
fn elsewhere() {
    test("elsewhere");
}
