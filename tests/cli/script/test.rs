//! Runs the cases of files against one of the two programs and compares.
//!
//! With `CASYNC_TESTS_BLESS=1` the files take over what this program answers, `CASYNC_TESTS_BLESS=upstream` what the C
//! casync does; look at the difference before you commit it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use casync_tests::tool;

use super::parse::parse;
use super::render::{compared, render};
use super::{Answer, Case, Stage, State};

/// A file of cases.
#[derive(Debug)]
pub(crate) struct Script {
    path: PathBuf,
    /// Cases that are not run.
    skipped: fn(&Case) -> bool,
    /// Whether each case has a directory of its own.
    apart: bool,
    pub(crate) cases: Vec<Case>,
}

impl Script {
    /// Reads a file in `tests/cli`.
    pub(crate) fn read(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("cli").join(name);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let cases = parse(name, &text);
        assert!(!cases.is_empty(), "{name} has no cases");
        let script = Self { path, skipped: |_| false, apart: false, cases };
        if bless().is_none() {
            assert_eq!(render(&script.cases), text, "{name} is not in the form that CASYNC_TESTS_BLESS=1 gives it");
        }
        script
    }

    /// The same for cases that do not build on one another: each is run in a directory of its own, with the files of
    /// `parity/prelude.sh` besides the fixture.
    pub(crate) fn read_apart(name: &str) -> Self {
        Self { apart: true, ..Self::read(name) }
    }

    fn write(&self) {
        std::fs::write(&self.path, render(&self.cases)).expect("a file of this package");
    }
}

fn bless() -> Option<String> {
    std::env::var("CASYNC_TESTS_BLESS").ok()
}

/// Runs this program; scripts go on where the one before has ended.
pub(crate) fn test_ours(mut scripts: Vec<Script>) {
    let blessing = bless().is_some();
    if bless().is_some_and(|what| what == "upstream") {
        return;
    }
    tell_what_comes_later(&scripts);
    test(&mut scripts, tool::ours(), blessing, |case, answer| {
        if blessing {
            case.ours = answer.clone();
        }
        let is_same = case.upstream.as_ref().map(|upstream| case.ours.only_adds_detail_to(upstream));
        match (&case.state, is_same) {
            _ if answer.stderr.iter().any(|line| line.contains("panicked at")) => Some(answer.stderr.join("\n")),
            _ if case.ours != *answer => Some(difference(&case.ours, answer)),
            (State::Same, Some(false)) => Some("this is not the same: why does it differ?".to_owned()),
            (State::Differs(_), Some(true)) => Some("this does not differ: the state is `same`".to_owned()),
            (State::Later(what), Some(true)) => Some(format!("{what} is there now: the state is `same`")),
            _ => None,
        }
    });
}

/// Counts, past the capture of the test runner, what this program lacks.
fn tell_what_comes_later(scripts: &[Script]) {
    let mut counts = BTreeMap::<&str, usize>::new();
    for case in scripts.iter().flat_map(|script| &script.cases) {
        if let State::Later(what) = &case.state {
            *counts.entry(what).or_default() += 1;
        }
    }
    for (what, count) in counts {
        let _ = writeln!(std::io::stderr(), "LATER {what}: {count} cases");
    }
}

/// Runs the C casync.
pub(crate) fn test_upstream(mut scripts: Vec<Script>) {
    let Some(upstream) = tool::upstream() else { return };
    let is_packaged = is_packaged(upstream);
    let blessing = bless().is_some();
    if bless().is_some_and(|what| what == "1") {
        return;
    }
    for script in &mut scripts {
        // It could do anything there, such as not to end.
        script.skipped = |case| case.state == State::Ours;
    }
    test(&mut scripts, upstream, blessing, |case, answer| {
        let expected = case.packaged.as_mut().filter(|_| is_packaged).or(case.upstream.as_mut())?;
        if blessing {
            expected.clone_from(answer);
        }
        (expected != answer).then(|| difference(expected, answer))
    });
}

/// Whether this is the version of 2020 that distributions have; the main branch prints the same version.
fn is_packaged(upstream: &Path) -> bool {
    let help = std::process::Command::new(upstream).arg("--help").output().expect("it has run before").stdout;
    String::from_utf8_lossy(&help).lines().any(|line| line.ends_with("|DIRECTORY]"))
}

fn test(
    scripts: &mut [Script],
    program: &Path,
    blessing: bool,
    mut check: impl FnMut(&mut Case, &Answer) -> Option<String>,
) {
    let Some(stage) = Stage::new(program) else { return };
    if scripts.iter().any(|script| script.apart) {
        stage.prepare(concat!(env!("CARGO_MANIFEST_DIR"), "/cli/parity/prelude.sh"));
    }
    let mut failures = Vec::new();
    for script in &mut *scripts {
        let apart = script.apart;
        for case in script.cases.iter_mut().filter(|case| !(script.skipped)(case)) {
            let answer = if apart { stage.run_apart(&case.command) } else { stage.run(&case.command) };
            if let Some(why) = check(case, &answer) {
                let file = script.path.file_name().unwrap_or_default().to_string_lossy();
                failures.push(format!("{file}: == {}\n$ {}\n{why}\n", case.name, case.command));
            }
        }
    }
    if blessing {
        scripts.iter().for_each(Script::write);
    }
    let count = failures.len();
    assert!(
        failures.is_empty(),
        "{count} answers are not as expected (-: expected, +: found)\n\n{}",
        failures.join("\n")
    );
}

fn difference(expected: &Answer, found: &Answer) -> String {
    compared(expected, found).join("\n")
}
