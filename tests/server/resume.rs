//! Extractions that are interrupted, and go on.

use std::path::Path;

use casync_tests::running::Running;
use casync_tests::sandbox::Sandbox;
use casync_tests::serving::Serving;
use casync_tests::store;
use casync_tests::tool::ours;
use rustix::process::Signal;

use crate::http::Client;
use crate::{ALL, SIZES, chunks, scene};

fn sent(serving: &Serving) -> usize {
    let text = Client::new(serving.address()).get("/metrics").text();
    let line = text.lines().find_map(|line| line.strip_prefix("casync_chunks_found_total "));
    line.expect("a number").parse().expect("a number")
}

/// Starts a slow extraction, and ends it in the middle by a signal. With little memory little is fetched ahead, so that what was
/// sent is in its place soon.
fn interrupt(sandbox: &Sandbox, serving: &Serving, args: &[&str], signal: Signal, chunks: usize) {
    let before = sent(serving);
    let mut command = sandbox.command(ours());
    let running = Running::start(command.args(["--rate-limit-bps=300K", "--memory=1M"]).args(args));
    running.until("some chunks", || sent(serving) - before > chunks);
    running.signal(signal);
    let outcome = running.finish();
    assert!(outcome.status != Some(0), "it was to be interrupted");
}

#[test]
fn a_file_with_resume() {
    let sandbox = scene(3_000_000);
    let serving = Serving::start(&sandbox, ALL);
    let index = serving.at("blob.caibx");
    let number = chunks(&sandbox).len();
    let extract = ["extract", "--resume", &index, "out"];
    for signal in [Signal::TERM, Signal::KILL] {
        interrupt(&sandbox, &serving, &extract, signal, number / 3);
        assert!(sandbox.path(".#out.part").exists() && !sandbox.path("out").exists(), "{signal:?}");
    }
    // What was torn is noticed.
    store::damage(&sandbox.path(".#out.part"));
    let before = sent(&serving);
    sandbox.casync(extract).success();
    assert!(sandbox.read("out") == sandbox.read("blob"));
    assert!(!sandbox.path(".#out.part").exists());
    let fetched = sent(&serving) - before;
    assert!(fetched < number * 3 / 4, "{fetched} of {number} chunks were fetched again");
}

#[test]
fn without_resume_nothing_stays() {
    let sandbox = scene(3_000_000);
    let serving = Serving::start(&sandbox, ALL);
    let before = sandbox.names(".");
    interrupt(&sandbox, &serving, &["extract", &serving.at("blob.caibx"), "out"], Signal::TERM, 10);
    assert_eq!(sandbox.names("."), before);
}

#[test]
fn files_of_others_are_not_gone_on_with() {
    let sandbox = scene(100_000);
    sandbox.write("victim", "precious");
    let resume = || sandbox.casync(["extract", "--resume", "srv/blob.caibx", "out"]);
    std::os::unix::fs::symlink("victim", sandbox.path(".#out.part")).unwrap();
    resume().failure();
    std::fs::remove_file(sandbox.path(".#out.part")).unwrap();
    std::fs::hard_link(sandbox.path("victim"), sandbox.path(".#out.part")).unwrap();
    assert!(resume().failure().contains("is not what this program left"));
    assert_eq!(sandbox.read("victim"), b"precious");
    std::fs::remove_file(sandbox.path(".#out.part")).unwrap();
    // Something longer that has nothing to do with it does no harm.
    sandbox.write(".#out.part", vec![7; 200_000]);
    resume().success();
    assert!(sandbox.read("out") == sandbox.read("blob"));
}

#[test]
fn a_tree_goes_on_from_the_files_that_are_complete() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("srv")).unwrap();
    for number in 0..60_u64 {
        sandbox.write(format!("tree/{number:02}"), casync_tests::random::Rng::new(number).bytes(50_000));
    }
    sandbox.casync([SIZES, "make", "srv/tree.caidx", "tree"]).success();
    let serving = Serving::start(&sandbox, ALL);
    let number = chunks(&sandbox).len();
    let index = serving.at("tree.caidx");
    interrupt(&sandbox, &serving, &["extract", &index, "out"], Signal::KILL, number / 2);
    let files = complete(&sandbox.path("out"));
    let before = sent(&serving);
    sandbox.casync(["extract", &index, "out"]).success();
    let fetched = sent(&serving) - before;
    assert!(fetched < number, "{fetched} of {number} chunks were fetched again, {files} files were there");
    for number in 0..60 {
        assert!(sandbox.read(format!("out/{number:02}")) == sandbox.read(format!("tree/{number:02}")));
    }
    assert_eq!(sandbox.names("out").len(), 60);
}

fn complete(tree: &Path) -> usize {
    let names = std::fs::read_dir(tree).map(|entries| entries.flatten().collect::<Vec<_>>()).unwrap_or_default();
    names.iter().filter(|entry| !entry.file_name().to_string_lossy().starts_with('.')).count()
}
