//! What the C casync once said to itself, said to this program.

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::Stdio;

use casync_tests::sandbox::{Outcome, Sandbox, outcome_with_input};
use casync_tests::{tool, vectors};

use crate::messages::*;

/// The place that the recordings were made in.
fn place() -> Sandbox {
    let sandbox = Sandbox::new();
    for name in ["blob.caibx", "blob2.caibx", "tree.caidx", "tree.catar"] {
        sandbox.write(format!("srv/{name}"), vectors::read(&format!("protocol/srv/{name}")));
    }
    casync_tests::store::copy(&vectors::path("protocol/srv/default.castr"), &sandbox.path("srv/default.castr"));
    sandbox
}

fn said(name: &str, side: &str) -> Vec<u8> {
    vectors::read(&format!("protocol/{name}.{side}.bin"))
}

fn serve(sandbox: &Sandbox, name: &str, arguments: &[&str]) -> Outcome {
    outcome_with_input(sandbox.command(tool::ours()).args(arguments), &said(name, "c2s"))
}

#[test]
fn pulls_are_answered_as_upstream_does() {
    let sandbox = place();
    for (name, arguments) in [
        ("03-pull-caibx", ["pull", "-", "-", "srv/blob.caibx", "srv/default.castr"]),
        ("06-pull-caidx", ["pull", "-", "-", "srv/tree.caidx", "srv/default.castr"]),
        ("08-pull-catar", ["pull", "-", "srv/tree.catar", "-", "-"]),
        ("09-pull-store-only", ["pull", "-", "-", "-", "srv/default.castr"]),
        ("10-pull-index-only", ["pull", "-", "-", "srv/tree.caidx", "-"]),
        ("31-unknown-chunk", ["pull", "-", "-", "-", "srv/default.castr"]),
        ("32-client-goodbye", ["pull", "-", "-", "-", "srv/default.castr"]),
    ] {
        let answered = parse(&serve(&sandbox, name, &arguments).success());
        let recorded = parse(&said(name, "s2c"));
        for kind in [INDEX, ARCHIVE] {
            assert!(data(&answered, kind) == data(&recorded, kind), "{name}");
        }
        // Answers come in any order.
        let sorted = |messages: &[(u64, Vec<u8>)]| {
            let mut rest: Vec<_> =
                messages.iter().filter(|(kind, _)| ![INDEX, ARCHIVE].contains(kind)).cloned().collect();
            rest.sort();
            rest
        };
        assert_eq!(sorted(&answered), sorted(&recorded), "{name}");
    }
}

/// Plays a recorded client that sends chunks when it is asked for them; returns what the server said.
fn push(sandbox: &Sandbox, name: &str, target: &str) -> Vec<u8> {
    let says = said(name, "c2s");
    let before = parse(&says).iter().take_while(|(kind, _)| *kind != CHUNK).map(|(_, body)| 16 + body.len()).sum();
    let mut command = sandbox.command(tool::ours());
    command.args(["push", "-", "-", target, "srv/default.castr"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut server = command.spawn().unwrap();
    let (mut input, mut output) = (server.stdin.take().unwrap(), server.stdout.take().unwrap());
    input.write_all(&says[..before]).unwrap();
    // HELLO and one request for each chunk.
    let one_by_one = 24 + 56 * parse(&says).iter().filter(|(kind, _)| *kind == CHUNK).count();
    let mut answered = vec![0; one_by_one];
    output.read_exact(&mut answered).unwrap();
    input.write_all(&says[before..]).unwrap();
    output.read_to_end(&mut answered).unwrap();
    assert!(server.wait().unwrap().success(), "{name}");
    answered
}

#[test]
fn pushes_are_taken_as_upstream_does() {
    for (name, target) in [("01-push-caibx", "blob.caibx"), ("04-push-caidx", "tree.caidx")] {
        let sandbox = Sandbox::new();
        fs::create_dir(sandbox.path("srv")).unwrap();
        let target = format!("srv/{target}");
        let recorded = parse(&said(name, "s2c"));
        let answered = parse(&push(&sandbox, name, &target));
        assert_eq!(kinds(&answered), kinds(&recorded), "{name}");
        assert!(sandbox.read(&target) == vectors::read(&format!("protocol/{target}")), "{name}");
        let chunks = casync_tests::store::files(&sandbox.path("srv/default.castr"));
        let index = sandbox.read(&target);
        for item in index[64..index.len() - 40].chunks(40) {
            let id: String = item[8..].iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(chunks.contains_key(&format!("{}/{id}.cacnk", &id[..4])), "{name}: {id}");
        }
    }
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("srv")).unwrap();
    let answered = serve(&sandbox, "07-push-catar", &["push", "-", "srv/tree.catar", "-", "-"]).success();
    assert_eq!(kinds(&parse(&answered)), [HELLO, GOODBYE]);
    assert!(sandbox.read("srv/tree.catar") == vectors::read("protocol/srv/tree.catar"));
}

/// Where upstream crashes, or takes what is not complete.
#[test]
fn defects_are_not_repeated() {
    for name in ["42-push-premature-goodbye-installs-index", "43-push-unrequested-chunk-crashes-v2"] {
        let sandbox = Sandbox::new();
        fs::create_dir(sandbox.path("srv")).unwrap();
        let refused = serve(&sandbox, name, &["push", "-", "-", "srv/x.caidx", "srv/st"]);
        assert!(!aborted(&refused.stdout).is_empty(), "{name}");
        refused.failure();
        assert!(!sandbox.path("srv/x.caidx").exists(), "{name}");
    }
    // The client that upstream leaves waiting for ever.
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("srv")).unwrap();
    let index = vectors::read("protocol/srv/tree.caidx");
    let says = [hello(0x400), message(INDEX, &index), message(INDEX_EOF, b"")].concat();
    let mut command = sandbox.command(tool::ours());
    command.args(["push", "-", "-", "srv/x.caidx", "-"]);
    let answered = outcome_with_input(&mut command, &says).success();
    assert_eq!(kinds(&parse(&answered)), [HELLO, GOODBYE]);
    assert!(sandbox.read("srv/x.caidx") == index);
}

/// Recorded servers, to this program as client: what they said is played back.
#[test]
fn recorded_servers_are_understood() {
    let scene = crate::scene::Scene::new();
    for (name, arguments, made) in [
        ("08-pull-catar", &["extract", "h:srv/tree.catar", "out"][..], "tree.catar"),
        (
            "10-pull-index-only",
            &["--store=store", "--seed-output=no", "extract", "h:srv/tree.caidx", "out"],
            "tree.catar",
        ),
    ] {
        scene.remove("out");
        casync_tests::store::copy(&vectors::path("protocol/srv/default.castr"), &scene.sandbox.path("store"));
        scene.sandbox.write("says", said(name, "s2c"));
        let server = scene.script("played", "cat says\nexec cat > heard\n");
        let mut command = scene.sandbox.command(tool::ours());
        command.args(arguments).env("CASYNC_SSH_PATH", scene.sandbox.path("ssh")).env("CASYNC_REMOTE_PATH", server);
        casync_tests::sandbox::outcome(&mut command).success();
        let archive = vectors::read(&format!("protocol/srv/{made}"));
        let expected = scene.sandbox.write("expected.catar", archive);
        let digest = |path: &str| {
            let text = scene.sandbox.casync(["mtree", path]).success();
            String::from_utf8(text).unwrap()
        };
        assert_eq!(digest("out").lines().count(), digest(expected.to_str().unwrap()).lines().count(), "{name}");
    }
}
