//! Object stores and registries with the real binary and real servers: `make`, `extract`, `verify`, `gc`, `list`, `plan`,
//! beside the C casync on copies of what is in them; and what is said when something is wrong.

mod faults;
mod garage;
mod limits;
mod registries;
mod s3;
mod services;
mod tokens;

use std::process::Command;

use casync_tests::random::Rng;
use casync_tests::running::within;
use casync_tests::sandbox::{Outcome, Sandbox};
use casync_tests::tool;

/// Small chunks, so that little data makes many.
const SIZES: &str = "--chunk-size=1K:4K:16K";

/// A sandbox with a blob and a tree.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let mut rng = Rng::new(5);
    sandbox.write("blob", rng.bytes(200_000));
    for name in ["a", "b/c", "b/d/e"] {
        sandbox.write(format!("tree/{name}"), rng.bytes(30_000));
    }
    sandbox
}

/// Runs this program with what lets it know of a server.
fn run(sandbox: &Sandbox, environment: &[(&str, String)], args: &[&str]) -> Outcome {
    within(command(sandbox, environment).args(args))
}

fn command(sandbox: &Sandbox, environment: &[(&str, String)]) -> Command {
    let mut command = sandbox.command(tool::ours());
    command.env("HOME", sandbox.path("home")).env("AWS_EC2_METADATA_DISABLED", "true");
    command.envs(environment.iter().map(|(key, value)| (key, value)));
    command
}

/// Makes, reads, checks and cleans below `place`, which is `SCHEME://HOST/...` without a slash at its end.
fn everything(sandbox: &Sandbox, environment: &[(&str, String)], place: &str) {
    let store = format!("--store={place}");
    let (blob, tree) = (format!("{place}/blob.caibx"), format!("{place}/tree.caidx"));
    let run = |args: &[&str]| run(sandbox, environment, args);

    // The index says which chunks there are: it is the same wherever they are.
    let made = run(&[SIZES, &store, "make", &blob, "blob"]).success();
    assert_eq!(made, sandbox.casync([SIZES, "--store=local.castr", "make", "local.caibx", "blob"]).success());
    run(&[SIZES, &store, "make", &tree, "tree"]).success();

    run(&[&store, "extract", &blob, "blob.out"]).success();
    assert!(sandbox.read("blob.out") == sandbox.read("blob"));
    run(&[&store, "extract", &tree, "tree.out"]).success();
    for file in ["a", "b/c", "b/d/e"] {
        assert!(sandbox.read(format!("tree.out/{file}")) == sandbox.read(format!("tree/{file}")), "{file}");
    }
    let listed = run(&[&store, "list", &tree]);
    assert!(listed.success() == sandbox.casync(["list", "tree"]).success());
    let plan = String::from_utf8(run(&[&store, "plan", "local.caibx"]).success()).unwrap();
    assert!(plan.contains("missing: 0 chunks"), "{plan}");

    for args in [&[&store, "verify", &blob][..], &[&store, "verify", &tree], &[&store, "verify"]] {
        let said = run(args);
        assert!(said.text().contains("no problems"), "{args:?}: {said:?}");
    }

    // Nothing is too old to go, and only what the blob uses stays.
    let dry = run(&["-v", "-n", &store, "gc", "--grace=0s", &blob]);
    let would = dry.text().lines().filter(|line| line.starts_with("Would remove chunk")).count();
    dry.success();
    let backup = "--backup=attic.castr";
    let gone = run(&["-v", &store, "gc", "--grace=0s", backup, &blob]);
    assert_eq!(gone.text().lines().filter(|line| line.starts_with("Removing chunk")).count(), would);
    assert!(would > 3);
    gone.success();
    run(&[&store, "verify", &blob]).success();
    let broken = run(&[&store, "verify", &tree]).failure();
    assert!(broken.contains("is missing"), "{broken}");
    // What was put aside still makes the tree, and repairs the store.
    run(&[&store, "--extra-store=attic.castr", "extract", &tree, "tree.again"]).success();
    run(&[&store, "--extra-store=attic.castr", "verify", "--repair", &tree]).success();
    run(&[&store, "verify", &tree]).success();
}
