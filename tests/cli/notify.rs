//! What service managers are told through `NOTIFY_SOCKET`.

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;

use casync_tests::sandbox::{Sandbox, outcome};
use casync_tests::tool::{ours, upstream};

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("tree/file", "some content");
    sandbox.write("blob", "other content");
    for args in [["make", "tree.caidx", "tree"], ["make", "tree.catar", "tree"], ["make", "blob.caibx", "blob"]] {
        sandbox.casync(args).success();
    }
    sandbox
}

/// What a run has sent to a socket by the time that it has ended.
fn told(sandbox: &Sandbox, program: &Path, args: &[&str], name: &OsStr, socket: &UnixDatagram) -> Vec<String> {
    outcome(sandbox.command(program).env("NOTIFY_SOCKET", name).args(args)).success();
    socket.set_nonblocking(true).expect("a socket can be set so");
    let mut datagram = [0; 4096];
    let received = std::iter::from_fn(|| socket.recv(&mut datagram).ok().map(|size| datagram[..size].to_vec()));
    received.map(|bytes| String::from_utf8(bytes).expect("text")).collect()
}

const RUNS: [&[&str]; 10] = [
    &["make", "new.caidx", "tree"],
    &["make", "new.caibx", "blob"],
    &["extract", "tree.caidx", "out"],
    &["extract", "blob.caibx", "copy"],
    &["list", "tree.caidx"],
    &["mtree", "tree"],
    &["stat", "tree.catar"],
    &["digest", "tree"],
    &["digest", "blob"],
    &["gc", "tree.caidx", "blob.caibx"],
];

fn ready(sandbox: &Sandbox, program: &Path) -> Vec<(String, Vec<String>)> {
    let path = sandbox.path("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    let ready = |args: &[&str]| {
        let mut told = told(sandbox, program, args, path.as_os_str(), &socket);
        told.retain(|text| !text.starts_with("STATUS="));
        (args.join(" "), told)
    };
    RUNS.into_iter().map(ready).collect()
}

#[test]
fn they_hear_that_work_begins() {
    for (run, told) in ready(&sandbox(), ours()) {
        let expected: &[&str] = if run.starts_with("gc") { &[] } else { &["READY=1"] };
        assert_eq!(told, expected, "{run}");
    }
}

#[test]
fn the_c_casync_says_the_same() {
    let Some(upstream) = upstream() else { return };
    assert_eq!(ready(&sandbox(), upstream), ready(&sandbox(), ours()));
}

#[test]
fn they_hear_how_far_it_is() {
    let sandbox = sandbox();
    let name = format!("casync-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("a name");
    let socket = UnixDatagram::bind_addr(&address).expect("a socket");
    let told = told(&sandbox, ours(), &["make", "new.caibx", "blob"], OsStr::new(&format!("@{name}")), &socket);
    let [ready, first, .., last] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(ready, "READY=1");
    // How much is done by the time that somebody looks first is up to the scheduler.
    let shown = |status: &str| -> (u64, u64) {
        let amounts = status.strip_prefix("STATUS=make: ").and_then(|rest| rest.split_once("B of 13B ("));
        let (done, rest) = amounts.unwrap_or_else(|| panic!("{told:?}"));
        let (percent, _) = rest.split_once("%), 0 chunks new, ").unwrap_or_else(|| panic!("{told:?}"));
        (done.parse().expect("a number"), percent.parse().expect("a number"))
    };
    for status in &told[1..] {
        let (done, percent) = shown(status);
        assert_eq!(percent, done * 100 / 13, "{told:?}");
    }
    assert!(!first.contains("/s"), "no speed without a time: {told:?}");
    assert!(last.starts_with("STATUS=make: 13B of 13B (100%), 0 chunks new, 1 reused, "), "{told:?}");
    assert!(last.contains(", ended after "), "{told:?}");
}

#[test]
fn a_manager_that_is_gone_stops_nothing() {
    let sandbox = sandbox();
    for name in ["nowhere", "@nobody", "", "@"] {
        let outcome = outcome(sandbox.command(ours()).env("NOTIFY_SOCKET", name).args(["make", "new.caibx", "blob"]));
        assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""), "{name}");
    }
}
