//! Standard streams that are closed, full, or that nobody reads.

use casync_tests::running::within;

use crate::scene::Scene;

/// What prints or writes its result to standard output.
const PRINTING: [&str; 8] = [
    "list x.catar",
    "mtree x.caidx",
    "stat x.catar",
    "digest x.catar",
    "make new.catar tree",
    "make --what=archive - tree",
    "make --what=blob-index - blob",
    "help",
];

#[test]
fn a_full_standard_output_is_an_error() {
    let scene = Scene::new();
    for arguments in PRINTING {
        let outcome = within(&mut scene.script(&format!("exec \"$casync\" {arguments} >/dev/full")));
        scene.assert_failed(outcome, &["No space left on device"]);
    }
}

/// Files that are opened later must not be taken for it: nothing else is hit.
#[test]
fn a_closed_standard_output_is_an_error_and_does_no_harm() {
    let scene = Scene::new();
    let before = scene.snapshot("tree");
    for arguments in PRINTING.into_iter().chain(["extract x.caibx -"]) {
        let outcome = within(&mut scene.script(&format!("exec \"$casync\" {arguments} >&-")));
        scene.assert_failed(outcome, &["Bad file descriptor"]);
    }
    scene.casync(["extract", "new.catar", "out"]).success();
    scene.assert_same("out", "tree");
    assert!(scene.snapshot("tree") == before);
}

/// Somebody who has read enough is no error where text is printed; bytes that nobody takes are one.
#[test]
fn a_reader_that_goes_away_ends_the_program() {
    let scene = Scene::new();
    for arguments in PRINTING.into_iter().chain(["extract x.caibx -"]) {
        // The reader is gone before the program starts.
        let program = format!("{{ read -r now; \"$casync\" {arguments}; echo $? >status; }} <go 2>errors");
        let reader = "{ exec <&-; echo now >go; }";
        let script = format!("rm -f go; mkfifo go; {program} | {reader}; cat errors >&2; exit $(cat status)");
        let outcome = within(&mut scene.script(&script));
        if arguments.contains(" - ") || arguments.ends_with(" -") {
            scene.assert_failed(outcome, &["Broken pipe"]);
        } else {
            assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""), "{arguments}");
            scene.assert_tidy();
        }
    }
}

#[test]
fn closed_standard_input_and_error_do_no_harm() {
    let scene = Scene::new();
    for closed in ["<&-", "2>&-", "<&- 2>&-"] {
        for arguments in ["make new.caidx tree", "extract x.caibx new.img", "extract x.caidx out", "list x.catar"] {
            within(&mut scene.script(&format!("exec \"$casync\" {arguments} {closed}"))).success();
        }
        // No file has become one of the standard streams and got messages in it.
        assert!(scene.0.read("new.img") == scene.0.read("blob"), "{closed}");
        scene.assert_same("out", "tree");
        scene.assert_tidy();
    }
    for arguments in ["list --what=archive -", "extract --what=archive - out2", "make new.caibx -"] {
        let outcome = within(&mut scene.script(&format!("exec \"$casync\" {arguments} <&-")));
        assert_ne!(outcome.status, Some(0), "{arguments}");
        scene.assert_failed(outcome, &[]);
    }
}

#[test]
fn errors_that_nobody_can_read_are_still_errors() {
    let scene = Scene::new();
    for lost in ["2>&-", "2>/dev/full"] {
        let outcome = within(&mut scene.script(&format!("exec \"$casync\" extract none.catar out {lost}")));
        scene.assert_failed(outcome, &[]);
    }
}
