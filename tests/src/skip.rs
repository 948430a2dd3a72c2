//! Tests that this machine cannot run say so, loudly, and are counted.

use std::fs::File;
use std::io::Write;

/// Tells that what the calling test wants to show is not shown, and why.
///
/// The line goes to the real standard error, past the capture of the test runner, and to the file that
/// `CASYNC_TESTS_SKIPPED` names, one line each, for whoever counts. With `CASYNC_TESTS_NO_SKIP` set it is a failure.
pub fn skip(why: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let line = format!("SKIPPED {test}: {why}\n");
    assert!(std::env::var_os("CASYNC_TESTS_NO_SKIP").is_none(), "{line}");
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Some(path) = std::env::var_os("CASYNC_TESTS_SKIPPED") {
        let log = File::options().create(true).append(true).open(&path);
        log.and_then(|mut log| log.write_all(line.as_bytes())).expect("the file that counts skipped tests is writable");
    }
}
