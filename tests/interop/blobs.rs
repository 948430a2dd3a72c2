//! Blobs: files of all sizes, disk images, standard input and output.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::process::Command;

use casync_tests::sandbox::{outcome, outcome_with_input};
use casync_tests::skip::skip;
use casync_tests::{input, tool};

use crate::pair::{Pair, SIDES};

const OPTIONS: &[&[&str]] = &[
    &[],
    &["--digest=sha256", "--compression=gzip"],
    &["--chunk-size=4096", "--compression=xz"],
    &["--chunk-size=65536:65536:65536"],
    &["--chunk-size=1000:1000:2000"],
    &["--chunk-size=1M", "--with=unix"],
];

/// Blobs of the golden data, made by both once more as files.
const NAMES: [&str; 14] = [
    "empty", "one", "r47", "r48", "r49", "rmin-1", "rmin", "rmax", "rmax+1", "zmax", "zmax+1", "z1M", "text300k",
    "mixed",
];

#[test]
fn files() {
    let Some(pair) = Pair::new() else { return };
    for name in NAMES {
        let blob = pair.sandbox().write("blob", input::blob(name));
        for options in OPTIONS {
            assert!(pair.make("x.caibx", &blob, options), "{name} {options:?}");
            exchange(&pair, &input::blob(name), &format!("{name} {options:?}"));
        }
    }
}

/// Around the limits of chunk sizes: one byte less, as many, one more.
#[test]
fn sizes_around_the_limits() {
    let Some(pair) = Pair::new() else { return };
    for (option, limits) in [
        ("--chunk-size=1000:2000:5000", [1_000, 2_000, 5_000]),
        ("--chunk-size=3000:3000:3000", [3_000, 6_000, 9_000]),
        ("--chunk-size=48:100:1000", [48, 96, 1_000]),
        ("--chunk-size=1:1:1", [1, 2, 48]),
    ] {
        for size in limits.into_iter().flat_map(|limit| limit - 1..=limit + 1) {
            for bytes in [vec![0; size], input::prng("limits", size)] {
                let blob = pair.sandbox().write("blob", &bytes);
                assert!(pair.make("x.caibx", &blob, &[option]), "{option}, {size} bytes");
                exchange(&pair, &bytes, option);
            }
        }
    }
}

/// Chunks of more than the average that one buffer holds, and of more than 8 MiB.
#[test]
fn large_chunks() {
    let Some(pair) = Pair::new() else { return };
    let blob = pair.sandbox().write("blob", input::blob("huge"));
    for option in ["--chunk-size=8M", "--chunk-size=16M:16M:16M"] {
        assert!(pair.make("x.caibx", &blob, &[option]));
    }
}

#[test]
fn disk_images() {
    let Some(pair) = Pair::new() else { return };
    pair.sandbox().write("files/text", input::text(300_000));
    pair.sandbox().write("files/noise", input::prng("noise", 500_000));
    let image = pair.path("image");
    for (tool, arguments) in [
        ("mkfs.ext4", &["-q", "-d", "files", "image", "8M"][..]),
        ("mkfs.ext4", &["-q", "-b", "4096", "-O", "^has_journal", "-d", "files", "image", "12M"]),
        ("mksquashfs", &["files", "image", "-quiet", "-no-progress"]),
    ] {
        if tool::which(tool).is_none() {
            skip(&format!("{tool} is not installed"));
            continue;
        }
        let _ = fs::remove_file(&image);
        pair.sandbox().run(tool, arguments).success();
        let bytes = fs::read(&image).unwrap();
        for options in OPTIONS {
            assert!(pair.make("x.caibx", &image, options));
            exchange(&pair, &bytes, &format!("{tool} {options:?}"));
        }
    }
}

/// Each extracts what the other made, to a new file, over a file, and to a file that is standard output.
fn exchange(pair: &Pair, expected: &[u8], what: &str) {
    for side in [0, 1] {
        let name = format!("{}/x.caibx", SIDES[1 - side]);
        let _ = fs::remove_file(pair.path("out"));
        outcome(pair.command(side).args(["extract", &name, "out"])).success();
        assert!(pair.sandbox().read("out") == expected, "{} extracts {name}: {what}", SIDES[side]);

        let output = File::create(pair.path("out")).unwrap();
        // compat: without the option the C casync takes standard output for a seed with no name.
        let mut command = pair.command(side);
        let status = command.args(["extract", "--seed-output=no", &name, "-"]).stdout(output).status().unwrap();
        assert!(status.success(), "{} extracts {name} to standard output: {what}", SIDES[side]);
        assert!(pair.sandbox().read("out") == expected, "{} extracts {name} to standard output: {what}", SIDES[side]);
    }
}

/// A file on standard input, from its start wherever it stands, and the index on standard output.
#[test]
fn standard_input() {
    let Some(pair) = Pair::new() else { return };
    let blob = pair.sandbox().write("blob", input::blob("mixed"));
    assert!(pair.make("x.caibx", &blob, &[]));
    let expected = pair.sandbox().read("theirs/x.caibx");
    for side in [0, 1] {
        for operands in [&["s.caibx"][..], &["s.caibx", "-"]] {
            let mut file = File::open(&blob).unwrap();
            file.seek(SeekFrom::Start(1_000)).unwrap();
            outcome(pair.command(side).args(["make", "--store=s.castr"]).args(operands).stdin(file)).success();
            assert!(pair.sandbox().read("s.caibx") == expected, "{} {operands:?}", SIDES[side]);
        }
        let index = File::open(pair.path("theirs/x.caibx")).unwrap();
        let command = &mut pair.command(side);
        outcome(command.args(["extract", "--store=theirs/default.castr", "-", "o.blob"]).stdin(index)).failure();
        let index = File::open(pair.path("theirs/x.caibx")).unwrap();
        let command = &mut pair.command(side);
        let arguments = ["extract", "--what=blob-index", "--store=theirs/default.castr", "-", "o.blob"];
        outcome(command.args(arguments).stdin(index)).success();
        assert!(pair.sandbox().read("o.blob") == input::blob("mixed"));
        fs::remove_file(pair.path("o.blob")).unwrap();
    }
}

/// The C casync refuses pipes where there is no reason to; what comes through one is the same as from a file.
#[test]
fn pipes() {
    let Some(pair) = Pair::new() else { return };
    for name in ["empty", "one", "zmax+1", "mixed"] {
        let bytes = input::blob(name);
        let blob = pair.sandbox().write("blob", &bytes);
        assert!(pair.make("x.caibx", &blob, &[]));
        let mut make = pair.command(0);
        outcome_with_input(make.args(["make", "--store=p.castr", "p.caibx", "-"]), &bytes).success();
        assert!(pair.sandbox().read("p.caibx") == pair.sandbox().read("theirs/x.caibx"), "{name}");

        let stdout = outcome(pair.command(0).args(["extract", "theirs/x.caibx", "-"])).success();
        assert!(stdout == bytes, "{name}");
        let index = pair.sandbox().read("theirs/x.caibx");
        let mut extract = pair.command(0);
        extract.args(["extract", "--what=blob-index", "--store=theirs/default.castr", "-", "-"]);
        assert!(outcome_with_input(&mut extract, &index).success() == bytes, "{name}");
    }
}

/// Archives come from pipes and go into them with both programs.
#[test]
fn archives_through_pipes() {
    let Some(pair) = Pair::new() else { return };
    pair.sandbox().write("tree/file", input::text(100_000));
    assert!(pair.make("x.catar", &pair.path("tree"), &[]));
    let archive = pair.sandbox().read("theirs/x.catar");
    for side in [0, 1] {
        let made = outcome(pair.command(side).args(["make", "--what=archive", "-", "tree"])).success();
        assert!(made == archive, "{} to standard output", SIDES[side]);
        let mut extract: Command = pair.command(side);
        extract.args(["extract", "--what=archive", "-", &format!("tree-{side}")]);
        outcome_with_input(&mut extract, &archive).success();
        let mut text = String::new();
        File::open(pair.path(format!("tree-{side}/file"))).and_then(|mut file| file.read_to_string(&mut text)).unwrap();
        assert!(text.as_bytes() == input::text(100_000), "{}", SIDES[side]);
    }
}
