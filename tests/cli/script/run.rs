//! Where command lines run: a directory with the fixture, and one of the two programs under the name `casync`.

use std::path::Path;
use std::process::Command;

use casync_tests::sandbox::Sandbox;
use casync_tests::skip::skip;
use casync_tests::tool::which;

use super::Answer;

/// Prints what there is: paths, modes, and sizes of files. Chunks are left out.
const LISTING: &str = r"find . -not -regex '.*/[0-9a-f][0-9a-f][0-9a-f][0-9a-f]\(/.*\)?' \( -type d -printf '%p %m\n' -o -printf '%p %m %s\n' \) | LC_ALL=C sort";

/// Longer than any command takes, even where the machine is busy; one that is killed then has hung.
const SECONDS: &str = "60";

/// A directory in which commands run one after the other.
#[derive(Debug)]
pub(crate) struct Stage {
    sandbox: Sandbox,
}

impl Stage {
    /// A fresh fixture. `None` if this machine cannot have it; the skip has been told by then.
    pub(crate) fn new(program: &Path) -> Option<Self> {
        if let Some(missing) = missing() {
            skip(&missing);
            return None;
        }
        let sandbox = Sandbox::new();
        std::fs::create_dir(sandbox.path("bin")).expect("the sandbox is empty");
        std::fs::create_dir(sandbox.path("stage")).expect("the sandbox is empty");
        std::os::unix::fs::symlink(program, sandbox.path("bin/casync")).expect("the directory is empty");
        let stage = Self { sandbox };
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/cli/fixture.sh");
        let made = stage.command("sh").arg(script).output().expect("there is a shell");
        assert!(made.status.success(), "fixture.sh: {}", String::from_utf8_lossy(&made.stderr));
        Some(stage)
    }

    /// Runs a command line.
    pub(crate) fn run(&self, line: &str) -> Answer {
        let mut command = self.command("bash");
        // Programs that abort leave no core among the files of the next command.
        let script = r#"ulimit -c 0; exec timeout --signal=KILL "$1" bash -c "$2""#;
        command.args(["-c", script, "bash", SECONDS, line]);
        Answer::of(&command.output().unwrap_or_else(|error| panic!("{line}: {error}")))
    }

    /// Runs what each of the cases that are run apart finds besides the fixture.
    pub(crate) fn prepare(&self, script: &str) {
        let listing = format!("sh {script} && {LISTING} > ../listing");
        let made = self.command("bash").args(["-c", &listing]).output().expect("there is a shell");
        assert!(made.status.success(), "{script}: {}", String::from_utf8_lossy(&made.stderr));
    }

    /// Runs a command line in a copy of the directory; what it has made or changed there is told behind its output.
    pub(crate) fn run_apart(&self, line: &str) -> Answer {
        let script = format!(
            r#"ulimit -c 0; rm -rf ../apart; cp -a . ../apart; cd ../apart; timeout --signal=KILL "$1" bash -c "$2"
            status=$?; {LISTING} | LC_ALL=C comm -13 ../listing - | sed 's/^/made: /'; exit $status"#
        );
        let mut command = self.command("bash");
        command.args(["-c", &script, "bash", SECONDS, line]);
        Answer::of(&command.output().unwrap_or_else(|error| panic!("{line}: {error}")))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = self.sandbox.command(program);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(self.sandbox.path("bin")).chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(paths).expect("paths were joined before"));
        // Tools in the commands must not quote by locale.
        command.env("LC_ALL", "C").current_dir(self.sandbox.path("stage"));
        command
    }
}

/// Why this machine cannot run the commands.
fn missing() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("the fixture has devices, foreign owners and capabilities: only root can make it".to_owned());
    }
    let tools = ["bash", "cmp", "getfacl", "setfacl", "setfattr", "setcap", "getcap", "seq", "timeout"];
    if let Some(tool) = tools.into_iter().find(|tool| which(tool).is_none()) {
        return Some(format!("the fixture takes {tool}, which is not installed"));
    }
    let directory = std::env::temp_dir();
    let magic = rustix::fs::statfs(&directory).expect("there is a temporary directory").f_type;
    // On other file systems some lines of the answers are others.
    (magic != 0xef53).then(|| format!("{} is not on ext4: TMPDIR can name a directory that is", directory.display()))
}
