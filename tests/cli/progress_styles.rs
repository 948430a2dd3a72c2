//! `--progress=`: lines for people and for programs, on pipes and terminals.

use std::io::Read as _;
use std::process::Stdio;

use casync_tests::sandbox::Sandbox;
use casync_tests::tool::ours;
use serde_json::Value;

use crate::progress::terminal;

/// Bytes of the blob that all these tests work on.
const SIZE: usize = 3_000_000;

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let bytes: Vec<u8> =
        (0..SIZE as u64 / 8).flat_map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()).collect();
    sandbox.write("blob", bytes);
    sandbox
}

/// What a run writes to standard error, when that is a pipe.
fn piped(sandbox: &Sandbox, args: &[&str]) -> String {
    let outcome = sandbox.casync(args);
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    outcome.stderr
}

/// The same on a terminal.
fn shown(sandbox: &Sandbox, args: &[&str]) -> String {
    let (mut screen, theirs) = terminal();
    let mut command = sandbox.command(ours());
    command.env("TERM", "xterm").args(args).stdout(Stdio::null()).stderr(theirs);
    let mut child = command.spawn().expect("the program runs");
    // The other end is the program's alone.
    drop(command);
    let (mut text, mut piece) = (Vec::new(), [0; 1024]);
    while let Ok(count @ 1..) = screen.read(&mut piece) {
        text.extend_from_slice(&piece[..count]);
    }
    assert!(child.wait().expect("it ends").success());
    String::from_utf8(text).expect("it writes UTF-8").replace("\r\n", "\n")
}

fn chunks(sandbox: &Sandbox) -> usize {
    let below = |directory: String| sandbox.names(format!("default.castr/{directory}")).len();
    sandbox.names("default.castr").into_iter().map(below).sum()
}

/// The one line that a short run has.
fn is_plain(text: &str, stage: &str, chunks: &str) {
    let start = format!("{stage}: 2.8M of 2.8M (100%), {chunks}, ");
    assert!(text.starts_with(&start) && text.contains("/s, ended after ") && text.lines().count() == 1, "{text}");
}

#[test]
fn plain_is_a_line_at_the_end() {
    let sandbox = sandbox();
    let text = piped(&sandbox, &["--progress=plain", "make", "blob.caibx", "blob"]);
    let count = chunks(&sandbox);
    is_plain(&text, "make", &format!("{count} chunks new, 0 reused"));
    let text = shown(&sandbox, &["--progress=plain", "make", "blob.caibx", "blob"]);
    is_plain(&text, "make", &format!("0 chunks new, {count} reused"));
    let text = piped(&sandbox, &["--progress=plain", "extract", "blob.caibx", "out"]);
    is_plain(&text, "extract", &format!("{count} chunks new, 0 reused"));
}

#[test]
fn a_bar_without_a_terminal_is_plain() {
    let sandbox = sandbox();
    let text = piped(&sandbox, &["--progress=bar", "make", "blob.caibx", "blob"]);
    is_plain(&text, "make", &format!("{} chunks new, 0 reused", chunks(&sandbox)));
}

#[test]
fn json_is_an_object_a_line() {
    let sandbox = sandbox();
    let json = |text: String| -> Vec<Value> {
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
    };
    for text in [
        piped(&sandbox, &["--progress=json", "make", "blob.caibx", "blob"]),
        shown(&sandbox, &["--progress=json", "--store=other.castr", "make", "blob.caibx", "blob"]),
    ] {
        let lines = json(text);
        assert!(lines.len() >= 2, "{lines:?}");
        for line in &lines {
            assert_eq!((&line["type"], &line["stage"]), (&"progress".into(), &"make".into()));
            assert_eq!(line["total"], SIZE);
        }
        let (first, last) = (&lines[0], &lines[lines.len() - 1]);
        assert_eq!((&first["ended"], &last["ended"]), (&false.into(), &true.into()));
        assert_eq!((&first["seconds"], &last["bytes"]), (&0.0.into(), &SIZE.into()));
        assert_eq!((&last["chunks_new"], &last["chunks_reused"]), (&chunks(&sandbox).into(), &0.into()));
        assert!(lines.is_sorted_by_key(|line| line["bytes"].as_u64()), "{lines:?}");
    }
}

#[test]
fn lines_do_not_depend_on_the_log_level() {
    let sandbox = sandbox();
    assert!(
        piped(&sandbox, &["--log-level=err", "--progress=json", "make", "blob.caibx", "blob"])
            .contains("\"ended\":true")
    );
}

#[test]
fn none_is_nothing() {
    let sandbox = sandbox();
    assert_eq!(piped(&sandbox, &["--progress=none", "make", "blob.caibx", "blob"]), "");
    assert_eq!(shown(&sandbox, &["--progress=none", "make", "blob.caibx", "blob"]), "");
    assert_eq!(piped(&sandbox, &["--progress=auto", "make", "blob.caibx", "blob"]), "");
}

#[test]
fn other_styles_are_refused() {
    let refused = Sandbox::new().casync(["--progress=fancy", "list"]).failure();
    assert_eq!(refused, "Failed to parse --progress= parameter: fancy\n");
}
