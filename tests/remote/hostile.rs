//! Partners that say what they should not.

use casync_tests::sandbox::{Outcome, outcome, outcome_with_input};
use casync_tests::{input, tool};

use crate::messages::*;
use crate::scene::Scene;

/// Runs a client against a server that says this, whatever it hears.
fn client(scene: &Scene, says: &[u8], arguments: &[&str]) -> Outcome {
    scene.sandbox.write("says", says);
    let server = scene.script("liar", "cat says\nexec cat > heard\n");
    let mut command = scene.command(tool::ours(), &server, arguments);
    outcome(command.env("CASYNC_REMOTE_TIMEOUT", "2"))
}

/// Runs a server that hears this.
fn server(scene: &Scene, verb: &str, hears: &[u8]) -> Outcome {
    let mut command = scene.sandbox.command(tool::ours());
    command.args([verb, "-", "-", "srv/x.caibx", "srv/st"]).env("CASYNC_REMOTE_TIMEOUT", "2");
    outcome_with_input(&mut command, hears)
}

#[test]
fn a_reason_is_shown() {
    let scene = Scene::new();
    for says in [message(ABORT, b"\x05\0\0\0\0\0\0\0the disk is on fire\0"), {
        let hello = hello(0x5);
        [hello, message(ABORT, b"\0\0\0\0\0\0\0\0the disk is on fire\0")].concat()
    }] {
        let told = client(&scene, &says, &["list", "h:srv/x.caidx"]).failure();
        assert!(told.contains("casync on h gave up: the disk is on fire"), "{told}");
    }
    // compat: upstream's words for what a helper did not find.
    let told = client(&scene, &message(ABORT, b"\x7b\0\0\0\0\0\0\x00404\0"), &["list", "h:srv/x.caidx"]).failure();
    assert!(told.starts_with("File, URL or resource not found.\n"), "{told}");
}

#[test]
fn clients_refuse_what_they_did_not_ask_for() {
    let scene = Scene::new();
    scene.ours(&["make", "srv/x.caibx", "blob"]).success();
    let index = scene.sandbox.read("srv/x.caibx");
    let served = [message(INDEX, &index), message(INDEX_EOF, b"")].concat();
    let cases: &[(&str, Vec<u8>)] = &[
        ("a chunk that nobody wants", [hello(5), served.clone(), chunk(0, &[7; 32], b"x")].concat()),
        ("one before anything", [hello(5), chunk(1, &[7; 32], b"x")].concat()),
        ("missing, what nobody wants", [hello(5), message(MISSING, &[7; 32])].concat()),
        ("a goodbye at once", [hello(5), message(GOODBYE, b"")].concat()),
        ("a goodbye after the index", [hello(5), served.clone(), message(GOODBYE, b"")].concat()),
        ("the index twice", [hello(5), served.clone(), served].concat()),
        ("an archive", [hello(5), message(ARCHIVE, b"x")].concat()),
        ("two hellos", [hello(5), hello(5)].concat()),
        ("nothing to offer", hello(1)),
        ("unknown services", hello(0x8005)),
        ("a request", [hello(5), message(REQUEST, &[0; 40])].concat()),
        ("an unknown message", [hello(5), message(77, b"")].concat()),
        ("a huge frame", [hello(5), u64::MAX.to_le_bytes().to_vec(), INDEX.to_le_bytes().to_vec()].concat()),
        ("no protocol at all", b"Welcome to this host!\nYou have mail.\n".to_vec()),
    ];
    for (what, says) in cases {
        let told = client(&scene, says, &["--seed-output=no", "extract", "h:srv/x.caibx", "out"]).failure();
        assert!(told.contains("talk with casync on h"), "{what}: {told}");
        assert!(!scene.sandbox.path("out").exists(), "{what}");
    }
}

#[test]
fn clients_use_no_chunk_that_is_not_what_its_id_says() {
    let scene = Scene::new();
    scene.sandbox.write("small", b"hello world\n");
    scene.ours(&["make", "srv/x.caibx", "small"]).success();
    let index = scene.sandbox.read("srv/x.caibx");
    let id: [u8; 32] = index[72..104].try_into().unwrap();
    let says = |data: &[u8]| [hello(5), message(INDEX, &index), message(INDEX_EOF, b""), chunk(0, &id, data)].concat();
    // The chunk may come before it was asked for: then it is refused for that.
    let server = "head -c 24 says\nhead -c 80 > heard\ntail -c +25 says\nexec cat > more\n";
    for (data, good) in [(&b"hello world\n"[..], true), (b"hello World\n", false), (b"hello world", false)] {
        scene.sandbox.write("says", says(data));
        // Only the last message waits for the request.
        let split = says(data).len() - 16 - 40 - data.len();
        let script =
            server.replace("head -c 24", &format!("head -c {split}")).replace("+25", &format!("+{}", split + 1));
        let server = scene.script("liar", &script);
        let mut command =
            scene.command(tool::ours(), &server, &["--seed-output=no", "extract", "h:srv/x.caibx", "out"]);
        let outcome = outcome(command.env("CASYNC_REMOTE_TIMEOUT", "5"));
        if good {
            outcome.success();
            assert_eq!(scene.sandbox.read("out"), b"hello world\n");
        } else {
            let told = outcome.failure();
            assert!(told.contains("chunk"), "{told}");
        }
        scene.remove("out");
    }
}

#[test]
fn pushing_clients_believe_no_early_goodbye() {
    let scene = Scene::new();
    for says in [
        [hello(0xa), message(GOODBYE, b"")].concat(),
        [hello(0xa), message(REQUEST, &[0; 40]), message(GOODBYE, b"")].concat(),
        [hello(0xa), message(CHUNK, &[0; 41])].concat(),
        [hello(0xa), message(INDEX, b"x")].concat(),
        hello(0x8),
    ] {
        let told = client(&scene, &says, &["make", "h:srv/x.caidx", "tree"]).failure();
        assert!(told.contains("casync on h"), "{told}");
    }
    // And no success that the exit status denies.
    let ours = tool::ours().display();
    let server = scene.script("failing", &format!("{ours} \"$@\"\nexit 3\n"));
    let told = scene.run(tool::ours(), &server, &["make", "h:srv/y.caidx", "tree"]).failure();
    assert!(told.contains("exit status: 3"), "{told}");
}

#[test]
fn pushing_servers_take_only_what_they_asked_for() {
    let scene = Scene::new();
    scene.ours(&["make", "srv/x.caibx", "blob"]).success();
    let index = scene.sandbox.read("srv/x.caibx");
    let id: [u8; 32] = index[72..104].try_into().unwrap();
    let begin = [hello(0xe00), message(INDEX, &index)].concat();
    let whole = [begin.clone(), message(INDEX_EOF, b"")].concat();
    let cases: &[(&str, Vec<u8>)] = &[
        ("a chunk before all", [hello(0xe00), chunk(0, &[1; 32], b"x")].concat()),
        ("a chunk that nobody wants", [whole.clone(), chunk(0, &[1; 32], b"x")].concat()),
        ("a wrong chunk", [whole.clone(), chunk(0, &id, b"x")].concat()),
        ("a chunk that is no frame", [whole.clone(), chunk(1, &id, b"x")].concat()),
        ("missing", [whole.clone(), message(MISSING, &id)].concat()),
        ("a goodbye", [whole.clone(), message(GOODBYE, b"")].concat()),
        ("an abort", [whole.clone(), message(ABORT, b"\x05\0\0\0\0\0\0\0tired\0")].concat()),
        ("a cut index", [hello(0xe00), message(INDEX, &index[..100]), message(INDEX_EOF, b"")].concat()),
        ("no index at all", [hello(0xe00), message(INDEX, &input::prng("no index", 500))].concat()),
        ("the end of the line", whole),
        ("half a message", begin[..begin.len() - 3].to_vec()),
        ("a wish", hello(0xc0)),
        ("an archive", [hello(0xe00), message(ARCHIVE, b"x")].concat()),
    ];
    for (what, hears) in cases {
        scene.empty();
        let outcome = server(&scene, "push", hears);
        let said = outcome.stdout.clone();
        let told = outcome.failure();
        assert!(told.starts_with("Failed to process remote: "), "{what}: {told}");
        assert!(!scene.sandbox.path("srv/x.caibx").exists(), "{what}");
        let left = scene.sandbox.names("srv");
        assert!(left.iter().all(|name| name == "st"), "{what}: {left:?}");
        if !matches!(*what, "the end of the line" | "half a message" | "an abort") {
            assert!(!aborted(&said).is_empty(), "{what}: the client hears why");
        }
    }
}

/// A damaged chunk is missing, and the log tells of it; nothing ends.
#[test]
fn pulling_servers_do_not_serve_damaged_chunks() {
    let scene = Scene::new();
    scene.ours(&["make", "srv/x.caibx", "blob"]).success();
    let spoilt = casync_tests::store::paths(&scene.sandbox.path("srv/default.castr"));
    std::fs::remove_file(&spoilt[0]).unwrap();
    std::fs::write(&spoilt[0], b"spoilt").unwrap();
    // There is another store that has it.
    scene.ours(&["--store=other", "make", "y.caibx", "blob"]).success();
    let extracted = scene.ours(&["--seed-output=no", "--extra-store=other", "extract", "h:srv/x.caibx", "out"]);
    let told = extracted.stderr.clone();
    extracted.success();
    assert!(told.contains("Not served: chunk "), "{told}");
    assert!(scene.sandbox.read("out") == scene.sandbox.read("blob"));
}

#[test]
fn servers_refuse_what_makes_no_sense() {
    let scene = Scene::new();
    let run = |arguments: &[&str]| scene.sandbox.casync(arguments).failure();
    assert_eq!(run(&["pull", "-", "-", "-"]), "Expected at least 4 arguments.\n");
    assert_eq!(run(&["push", "-", "-", "-", "-"]), "Nothing to do.\n");
    assert_eq!(run(&["pull", "base", "-", "-", "-"]), "Pull from base or archive not yet supported.\n");
    // Flags that nobody can have.
    for flags in [0, u64::MAX, 1 << 40, 0x800] {
        let outcome = server(&scene, "push", &hello(flags));
        assert!(!aborted(&outcome.stdout).is_empty());
        outcome.failure();
    }
}
