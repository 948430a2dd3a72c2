//! One row for each kind of failure, in `kinds/*.txt`, with all that is said about it.
//!
//! ```text
//! == a chunk that is missing
//! same
//! ? rm -r default.castr/*
//! $ casync extract x.caibx old.img
//! Failed to run synchronizer: No such file or directory
//!   extract to "old.img": chunk 0 at offset 0 of the stream: ...
//! hint: name the store that holds it with --store= or --extra-store=
//! ```
//!
//! A row has a name; `same` if the C casync says the first line as well, or `other: WHY`; `? ` what happens before, for
//! bash; `$ ` the command; `+ ` paths that are there afterwards and were not before; `> ` what it prints; and the message. The
//! program always ends with status 1, and changes nothing else: not an older output, and no temporary file is left.
//!
//! `$site` is a web server that has the same files, and below `404`, `403`, `500`, `silent`, `corrupt`, `short` and `long` answers
//! so; `$tls` is `casync serve` with a certificate that nobody trusts. Messages show these names in the place of addresses.
//!
//! Each row starts from the same directory: `tree`, `blob`, what casync makes of these, and older outputs, `old` and
//! `old.img`. With `CASYNC_TESTS_BLESS=1` the rows take over what the program answers; look at the difference.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use casync_tests::input;
use casync_tests::mount::is_root;
use casync_tests::nginx;
use casync_tests::running::within;
use casync_tests::sandbox::{Outcome, Sandbox};
use casync_tests::serving::Serving;
use casync_tests::skip;
use casync_tests::tool::{ours, upstream};
use casync_tests::web::{Act, Request, Web};

use crate::scene::snapshot_of;

/// How many kinds there are at least.
const LEAST: usize = 60;

/// What commands of the rows use besides casync.
const PRELUDE: &str = include_str!("kinds/prelude.sh");

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Row {
    name: String,
    state: String,
    setup: Vec<String>,
    command: String,
    made: Vec<String>,
    message: String,
}

/// A file of rows.
struct Table {
    path: PathBuf,
    rows: Vec<Row>,
}

impl Table {
    fn all() -> Vec<Self> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("faults/kinds");
        let files = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
        let mut paths: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|it| it == "txt")).collect();
        paths.sort();
        paths.into_iter().map(Self::read).collect()
    }

    fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap();
        let rows: Vec<Row> = text.split("\n\n").filter(|block| !block.trim().is_empty()).map(Row::parse).collect();
        if !blessing() {
            assert_eq!(rows.iter().map(Row::render).collect::<Vec<_>>().join("\n"), text, "{}", path.display());
        }
        Self { path, rows }
    }
}

impl Row {
    fn parse(block: &str) -> Self {
        let mut row = Self::default();
        let mut lines = block.trim_matches('\n').lines();
        row.name = lines.next().and_then(|line| line.strip_prefix("== ")).expect(block).to_owned();
        row.state = lines.next().expect(block).to_owned();
        assert!(row.state == "same" || row.state.starts_with("other: "), "{block}");
        for line in lines {
            match line.split_at_checked(2) {
                Some(("? ", setup)) if row.command.is_empty() => row.setup.push(setup.to_owned()),
                Some(("$ ", command)) if row.command.is_empty() => command.clone_into(&mut row.command),
                Some(("+ ", made)) if row.message.is_empty() => row.made.push(made.to_owned()),
                _ => writeln!(row.message, "{line}").unwrap(),
            }
        }
        assert!(!row.command.is_empty(), "{block}");
        row
    }

    fn render(&self) -> String {
        let mut text = format!("== {}\n{}\n", self.name, self.state);
        self.setup.iter().for_each(|setup| writeln!(text, "? {setup}").unwrap());
        writeln!(text, "$ {}", self.command).unwrap();
        self.made.iter().for_each(|made| writeln!(text, "+ {made}").unwrap());
        text + &self.message
    }

    /// Whether it takes other users, devices or mounts.
    fn is_for_root(&self) -> bool {
        let lines = self.setup.iter().chain([&self.command]);
        lines
            .flat_map(|line| line.split_whitespace())
            .any(|word| matches!(word, "nobody" | "on_small" | "mknod" | "chown" | "loop_device"))
    }
}

fn blessing() -> bool {
    std::env::var_os("CASYNC_TESTS_BLESS").is_some()
}

/// The directory that all rows start from, a program beside it, and servers.
struct Stage {
    // They go before the files that they serve.
    site: Web,
    tls: Serving,
    sandbox: Sandbox,
}

/// What is wrong with the site is told by the first part of the path.
fn misbehave(request: &Request) -> Act {
    let part = request.path.split('/').nth(1).unwrap_or_default();
    match part {
        "404" => Act::Status(404, ""),
        "403" => Act::Status(403, ""),
        "500" => Act::Status(500, ""),
        "silent" => Act::StallAfter(0),
        "corrupt" if request.is_for_chunk() => Act::Corrupt(100),
        "short" if request.is_for_chunk() => Act::CutAfter(100),
        "long" if request.is_for_chunk() => Act::Overstate(100),
        _ => Act::Serve,
    }
}

impl Stage {
    fn new(program: &Path) -> Self {
        let sandbox = Sandbox::new();
        sandbox.write("start/tree/large", input::prng("large", 300_000));
        sandbox.write("start/tree/below/text", input::text(100_000));
        sandbox.write("start/tree/small", b"small");
        sandbox.write("start/blob", input::prng("blob", 500_000));
        sandbox.write("start/old/keep", b"what was there");
        sandbox.write("start/old.img", b"the old image");
        sandbox.write("bin/casync", fs::read(program).unwrap());
        nginx::certificates(&sandbox);
        for name in ["good", "404", "403", "500", "silent", "corrupt", "short", "long"] {
            fs::create_dir_all(sandbox.path("www")).unwrap();
            std::os::unix::fs::symlink("../start", sandbox.path(format!("www/{name}"))).unwrap();
        }
        // What is served comes later.
        fs::create_dir(sandbox.path("start/default.castr")).unwrap();
        let site = Web::with(sandbox.path("www"), misbehave);
        let certificate = ["--tls-certificate=server.pem", "--tls-key=server.key", "--store=start/default.castr"];
        let tls = Serving::start(&sandbox, certificate.into_iter().chain(["--index-dir=start"]));
        let stage = Self { site, tls, sandbox };
        // Times and modes are in the archives, and digests of these in the messages.
        let script = "chmod 755 . start bin bin/casync; cd start; chmod -R u=rwX,go=rX tree old blob old.img
            find tree blob -exec touch --no-dereference --date=2021-02-03T04:05:06Z {} +
            for made in x.catar x.caidx; do casync make --without=privileged $made tree; done; casync make x.caibx blob";
        let made = within(&mut stage.bash("", script));
        assert_eq!((made.status, made.stderr.as_str()), (Some(0), ""));
        stage
    }

    /// A fresh copy of the directory, in which something has happened.
    fn enter(&self, row: &Row) {
        let _ = within(&mut self.bash("", "chmod -R u+rwX here; rm -rf here; cp --archive start here"));
        for setup in &row.setup {
            let done = within(&mut self.bash("here", setup));
            assert_eq!(done.status, Some(0), "{}: {}", row.name, done.stderr);
        }
    }

    fn bash(&self, directory: &str, script: &str) -> Command {
        let mut bash = self.sandbox.command("bash");
        let path = format!("{}:{}", self.sandbox.path("bin").display(), std::env::var("PATH").unwrap());
        bash.current_dir(self.sandbox.path(directory)).env("PATH", path).env("LC_ALL", "C");
        bash.env("site", self.site.url("").trim_end_matches('/')).env("tls", self.tls.at("").trim_end_matches('/'));
        bash.args(["-c", &format!("{PRELUDE}\n{script}")]);
        bash
    }

    fn run(&self, row: &Row) -> Outcome {
        let mut outcome = within(&mut self.bash("here", &row.command));
        let address = self.tls.address();
        outcome.stderr = outcome
            .stderr
            .replace(&self.site.address().to_string(), "SITE")
            .replace(&format!("localhost:{}", address.port()), "TLS")
            .replace(&address.to_string(), "TLS")
            // Without a network it cannot be told from a server of names that does not answer.
            .replace("Temporary failure in name resolution", "Name or service not known");
        outcome
    }
}

/// What is wrong with an answer, or nothing.
fn judge(stage: &Stage, row: &Row, found: &mut Row) -> Option<String> {
    let here = stage.sandbox.path("here");
    let before = snapshot_of(&here);
    let outcome = stage.run(row);
    let mut after = snapshot_of(&here);
    found.message = outcome.text().lines().map(|line| format!("> {line}\n")).collect::<String>() + &outcome.stderr;
    let known: BTreeSet<_> = before.keys().cloned().collect();
    let new = after.keys().filter(|path| !known.contains(*path)).cloned().collect::<Vec<_>>();
    found.made = new.iter().map(|path| path.strip_prefix(&here).unwrap().display().to_string()).collect();
    after.retain(|path, _| known.contains(path));
    // What is new in a directory changes nothing of that itself: times are not looked at.
    if after != before {
        return Some(format!("something has changed: {:?}", outcome.stderr));
    }
    if outcome.status != Some(1) || outcome.stderr.contains("panicked") {
        return Some(format!("{outcome:?}"));
    }
    (found != row).then(|| format!("expected:\n{}found:\n{}", row.render(), found.render()))
}

#[test]
fn each_is_told_as_it_should_be() {
    let mut tables = Table::all();
    let names: Vec<&str> = tables.iter().flat_map(|table| &table.rows).map(|row| row.name.as_str()).collect();
    let distinct: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(names.len(), distinct.len(), "two rows have one name");
    assert!(distinct.len() >= LEAST, "{} kinds", distinct.len());
    let stage = Stage::new(ours());
    let mut wrong = Vec::new();
    for table in &mut tables {
        for row in &mut table.rows {
            if row.is_for_root() && !is_root() {
                skip::skip(&format!("only root can do what is needed for: {}", row.name));
                continue;
            }
            stage.enter(row);
            let mut found = row.clone();
            if let Some(what) = judge(&stage, row, &mut found) {
                wrong.push(format!("== {}\n{what}\n", row.name));
                *row = found;
            }
        }
        if blessing() {
            fs::write(&table.path, table.rows.iter().map(Row::render).collect::<Vec<_>>().join("\n")).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{} rows are not as expected\n\n{}", wrong.len(), wrong.join("\n"));
}

/// What scripts may look for in messages of the C casync, they find in those of this one.
#[test]
fn the_first_line_is_that_of_the_c_casync() {
    let Some(upstream) = upstream() else { return };
    let stage = Stage::new(upstream);
    let mut wrong = Vec::new();
    for row in Table::all().iter().flat_map(|table| &table.rows).filter(|row| row.state == "same") {
        if row.is_for_root() && !is_root() {
            continue;
        }
        stage.enter(row);
        let outcome = stage.run(row);
        let first = row.message.lines().next().unwrap_or_default();
        // It may tell of other things before, and sometimes the system's error is missing behind the colon.
        let is_first = |line: &str| line == first || (line.ends_with(": ") && first.starts_with(line));
        if outcome.status != Some(1) || !outcome.stderr.lines().any(is_first) {
            wrong.push(format!("== {}\n{first}\nstatus {:?}: {}", row.name, outcome.status, outcome.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
