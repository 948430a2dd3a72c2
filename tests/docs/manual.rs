//! The man pages.

use casync_tests::sandbox::{Outcome, Sandbox, outcome};

use crate::{docs, tool};

const PAGES: &str = "prefix/share/man/man1";

/// The verbs in the program's own usage.
fn verbs(sandbox: &Sandbox) -> Vec<String> {
    let help = String::from_utf8(sandbox.casync(["help"]).success()).expect("help is UTF-8");
    let usages = help.lines().map_while(|line| line.strip_prefix("casync [OPTIONS...] "));
    usages.map(|usage| usage.split(' ').next().expect("a verb").to_owned()).collect()
}

/// A page as man shows it.
fn rendered(sandbox: &Sandbox, page: &str) -> Outcome {
    let mut man = sandbox.command("man");
    outcome(man.env("MANWIDTH", "80").args(["--warnings", "--local-file"]).arg(sandbox.path(PAGES).join(page)))
}

#[test]
fn there_is_one_of_the_program_and_of_each_verb() {
    let sandbox = docs();
    let mut expected = vec!["casync.1".to_owned()];
    expected.extend(verbs(&sandbox).iter().map(|verb| format!("casync-{verb}.1")));
    expected.sort();
    assert!(expected.len() > 10, "{expected:?}");
    assert_eq!(sandbox.names(PAGES), expected);
}

#[test]
fn all_render_without_warnings() {
    let Some(_) = tool("man") else { return };
    let sandbox = docs();
    for page in sandbox.names(PAGES) {
        let shown = rendered(&sandbox, &page);
        assert_eq!((shown.status, shown.stderr.as_str()), (Some(0), ""), "{page}");
        let text = shown.text();
        for heading in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "ENVIRONMENT", "EXIT STATUS", "EXAMPLES"] {
            assert_eq!(text.lines().filter(|line| *line == heading).count(), 1, "{heading} of {page}:\n{text}");
        }
        let examples = text.split("\nEXAMPLES\n").nth(1).expect("it was there");
        assert!(examples.contains("\n       casync ") || examples.starts_with("       casync "), "{page}: {examples}");
    }
}

#[test]
fn a_warning_would_be_seen() {
    let Some(_) = tool("man") else { return };
    let sandbox = docs();
    let page = sandbox.path(PAGES).join("casync.1");
    let broken = [sandbox.read(&page), b".nosuchrequest\n".to_vec()].concat();
    sandbox.write(&page, broken);
    assert!(rendered(&sandbox, "casync.1").stderr.contains("nosuchrequest"));
}

#[test]
fn all_options_are_explained() {
    let sandbox = docs();
    let main = String::from_utf8(sandbox.read(format!("{PAGES}/casync.1"))).expect("UTF-8").replace('\\', "");
    for verb in verbs(&sandbox) {
        let help = String::from_utf8(sandbox.casync([&verb, "--help"]).success()).expect("help is UTF-8");
        let own = String::from_utf8(sandbox.read(format!("{PAGES}/casync-{verb}.1"))).expect("UTF-8").replace('\\', "");
        let options = help.lines().filter(|line| line.trim_start().starts_with('-'));
        let mut count = 0;
        for option in options.filter_map(|line| line.split("--").nth(1)) {
            let name = option.split(['=', ' ']).next().expect("a name");
            let header = format!("fB--{name}fR");
            assert!(main.contains(&header) != own.contains(&header), "--{name} of {verb} is on one of the two pages");
            count += 1;
        }
        assert!(count > 30, "{help}");
    }
}
