//! Extraction without privileges: what a user owns round-trips, what only root may set is named.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use casync_tests::mount::is_root;
use casync_tests::sandbox::{Outcome, Sandbox, outcome};
use casync_tests::skip::skip;
use casync_tests::snapshot::{differences, snapshot};
use casync_tests::tool::{ours, which};

use casync_tests::plant::{shell, text};

const NOBODY: &str = "65534";

/// Runs this casync as somebody without privileges.
fn as_nobody(sandbox: &Sandbox, arguments: &[&str]) -> Outcome {
    let mut command = sandbox.command("setpriv");
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--", text(&sandbox.path("casync"))]);
    outcome(command.args(arguments))
}

/// A sandbox that this user may use, with a copy of the program.
fn open_sandbox() -> Option<Sandbox> {
    if !is_root() || which("setpriv").is_none() {
        skip("only root can become somebody else, with setpriv");
        return None;
    }
    let sandbox = Sandbox::new();
    // Where the tests are built may be closed to others.
    std::fs::copy(ours(), sandbox.path("casync")).unwrap();
    std::fs::set_permissions(sandbox.path(""), std::fs::Permissions::from_mode(0o777)).unwrap();
    Some(sandbox)
}

#[test]
fn own_trees_round_trip() {
    let Some(sandbox) = open_sandbox() else { return };
    shell(
        &sandbox.path(""),
        "mkdir -p t/closed t/unwritable/below; echo x >t/unwritable/below/f; mkfifo t/pipe; ln -s x t/link
        touch t/read-only; setfattr -n user.x -v y t/read-only; touch t/acl; setfacl -m u:1:rwx t/acl
        setfattr -n user.x -v y t/closed; chown -hR 65534:65534 t
        chmod 444 t/read-only; chmod 2750 t/closed; chmod 555 t/unwritable; chmod 500 t/unwritable/below",
    );
    let make = as_nobody(&sandbox, &["make", "x.catar", "t"]);
    make.success();
    for round in ["into nothing", "over itself"] {
        let extracted = as_nobody(&sandbox, &["extract", "x.catar", "out"]);
        assert_eq!(extracted.status, Some(0), "{round}: {}", extracted.stderr);
        let differing = differences(&snapshot(&sandbox.path("t")), &snapshot(&sandbox.path("out")), |_, _| false);
        assert!(differing.is_empty(), "{round}: {differing:#?}");
    }
}

#[test]
fn what_only_root_may_set_is_named_or_left_out() {
    let Some(sandbox) = open_sandbox() else { return };
    shell(&sandbox.path(""), "mkdir t; echo x >t/f; chown 1:1 t/f; mknod t/null c 1 3; chmod 777 t");
    outcome(Command::new(ours()).args(["make", "x.catar", "t"]).current_dir(sandbox.path(""))).success();
    let error = as_nobody(&sandbox, &["extract", "x.catar", "out"]).failure();
    assert!(error.contains("\"f\": set the owner: Operation not permitted"), "{error}");
    assert!(error.contains("--without=privileged"), "{error}");
    assert!(sandbox.names("out").is_empty(), "{:?}", sandbox.names("out"));

    let without = as_nobody(&sandbox, &["extract", "--without=privileged", "x.catar", "without"]);
    without.success();
    assert_eq!(sandbox.names("without"), ["f"]);

    let best = as_nobody(&sandbox, &["extract", "--best-effort", "x.catar", "best"]);
    assert!(best.stderr.contains("\"null\": could not make the character device"), "{}", best.stderr);
    assert!(best.stderr.contains("3 attributes could not be set."), "{}", best.stderr);
    best.success();
    assert_eq!(sandbox.read("best/f"), b"x\n");
}
