//! A remote index served at the edge: by Node, Deno and workerd.

use crate::fixture::Fixture;
use crate::package::package;
use crate::runtime;

/// The handler itself, called by a script of Node.
#[test]
fn a_handler_serves_an_index() {
    let (Some(package), Some(fixture)) = (package(), Fixture::new()) else { return };
    fixture.passes("edge.js", package, &[("CASYNC_RUNTIME", "node")]);
}

/// The same by HTTP from Deno.
#[test]
fn deno_serves_an_index() {
    let (Some(package), Some(fixture), Some(tools)) = (package(), Fixture::new(), runtime::tools()) else { return };
    let deno = tools.join("@deno/linux-x64-glibc/deno");
    fixture.passes("edge.js", package, &[("CASYNC_RUNTIME", "deno"), ("CASYNC_PROGRAM", &deno.display().to_string())]);
}

/// The same by HTTP from workerd.
#[test]
fn workerd_serves_an_index() {
    let (Some(package), Some(fixture), Some(tools)) = (package(), Fixture::new(), runtime::tools()) else { return };
    let workerd = tools.join("@cloudflare/workerd-linux-64/bin/workerd");
    fixture.passes(
        "edge.js",
        package,
        &[("CASYNC_RUNTIME", "workerd"), ("CASYNC_PROGRAM", &workerd.display().to_string())],
    );
}
