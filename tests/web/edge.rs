//! A remote index served at the edge, by everything that can: what it answers is the same everywhere.

use std::path::Path;

use crate::fixture::Fixture;
use crate::package::{component, package};
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
    served_by("deno", "@deno/linux-x64-glibc/deno");
}

/// The same by HTTP from Bun.
#[test]
fn bun_serves_an_index() {
    served_by("bun", "@oven/bun-linux-x64-baseline/bin/bun");
}

/// The same by HTTP from workerd.
#[test]
fn workerd_serves_an_index() {
    served_by("workerd", "@cloudflare/workerd-linux-64/bin/workerd");
}

/// The same by HTTP from what people try workers out with.
#[test]
fn miniflare_serves_an_index() {
    served_by("miniflare", "");
}

/// The same by HTTP from the component, in a host that gives it 16 MiB of memory.
#[test]
fn wasmtime_serves_an_index() {
    let (Some(package), Some(fixture), Some(wasmtime)) = (package(), Fixture::new(), runtime::wasmtime()) else {
        return;
    };
    let settings =
        [("CASYNC_RUNTIME", "wasmtime"), ("CASYNC_PROGRAM", path(&wasmtime)), ("CASYNC_COMPONENT", path(component()))];
    fixture.passes("edge.js", package, &settings);
}

#[track_caller]
fn served_by(runtime: &str, program: &str) {
    let (Some(package), Some(fixture), Some(tools)) = (package(), Fixture::new(), runtime::tools()) else { return };
    let program = tools.join(program);
    fixture.passes("edge.js", package, &[("CASYNC_RUNTIME", runtime), ("CASYNC_PROGRAM", path(&program))]);
}

fn path(path: &Path) -> &str {
    path.to_str().expect("paths of tests are UTF-8")
}
