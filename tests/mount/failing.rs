//! Mounts of what is on web servers, which fail in every way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use casync_tests::random::Rng;
use casync_tests::running::LIMIT;
use casync_tests::sandbox::Sandbox;
use casync_tests::tool;
use casync_tests::web::{Act, Web};

use crate::scene::{Mount, make, possible};

/// An archive and an index with its store below `www`.
fn scene() -> Sandbox {
    let sandbox = Sandbox::new();
    let mut rng = Rng::new(8);
    for number in 0..6 {
        sandbox.write(format!("tree/sub/file-{number}"), rng.bytes(200_000));
    }
    for name in ["x.caidx", "x.catar"] {
        make(&sandbox, tool::ours(), name, &sandbox.path("tree"));
    }
    std::fs::create_dir(sandbox.path("www")).unwrap();
    for name in ["x.caidx", "x.catar", "store.castr"] {
        std::fs::rename(sandbox.path(name), sandbox.path("www").join(name)).unwrap();
    }
    sandbox
}

/// Mounts with little patience.
fn mount(sandbox: &Sandbox, web: &Web, name: &str) -> Mount {
    let mut command = sandbox.command(tool::ours());
    command.env("CASYNC_HTTP_TIMEOUT", "1").env("CASYNC_HTTP_RETRIES", "2").env("NO_PROXY", "*");
    command.args(["mount", &format!("--store={}", web.url("store.castr")), "--memory=1M", &web.url(name), "mnt"]);
    Mount::start(&mut command, sandbox.path("mnt"))
}

#[test]
fn what_passes_is_not_noticed() {
    if !possible() {
        return;
    }
    let sandbox = scene();
    for act in [
        Act::Status(500, ""),
        Act::Status(503, "Retry-After: 0\r\n"),
        Act::CutAfter(100),
        Act::Close,
        Act::Overstate(5),
    ] {
        for name in ["x.caidx", "x.catar"] {
            let rule = act.clone();
            // Of ranges one cannot tell how many bytes are too many.
            if matches!(act, Act::Overstate(_)) && name == "x.catar" {
                continue;
            }
            let web = Web::with(sandbox.path("www"), move |request| {
                if request.before % 3 == 0 && !request.is_for(".caidx") { rule.clone() } else { Act::Serve }
            });
            let mount = mount(&sandbox, &web, name);
            for number in 0..6 {
                let file = format!("sub/file-{number}");
                let bytes = std::fs::read(mount.path(&file)).unwrap_or_else(|error| panic!("{act:?}, {name}: {error}"));
                assert!(bytes == sandbox.read(format!("tree/{file}")), "{act:?}, {name}: {file}");
            }
            mount.unmount().success();
        }
    }
}

#[test]
fn what_lasts_is_an_error_of_who_reads() {
    if !possible() {
        return;
    }
    let sandbox = scene();
    for (act, expected) in [
        (Act::Status(404, ""), "chunk"),
        (Act::Status(403, ""), "the server answers 403"),
        (Act::Status(500, ""), "the server answers 500"),
        (Act::StallAfter(100), "nothing came for 1 seconds"),
        (Act::CutAfter(100), "tried 3 times"),
        (Act::Corrupt(100), "chunk"),
    ] {
        let started = Arc::new(AtomicBool::new(false));
        let (flag, rule) = (Arc::clone(&started), act.clone());
        let web = Web::with(sandbox.path("www"), move |request| {
            let broken = flag.load(Ordering::SeqCst) && request.is_for_chunk();
            if broken { rule.clone() } else { Act::Serve }
        });
        let mount = mount(&sandbox, &web, "x.caidx");
        assert_eq!(std::fs::read_dir(mount.path("sub")).unwrap().count(), 6);
        started.store(true, Ordering::SeqCst);
        let begun = Instant::now();
        // All but what has been fetched with the names.
        let results: Vec<_> =
            (0..6).map(|number| (number, std::fs::read(mount.path(format!("sub/file-{number}"))))).collect();
        assert!(begun.elapsed() < LIMIT, "{act:?}: {:?}", begun.elapsed());
        let mut errors = 0;
        for (number, result) in results {
            match result {
                Ok(bytes) => assert!(bytes == sandbox.read(format!("tree/sub/file-{number}")), "{act:?}: a wrong byte"),
                Err(error) => {
                    assert_eq!(error.raw_os_error(), Some(rustix::io::Errno::IO.raw_os_error()), "{act:?}: {error}");
                    errors += 1;
                }
            }
        }
        assert!(errors >= 3, "{act:?}: {errors}");
        let told = mount.unmount();
        assert!(
            told.stderr.contains(expected) && told.stderr.contains("Failed to read at offset"),
            "{act:?}: {told:?}"
        );
        told.success();
    }
}
