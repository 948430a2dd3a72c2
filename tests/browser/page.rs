//! The page with its sample, behind nginx, as people host it; and the scripts that look at it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use casync_tests::nginx::Nginx;
use casync_tests::sandbox::{Sandbox, outcome};
use casync_tests::skip::skip;
use casync_tests::tool::{upstream, which};

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The page behind nginx.
pub(crate) struct Page {
    pub(crate) sandbox: Sandbox,
    nginx: Nginx,
    modules: &'static Path,
    casync: &'static Path,
}

impl Page {
    /// Builds it (once) and serves it; nothing if this machine cannot.
    pub(crate) fn start() -> Option<Self> {
        let casync = upstream()?;
        for program in ["chromium", "wasm-opt", "node"] {
            if which(program).is_none() {
                skip(&format!("{program} is not installed (see tests/setup)"));
                return None;
            }
        }
        let modules = modules()?;
        let sandbox = Sandbox::new();
        outcome(Command::new("cp").arg("-r").arg(built(casync)).arg(sandbox.path("www"))).success();
        let nginx = Nginx::start(&sandbox, "include /etc/nginx/mime.types; add_header Cache-Control no-cache;")?;
        Some(Self { sandbox, nginx, modules, casync })
    }

    /// Where browsers find it.
    pub(crate) fn address(&self) -> String {
        format!("http://{}/", self.nginx.plain)
    }

    /// The page's origin.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.nginx.plain)
    }

    /// Runs a script of this directory with these settings.
    #[track_caller]
    pub(crate) fn passes(&self, script: &str, settings: &[(&str, &str)]) {
        let out = self.sandbox.path("out");
        std::fs::create_dir_all(&out).expect("a directory to write to");
        // Far more than any script takes, even on a busy machine.
        let mut node = Command::new("timeout");
        node.args(["300", "node"]).arg(root().join("tests/browser").join(script)).envs(settings.iter().copied());
        node.env("CASYNC_BASE", self.address())
            .env("CASYNC_PAGE", self.sandbox.path("www"))
            .env("CASYNC_MODULES", self.modules)
            .env("CASYNC", self.casync)
            .env("CASYNC_OUT", out);
        let outcome = outcome(&mut node);
        eprint!("{}", outcome.text());
        assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    }
}

/// The page and its sample, built when first asked for.
fn built(casync: &Path) -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
        let _ = std::fs::remove_dir_all(&directory);
        outcome(Command::new(root().join("web-demo/build")).arg(&directory)).success();
        outcome(Command::new(root().join("web-demo/sample")).arg(&directory).env("CASYNC", casync)).success();
        directory
    })
}

/// What drives the browser, from npm by the lock file beside this; nothing if it cannot be had.
fn modules() -> Option<&'static Path> {
    static MODULES: OnceLock<Option<PathBuf>> = OnceLock::new();
    MODULES.get_or_init(install).as_deref()
}

fn install() -> Option<PathBuf> {
    let here = root().join("tests/browser");
    // Kept between runs for as long as the lock file stays the same.
    let directory = root().join("target/npm/browser");
    let modules = directory.join("node_modules");
    let lock = std::fs::read(here.join("package-lock.json")).expect("the lock file");
    if std::fs::read(directory.join("package-lock.json")).ok().as_ref() == Some(&lock) && modules.exists() {
        return Some(modules);
    }
    std::fs::create_dir_all(&directory).expect("a directory for npm");
    for name in ["package.json", "package-lock.json"] {
        std::fs::copy(here.join(name), directory.join(name)).expect(name);
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--quiet"]).current_dir(&directory);
    if which("npm").is_none() || outcome(&mut npm).status != Some(0) {
        let _ = std::fs::remove_dir_all(&modules);
        skip("npm cannot install tests/browser/package-lock.json");
        return None;
    }
    Some(modules)
}
