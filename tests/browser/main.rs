//! The demo page in a real browser: a script drives Chromium through every view, and every error of the page fails it.

use std::path::{Path, PathBuf};
use std::process::Command;

use casync_tests::running::within;
use casync_tests::sandbox::{Sandbox, outcome};
use casync_tests::skip::skip;
use casync_tests::tool::{upstream, which};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// `shell.js` names what is kept for times without a network: all files of the page and of the package, and no others.
#[test]
fn the_page_keeps_all_of_its_files() {
    let shell = std::fs::read_to_string(root().join("web-demo/shell.js")).expect("shell.js");
    let mut kept: Vec<String> =
        shell.split('"').skip(1).step_by(2).map(str::to_owned).filter(|name| name != "./").collect();
    let mut there: Vec<String> =
        ["casync-wasm/module/casync_wasm.js", "casync-wasm/module/casync_wasm_bg.wasm"].map(str::to_owned).into();
    for (directory, prefix) in
        [("web-demo", ""), ("web-demo/parts", "parts/"), ("web-demo/views", "views/"), ("wasm/js", "casync-wasm/")]
    {
        for entry in std::fs::read_dir(root().join(directory)).expect(directory) {
            let name = entry.expect("an entry").file_name().into_string().expect("names are UTF-8");
            let is_served = [".js", ".css", ".html", ".svg"].iter().any(|suffix| name.ends_with(suffix));
            if is_served && name != "sw.js" {
                there.push(format!("{prefix}{name}"));
            }
        }
    }
    kept.sort();
    there.sort();
    assert_eq!(kept, there);
}

/// Every view does what it says, and what it makes and downloads is what the C program makes and has.
#[test]
fn every_view_works_in_chromium() {
    let (Some(casync), Some(modules)) = (upstream(), modules()) else { return };
    for program in ["chromium", "wasm-opt", "node"] {
        if which(program).is_none() {
            return skip(&format!("{program} is not installed (see tests/setup)"));
        }
    }
    let sandbox = Sandbox::new();
    let page = sandbox.path("page");
    outcome(Command::new(root().join("web-demo/build")).arg(&page)).success();
    outcome(Command::new(root().join("web-demo/sample")).arg(page.join("sample")).env("CASYNC", casync)).success();
    let mut node = Command::new("node");
    node.arg(root().join("tests/browser/views.js"));
    node.env("CASYNC_PAGE", &page)
        .env("CASYNC_MODULES", modules)
        .env("CASYNC", casync)
        .env("CASYNC_OUT", sandbox.path(""));
    let outcome = within(&mut node);
    assert_eq!(outcome.status, Some(0), "{}{}", outcome.text(), outcome.stderr);
}

/// What drives the browser, from npm by the lock file beside this; nothing if it cannot be had.
fn modules() -> Option<PathBuf> {
    let directory = root().join("target/npm/browser");
    std::fs::create_dir_all(&directory).expect("a directory for npm");
    for name in ["package.json", "package-lock.json"] {
        std::fs::copy(root().join("tests/browser").join(name), directory.join(name)).expect(name);
    }
    let modules = directory.join("node_modules");
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--quiet"]).current_dir(&directory);
    if !modules.join("playwright-core").exists() && (which("npm").is_none() || outcome(&mut npm).status != Some(0)) {
        skip("npm cannot install tests/browser/package-lock.json");
        return None;
    }
    Some(modules)
}
