//! The README's tour, run from its own text: what it shows is what the program prints.

use std::collections::BTreeSet;
use std::path::Path;

use casync_tests::running::within;
use casync_tests::sandbox::Sandbox;
use casync_tests::tool::ours;

/// The fenced blocks of this language between a heading and the next one.
fn blocks(heading: &str, language: &str) -> Vec<String> {
    let readme =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).expect("it is there");
    let (_, section) = readme.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    let section = section.split("\n## ").next().expect("there is always one part");
    let fence = format!("```{language}\n");
    section.split(&fence).skip(1).map(|block| block.split("```").next().expect("it ends").to_owned()).collect()
}

/// Digests, and numbers of five digits or more, are of the owner and the time of the files as well; `...` is all there is.
fn comparable(text: &str) -> String {
    let is_hex = |word: &str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut result = String::new();
    for word in text.split_inclusive(|letter: char| !letter.is_ascii_alphanumeric()) {
        let bare = word.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric());
        let is_number = bare.len() >= 5 && bare.bytes().all(|byte| byte.is_ascii_digit());
        let shown = if is_hex(bare) {
            "DIGEST"
        } else if is_number {
            "NUMBER"
        } else {
            bare
        };
        result.push_str(shown);
        result.push_str(&word[bare.len()..]);
    }
    result
}

#[test]
fn prints_what_the_readme_shows() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("bin")).expect("the sandbox is empty");
    std::fs::create_dir(sandbox.path("tour")).expect("the sandbox is empty");
    std::os::unix::fs::symlink(ours(), sandbox.path("bin/casync")).expect("the directory is empty");
    let path = format!("{}:{}", sandbox.path("bin").display(), std::env::var("PATH").expect("there is one"));
    let mut count = 0;
    for block in blocks("## Five minutes", "console") {
        for step in block.split("$ ").skip(1) {
            let (command, expected) = step.split_once('\n').expect("a command has a line");
            let mut bash = sandbox.command("bash");
            bash.current_dir(sandbox.path("tour")).env("PATH", &path);
            bash.args(["-c", &format!("umask 022; exec 2>&1; {command}")]);
            let shown = within(&mut bash).text();
            assert_eq!(comparable(&shown), comparable(expected), "$ {command}\n{shown}");
            count += 1;
        }
    }
    assert!(count > 10, "the tour has {count} steps");
}

/// Commands that a reader has no files for are at least such as the program knows.
#[test]
fn names_verbs_and_options_that_exist() {
    let sandbox = Sandbox::new();
    let mut seen = BTreeSet::new();
    for line in blocks("## Five minutes", "sh").iter().flat_map(|block| block.lines()) {
        for words in line.split(" && ").map(|part| part.split("  #").next().expect("a part").trim()) {
            let Some(words) = words.strip_prefix("casync ") else { continue };
            let mut words = words.split_whitespace();
            let verb = words.next().expect("a verb");
            let help = String::from_utf8(sandbox.casync(["help", verb]).success()).expect("UTF-8");
            for option in words.filter(|word| word.starts_with('-') && word.len() > 1) {
                let name = option.split('=').next().expect("a name");
                assert!(help.contains(&format!("{name}=")) || help.contains(&format!("{name} ")), "{option} in {line}");
            }
            seen.insert(verb.to_owned());
        }
    }
    assert!(seen.len() > 4, "{seen:?}");
}
