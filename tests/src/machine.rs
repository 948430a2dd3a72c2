//! A virtual machine with Debian's kernel for clouds and busybox, for what the kernel of this machine does not have or must not
//! do. Its processor is emulated: it takes half a minute, more on a busy machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::plant::shell;
use crate::sandbox::{Sandbox, outcome};
use crate::skip::skip;
use crate::tool;

const BUSYBOX: &str = "/bin/busybox";

/// A machine that has not been started.
#[derive(Debug)]
pub struct Machine<'a> {
    sandbox: &'a Sandbox,
    kernel: PathBuf,
}

impl<'a> Machine<'a> {
    /// One with busybox and the casync of this workspace; the kernel is fetched now if it was not before (27 MB). `None`: this
    /// machine lacks what it takes, which has been told.
    pub fn new(sandbox: &'a Sandbox) -> Option<Self> {
        if tool::which("qemu-system-x86_64").is_none() || !Path::new(BUSYBOX).exists() {
            skip("virtual machines take qemu-system-x86 and busybox-static");
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/fetch-kernel");
        let said = outcome(&mut Command::new(script)).success();
        let kernel = PathBuf::from(String::from_utf8(said).expect("a path").trim());
        shell(&sandbox.path(""), "mkdir -p root/bin root/work");
        let machine = Self { sandbox, kernel };
        machine.install(tool::ours(), "casync");
        Some(machine)
    }

    /// Puts a program and the libraries that it is linked to, if there are any, into the machine.
    pub fn install(&self, program: &Path, name: &str) {
        let target = self.sandbox.path("root/bin").join(name);
        std::fs::copy(program, &target).expect("a copy of a program");
        // Debugging information is most of it.
        let _ = outcome(Command::new("strip").arg(&target));
        let linked = outcome(Command::new("ldd").arg(program)).text();
        for library in linked.split_whitespace().filter(|word| word.starts_with('/')) {
            let target = self.sandbox.path("root").join(&library[1..]);
            std::fs::create_dir_all(target.parent().expect("a directory")).expect("a directory for libraries");
            std::fs::copy(library, target).expect("a copy of a library");
        }
    }

    /// Puts files of the sandbox into its directory `/work`.
    pub fn bring(&self, names: &str) {
        shell(&self.sandbox.path(""), &format!("cp -r {names} root/work/"));
    }

    /// Runs a script as its first process; returns what that says, the lines that begin with `SAYS`, and all that was printed.
    pub fn run(&self, init: &Path) -> (Vec<String>, String) {
        let script = format!(
            "cp {BUSYBOX} root/bin/; cp {init} root/init; cp {kernel}/*.ko root/
            cd root; for name in $(busybox --list); do [ -e bin/$name ] || ln -s busybox bin/$name; done
            find . | busybox cpio -o -H newc 2>/dev/null | gzip -1 >../initrd",
            init = init.display(),
            kernel = self.kernel.display(),
        );
        shell(&self.sandbox.path(""), &script);
        let mut machine = self.sandbox.command("timeout");
        machine.args(["600", "qemu-system-x86_64"]);
        // Without KVM: in a virtual machine of some hosts the kernel does not get far with it.
        machine.args(["-accel", "tcg", "-m", "768", "-display", "none", "-no-reboot", "-nodefaults"]);
        machine.args(["-serial", "stdio", "-initrd", "initrd", "-append", "console=ttyS0 quiet panic=-1", "-kernel"]);
        let outcome = outcome(machine.arg(self.kernel.join("vmlinuz")));
        let text = outcome.text().replace('\r', "") + &outcome.stderr;
        let said = text.lines().filter_map(|line| line.strip_prefix("SAYS ")).map(str::to_owned).collect();
        (said, text)
    }
}
