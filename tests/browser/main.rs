//! The demo page in a real browser: scripts drive Chromium through every view, with archives behind nginx and behind `casync
//! serve`, and every error of the page fails them.

mod page;

use std::process::Command;

use casync_tests::input;
use casync_tests::sandbox::{Sandbox, outcome};
use casync_tests::serving::Serving;

use page::{Page, root};

/// `shell.js` names what is kept for times without a network: all files of the page and of the package, and no others.
#[test]
fn the_page_keeps_all_of_its_files() {
    let shell = std::fs::read_to_string(root().join("web-demo/shell.js")).expect("shell.js");
    let mut kept: Vec<String> =
        shell.split('"').skip(1).step_by(2).map(str::to_owned).filter(|name| name != "./").collect();
    let mut there: Vec<String> =
        ["casync-wasm/module/casync_wasm.js", "casync-wasm/module/casync_wasm_bg.wasm"].map(str::to_owned).into();
    for (directory, prefix) in
        [("web-demo", ""), ("web-demo/parts", "parts/"), ("web-demo/views", "views/"), ("wasm/js", "casync-wasm/")]
    {
        for entry in std::fs::read_dir(root().join(directory)).expect(directory) {
            let name = entry.expect("an entry").file_name().into_string().expect("names are UTF-8");
            let is_served = [".js", ".json", ".css", ".html", ".svg"].iter().any(|suffix| name.ends_with(suffix));
            if is_served && name != "sw.js" {
                there.push(format!("{prefix}{name}"));
            }
        }
    }
    kept.sort();
    there.sort();
    assert_eq!(kept, there);
}

/// Every view does what it says, and what it makes and downloads is what the C program makes and has.
#[test]
fn every_view_works_with_nginx() {
    let Some(page) = Page::start() else { return };
    page.passes("views.js", &[]);
}

/// The same with the sample behind `casync serve`, which is another origin, and takes what is made.
#[test]
fn every_view_works_with_casync_serve() {
    let Some(page) = Page::start() else { return };
    let own = Sandbox::new();
    let tokens = own.write("tokens", "a-token\n");
    let sample = page.sandbox.path("www/sample");
    let (store, tokens) = (sample.join("default.castr"), tokens.display().to_string());
    let serving = Serving::start(
        &own,
        [
            format!("--store={}", store.display()),
            format!("--index-dir={}", sample.display()),
            format!("--cors-origin={}", page.origin()),
            "--writable".to_owned(),
            "--public".to_owned(),
            format!("--token-file={tokens}"),
        ],
    );
    let settings = [
        ("CASYNC_REMOTE", serving.at("")),
        ("CASYNC_UPLOAD", serving.at("default.castr")),
        ("CASYNC_UPLOAD_TOKEN", "a-token".to_owned()),
    ];
    page.passes("views.js", &settings.each_ref().map(|(name, value)| (*name, value.as_str())));
}

/// Every store: a compression and a digest.
const STORES: [(&str, &str, &str); 4] = [
    ("zstd", "zstd", "sha512-256"),
    ("xz", "xz", "sha512-256"),
    ("gzip", "gzip", "sha512-256"),
    ("sha256", "zstd", "sha256"),
];

/// Stores of every kind read as the C program says that made them: the same listing, the same bytes, the same ids.
#[test]
fn every_store_reads_as_the_c_program_says() {
    let Some(page) = Page::start() else { return };
    let Some(casync) = casync_tests::tool::upstream() else { return };
    let sandbox = &page.sandbox;
    let image = [&input::prng("browser image", 700_000)[..], &b"Text that packs well. ".repeat(40_000), &[0; 1 << 19]];
    sandbox.write("www/data/image.img", image.concat());
    sandbox.write("www/data/tree/index.html", "<h1>home</h1>\n");
    sandbox.write("www/data/tree/docs/deep/\u{fc}n\u{ef}.txt", "umlauts\n");
    sandbox.write("www/data/tree/big.bin", input::prng("browser file", 400_000));
    std::os::unix::fs::symlink("docs/deep", sandbox.path("www/data/tree/link")).expect("a link");
    let data = sandbox.path("www/data");
    let run = |args: &[&str]| outcome(Command::new(casync).args(args).current_dir(&data)).success();
    for (store, compression, digest) in STORES {
        let [compression, digest, castr] =
            [("compression", compression), ("digest", digest), ("store", &format!("{store}.castr"))]
                .map(|(name, value)| format!("--{name}={value}"));
        for (suffix, input) in [("caibx", "image.img"), ("caidx", "tree")] {
            let index = format!("{store}.{suffix}");
            let printed = run(&["make", &compression, &digest, &castr, &index, input]);
            sandbox.write(format!("www/data/{index}.digest"), printed);
        }
        let index = format!("{store}.caidx");
        for verb in ["list", "mtree"] {
            sandbox.write(format!("www/data/{index}.{verb}"), run(&[verb, &castr, &digest, &index]));
        }
    }
    let serving = STORES.map(|(store, _, digest)| {
        let own = Sandbox::new();
        let paths = [format!("--store={}/{store}.castr", data.display()), format!("--index-dir={}", data.display())];
        let serving =
            Serving::start(&own, paths.into_iter().chain([format!("--digest={digest}"), "--cors-origin=*".to_owned()]));
        (own, serving)
    });
    let address = |at: &dyn Fn(usize) -> String| {
        let pairs = STORES.iter().enumerate().map(|(number, (store, ..))| format!("\"{store}\":\"{}\"", at(number)));
        pairs.collect::<Vec<_>>().join(",")
    };
    let nginx = address(&|_| format!("{}data/", page.address()));
    let serve = address(&|number| serving[number].1.at(""));
    let servers = format!("{{\"nginx\":{{{nginx}}},\"casync serve\":{{{serve}}}}}");
    page.passes("stores.js", &[("CASYNC_SERVERS", &servers), ("CASYNC_DATA", &data.display().to_string())]);
}

/// Downloads rest, end in the middle, run out of room, and go on.
#[test]
fn downloads_go_on() {
    let Some(page) = Page::start() else { return };
    page.passes("downloads.js", &[]);
}

/// What goes wrong is told, and nothing unverified is shown; the page opens when its server is gone.
#[test]
fn faults_are_told() {
    let Some(page) = Page::start() else { return };
    let sandbox = &page.sandbox;
    let site = sandbox.read("www/sample/site.caidx");
    // An index that announces a chunk that nobody could hold, one that ends in the middle, and one that is none.
    let mut hostile = site.clone();
    hostile[40..48].copy_from_slice(&(1_u64 << 60).to_le_bytes());
    sandbox.write("www/sample/hostile.caidx", hostile);
    sandbox.write("www/sample/cut.caidx", &site[..site.len() / 2]);
    sandbox.write("www/sample/none.caidx", "<h1>It works</h1>\n".repeat(100));
    let pid = String::from_utf8(sandbox.read("nginx.pid")).expect("a number");
    page.passes("faults.js", &[("CASYNC_NGINX", pid.trim())]);
}

/// Everything can be done with keys alone, nothing bars anybody, and the page is readable on a phone, dark and light.
#[test]
fn everybody_can_use_it() {
    let Some(page) = Page::start() else { return };
    page.passes("access.js", &[]);
}
