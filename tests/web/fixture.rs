//! Stores that the C program made, behind nginx, with what it says about them.

use std::process::Command;

use casync_tests::input;
use casync_tests::sandbox::Sandbox;
use casync_tests::tool::upstream;

use crate::server::Server;

pub(crate) struct Fixture {
    pub(crate) sandbox: Sandbox,
    pub(crate) server: Server,
}

/// Every store: a compression and a digest.
const STORES: [(&str, &str, &str); 4] = [
    ("zstd", "zstd", "sha512-256"),
    ("xz", "xz", "sha512-256"),
    ("gzip", "gzip", "sha512-256"),
    ("sha256", "zstd", "sha256"),
];

impl Fixture {
    /// An image and a tree in every kind of store; nothing if this machine cannot.
    pub(crate) fn new() -> Option<Self> {
        let casync = upstream()?;
        let sandbox = Sandbox::new();
        let text = b"Text that packs well, over and over. ".repeat(20_000);
        let image = [&input::prng("web image", 1_500_000)[..], &text, &[0; 1 << 20], &input::prng("web tail", 300_000)]
            .concat();
        sandbox.write("image.img", &image);
        // An older one: some of it moved, some of it other.
        let old = [&image[100_000..1_300_000], &input::prng("web old", 200_000)[..], &image[1_400_000..]].concat();
        sandbox.write("old.img", old);
        sandbox.write("tree/index.html", "<h1>home</h1>\n");
        sandbox.write("tree/big.bin", &image[..1_200_000]);
        sandbox.write("tree/docs/deep/hello.txt", "hello\n");
        sandbox.write("tree/docs/\u{fc}n\u{ef}.txt", "umlauts\n");
        for number in 0..120 {
            sandbox.write(format!("tree/docs/page{number:03}.txt"), format!("page {number}\n"));
        }
        std::fs::create_dir(sandbox.path("tree/empty")).expect("a directory");
        std::os::unix::fs::symlink("docs/deep", sandbox.path("tree/link")).expect("a link");
        let run = |args: &[&str]| sandbox.run(casync, args).success();
        for (store, compression, digest) in STORES {
            let options = [
                &format!("--compression={compression}"),
                &format!("--digest={digest}"),
                &format!("--store={store}.castr"),
            ];
            let options: Vec<&str> = options.into_iter().map(String::as_str).collect();
            for (index, input) in [("caibx", "image.img"), ("caidx", "tree")] {
                let index = format!("{store}.{index}");
                let printed = run(&[&["make"][..], &options, &[&index, input]].concat());
                sandbox.write(format!("{index}.digest"), printed);
            }
            let index = format!("{store}.caidx");
            for verb in ["list", "mtree"] {
                let printed = run(&[&[verb][..], &options, &[&index]].concat());
                sandbox.write(format!("{index}.{verb}"), printed);
            }
        }
        run(&["make", "--store=zstd.castr", "old.caibx", "old.img"]);
        run(&["make", "tree.catar", "tree"]);
        let server = Server::start(sandbox.path("").as_path())?;
        Some(Self { sandbox, server })
    }

    /// What scripts are told.
    pub(crate) fn settings(&self) -> [(&'static str, String); 2] {
        [("CASYNC_BASE", self.server.address.clone()), ("CASYNC_DATA", self.sandbox.path("").display().to_string())]
    }

    /// Runs a script with them.
    #[track_caller]
    pub(crate) fn passes(&self, script: &str, package: &std::path::Path, more: &[(&str, &str)]) {
        let settings = self.settings();
        let settings: Vec<(&str, &str)> =
            settings.iter().map(|(name, value)| (*name, value.as_str())).chain(more.iter().copied()).collect();
        crate::runtime::passes(script, package, &settings);
    }

    /// A command of the C program in the fixture's directory.
    pub(crate) fn casync(&self, args: &[&str]) -> Vec<u8> {
        let mut command: Command = self.sandbox.command(upstream().expect("it was there a moment ago"));
        casync_tests::sandbox::outcome(command.args(args)).success()
    }
}
