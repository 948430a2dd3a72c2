//! The package in a page of Chromium.

use casync_tests::skip::skip;
use casync_tests::tool::which;

use crate::fixture::Fixture;
use crate::package::package;
use crate::runtime;

/// Caches outlive the page, workers decode, full disks and closed tabs do no harm.
#[test]
fn a_page_keeps_what_it_has_verified() {
    let (Some(package), Some(fixture), Some(tools)) = (package(), Fixture::new(), runtime::tools()) else { return };
    let Some(chromium) = which("chromium") else { return skip("chromium is not installed (`apt install chromium`)") };
    let [chromium, tools] = [&*chromium, tools].map(|path| path.to_str().expect("paths of tests are UTF-8"));
    fixture.passes("chromium.js", package, &[("CASYNC_PROGRAM", tools), ("CASYNC_CHROMIUM", chromium)]);
}
