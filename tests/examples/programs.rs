//! The programs: the examples, built once, and the C casync.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use casync_tests::cargo;

static EXAMPLES: LazyLock<Vec<PathBuf>> = LazyLock::new(|| {
    let mut command = cargo::cargo("build");
    // The directory of the cargo around us: most of what the examples use is built there already.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in the target directory");
    command.args(["--package", "casync-core", "--examples", "--message-format=json", "--target-dir"]).arg(target);
    cargo::programs(&cargo::run(&mut command))
});

/// What a program did.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs an example with arguments and something on its standard input.
pub(crate) fn example(name: &str, arguments: &[&str], input: &[u8]) -> Outcome {
    let program = EXAMPLES.iter().find(|path| path.file_stem().is_some_and(|stem| stem == name));
    let program = program.unwrap_or_else(|| panic!("no example {name} in {EXAMPLES:?}"));
    run(Command::new(program).args(arguments), input)
}

/// Runs the C casync, which has to succeed; returns its standard output.
pub(crate) fn casync(arguments: &[&str]) -> String {
    let outcome = run(Command::new("casync").args(arguments), &[]);
    assert!(outcome.success, "casync {arguments:?}: {}", outcome.stderr);
    outcome.stdout
}

fn run(command: &mut Command, input: &[u8]) -> Outcome {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().expect("it is a pipe");
    let Output { status, stdout, stderr } = std::thread::scope(|scope| {
        // A program that fails early does not read its input.
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().expect("the program can be waited for")
    });
    let text = |bytes| String::from_utf8(bytes).expect("programs write UTF-8");
    Outcome { success: status.success(), stdout: text(stdout), stderr: text(stderr) }
}
