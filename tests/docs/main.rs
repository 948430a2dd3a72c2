//! What comes with the program: man pages, completions for shells, packages.

mod completions;
mod manual;
mod package;
mod statically;
mod tour;

use std::path::PathBuf;

use casync_tests::sandbox::Sandbox;
use casync_tests::skip::skip;
use casync_tests::tool::which;

/// A prefix that the program has written its documentation to.
fn docs() -> Sandbox {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.casync(["docs", "prefix"]).success(), b"");
    sandbox
}

/// The path of a program; without it the calling test is skipped.
fn tool(name: &str) -> Option<PathBuf> {
    let found = which(name);
    if found.is_none() {
        skip(&format!("{name} is not installed"));
    }
    found
}
