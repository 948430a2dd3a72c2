//! The completions, in the shells themselves.

use casync_tests::running::within;
use casync_tests::sandbox::Sandbox;

use crate::{docs, tool};

/// Runs a script in a shell that sees nothing of anybody's configuration; returns what it prints.
fn run(sandbox: &Sandbox, shell: &str, args: &[&str], script: &str) -> String {
    let mut command = sandbox.command(shell);
    command.env("HOME", sandbox.path("")).env("TERM", "dumb");
    let outcome = within(command.args(args).args(["-c", script]));
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""), "{}", outcome.text());
    outcome.text()
}

/// What bash offers for the last of these words; it parts them at `=`.
const BASH: &str = r#"
    set -eu
    source prefix/share/bash-completion/completions/casync
    [[ $(complete -p casync) == *' -F _casync casync' ]]
    offer() {
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
        _casync casync "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
        echo "${COMPREPLY[*]}"
    }
    offer casync m
    offer casync make --chunk
    offer casync --verbose gc --gr
    offer casync make --what = ar
    offer casync make --compression =
    offer casync make --digest sha5
"#;

#[test]
fn bash_completes() {
    let Some(_) = tool("bash") else { return };
    let sandbox = docs();
    let offered = run(&sandbox, "bash", &["--norc", "--noprofile"], BASH);
    let lines: Vec<&str> = offered.lines().collect();
    let expected =
        ["make mtree mount mkdev", "--chunk-size", "--grace", "archive archive-index", "zstd xz gzip", "sha512-256"];
    assert_eq!(lines, expected);
}

#[test]
fn fish_completes() {
    let Some(_) = tool("fish") else { return };
    let sandbox = docs();
    // Each offer comes with its explanation behind a tab.
    let offers = |line: &str| {
        let source = "source prefix/share/fish/vendor_completions.d/casync.fish";
        let offered = run(&sandbox, "fish", &["--no-config"], &format!("{source}; complete --do-complete '{line}'"));
        offered.lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(offers("casync m"), ["make", "mkdev", "mount", "mtree"]);
    assert_eq!(offers("casync make --chunk"), ["--chunk-size"]);
    assert_eq!(offers("casync gc --gr"), ["--grace"]);
    assert_eq!(offers("casync make --what=ar"), ["--what=archive", "--what=archive-index"]);
}

/// Types into a shell on a terminal, and waits until it has completed what was typed: it cannot be asked otherwise.
const ZSH: &str = r"
    zmodload zsh/zpty
    zpty shell zsh -f -i
    zpty -w shell 'PS1=; fpath=($PWD/prefix/share/zsh/site-functions $fpath); autoload -U compinit; compinit -u -d dump'
    zpty -w shell 'print -r -- ready:$_comps[casync]'
    zpty -r shell output '*ready:_casync*'
    complete() {
        zpty -w -n shell $1$'\t'
        zpty -r shell output $2
        zpty -w -n shell $'\C-u'
        print -r -- ok $2
    }
    complete 'casync mtr' '*casync mtree *'
    complete 'casync make --chunk' '*casync make --chunk-size=*'
    complete 'casync make --compression=x' '*casync make --compression=xz*'
    complete 'casync gc --gra' '*casync gc --grace=*'
    zpty -d shell
";

#[test]
fn zsh_completes() {
    let Some(_) = tool("zsh") else { return };
    let sandbox = docs();
    let done = run(&sandbox, "zsh", &["-f"], ZSH);
    assert_eq!(done.lines().filter(|line| line.starts_with("ok ")).count(), 4, "{done}");
}
