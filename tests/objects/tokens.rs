//! Registries that want tokens, which are to be had elsewhere and expire.

use std::time::{Duration, Instant};

use casync_tests::sandbox::Sandbox;
use casync_tests::service::{Policy, Registry, Tokens};

use super::{SIZES, everything, run, sandbox};

/// For longer than any test runs.
const LONG: u64 = 3600;

fn log_in(sandbox: &Sandbox, host: &str, login: &str) {
    sandbox.write("home/.docker/config.json", format!(r#"{{"auths":{{"{host}":{{"auth":"{login}"}}}}}}"#));
}

#[test]
fn all_verbs() {
    let sandbox = sandbox();
    let tokens = Tokens::start(Policy { anybody: "", seconds: LONG });
    let Some(server) = Registry::start_with_tokens(&sandbox, &tokens) else { return };
    log_in(&sandbox, &server.host, Tokens::LOGIN);
    everything(&sandbox, &[], &format!("oci://{}/some/store", server.host));
    // Rights that were asked for once stay: reading and writing take one token in turns.
    let asked = tokens.asked();
    assert!(asked.iter().any(|scope| scope == "repository:some/store:pull,push"), "{asked:?}");
    assert!(asked.iter().any(|scope| scope.contains("delete") && scope.contains("pull")), "{asked:?}");
    assert!(asked.len() < 60, "few tokens for some twenty runs: {}", asked.len());
}

#[test]
fn what_anybody_may_do() {
    let sandbox = sandbox();
    let tokens = Tokens::start(Policy { anybody: "pull", seconds: LONG });
    let Some(server) = Registry::start_with_tokens(&sandbox, &tokens) else { return };
    let index = format!("oci://{}/store/blob.caibx", server.host);
    let told = run(&sandbox, &[], &[SIZES, "make", &index, "blob"]).failure();
    assert!(told.contains("the server answers 401") && told.contains("UNAUTHORIZED"), "{told}");
    log_in(&sandbox, &server.host, Tokens::LOGIN);
    let made = run(&sandbox, &[], &["-v", "-l", "debug", SIZES, "make", &index, "blob"]);
    assert!(!made.stderr.contains("sesame") && !made.stderr.contains("eyJ"), "{}", made.stderr);
    made.success();
    std::fs::remove_dir_all(sandbox.path("home")).unwrap();
    let before = tokens.asked().len();
    run(&sandbox, &[], &["extract", &index, "out"]).success();
    assert!(sandbox.read("out") == sandbox.read("blob"));
    // The index and the chunks are asked for by two that do not know of each other.
    let asked = &tokens.asked()[before..];
    assert!(asked.len() <= 2 && asked.iter().all(|scope| scope == "repository:store:pull"), "{asked:?}");
}

#[test]
fn refusals() {
    let sandbox = sandbox();
    let tokens = Tokens::start(Policy { anybody: "", seconds: LONG });
    let Some(server) = Registry::start_with_tokens(&sandbox, &tokens) else { return };
    let index = format!("oci://{}/store/blob.caibx", server.host);
    // Nobody, and somebody else.
    for login in [None, Some("bm9ib2R5Onh5enp5LXBhc3N3b3Jk")] {
        if let Some(login) = login {
            log_in(&sandbox, &server.host, login);
        }
        let told = run(&sandbox, &[], &["-l", "debug", "extract", &index, "out"]).failure();
        assert!(told.contains(&format!("{}: the server answers 401", tokens.realm())), "{told}");
        assert!(!told.contains("xyzzy") && !told.contains("bm9ib2R5"), "{told}");
    }
    // Tokens that the registry does not believe: asked for once, not for ever.
    let other = self::sandbox();
    let liar = Tokens::start(Policy { anybody: "pull", seconds: LONG }).not_believed(tokens.certificate);
    let Some(server) = Registry::start_with_tokens(&other, &liar) else { return };
    let told = run(&other, &[], &["extract", &format!("oci://{}/store/blob.caibx", server.host), "out"]).failure();
    assert!(told.contains("the server answers 401"), "{told}");
    assert_eq!(liar.asked(), ["repository:store:pull"]);
}

/// Tokens expire while chunks are read, while an archive is read by ranges, and while chunks are written.
#[test]
fn tokens_expire() {
    const SECONDS: u64 = 3;
    let sandbox = sandbox();
    let tokens = Tokens::start(Policy { anybody: "", seconds: SECONDS });
    let Some(server) = Registry::start_with_tokens(&sandbox, &tokens) else { return };
    log_in(&sandbox, &server.host, Tokens::LOGIN);
    let (blob, tree) = (format!("oci://{}/s/blob.caibx", server.host), format!("oci://{}/s/tree.catar", server.host));
    // Two hundred kilobytes, so it takes longer than a token lives.
    let slow = "--rate-limit-bps=40000";
    for (arguments, tokens_at_least) in [
        (&[slow, SIZES, "make", &blob, "blob"][..], 2),
        (&[slow, "extract", &blob, "out"], 2),
        (&["make", &tree, "tree"], 1),
        (&["extract", &tree, "tree.out"], 1),
    ] {
        let (before, started) = (tokens.asked().len(), Instant::now());
        run(&sandbox, &[], arguments).success();
        assert!(tokens_at_least == 1 || started.elapsed() > Duration::from_secs(SECONDS), "{arguments:?}");
        let asked = tokens.asked().len() - before;
        assert!(asked >= tokens_at_least, "{arguments:?}: {asked} tokens");
    }
    assert!(sandbox.read("out") == sandbox.read("blob"));
    assert!(sandbox.read("tree.out/b/c") == sandbox.read("tree/b/c"));
}
