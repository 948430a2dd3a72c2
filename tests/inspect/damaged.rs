//! Damaged files, and files that are none of ours.

use casync_tests::sandbox::Sandbox;
use casync_tests::vectors;

use crate::scene::{blobs, noise};

/// Indexes whose damage only shows when chunks are loaded, which `inspect` does not do.
const SHOWN_BY_CHUNKS: [&str; 2] = ["digest-flag-wrong", "first-end-plus-1"];

/// Each golden index is refused or accepted as the format says; of those refused, nothing is printed and no page is left.
#[test]
fn damaged_indexes_are_refused() {
    let sandbox = Sandbox::new();
    let mut refused = 0;
    for row in vectors::table("index.tsv").rows() {
        let (case, should) = (row.get("case"), row.get("should"));
        let path = vectors::path(&format!("index/{case}.caibx"));
        let outcome = sandbox.casync(["inspect".as_ref(), path.as_os_str(), "--html=page.html".as_ref()]);
        if should == "accept" || SHOWN_BY_CHUNKS.contains(&case) {
            outcome.success();
            std::fs::remove_file(sandbox.path("page.html")).unwrap();
            continue;
        }
        refused += 1;
        assert!(outcome.stdout.is_empty(), "{case}");
        let said = outcome.failure();
        assert!(said.contains(case), "{case}: {said}");
        assert!(sandbox.names(".").is_empty(), "{case} leaves {:?}", sandbox.names("."));
    }
    assert!(refused > 20, "{refused}");
}

#[test]
fn damaged_archives_are_refused() {
    let sandbox = Sandbox::new();
    let mut refused = 0;
    for row in vectors::table("decoder.tsv").rows() {
        let case = row.get("case");
        let path = vectors::path(&format!("decoder/{case}.catar"));
        let outcome = sandbox.casync(["inspect".as_ref(), path.as_os_str()]);
        if row.get("should") == "reject" {
            refused += 1;
            assert!(outcome.stdout.is_empty(), "{case}");
            let said = outcome.failure();
            assert!(said.contains(case), "{case}: {said}");
        } else {
            outcome.success();
        }
    }
    assert!(refused > 20, "{refused}");
    // Cut anywhere, also inside of what is passed over.
    sandbox.write("tree/file", noise(1, 10_000));
    sandbox.casync(["make", "x.catar", "tree"]).success();
    let whole = sandbox.read("x.catar");
    for length in [0, 1, 16, 100, 5000, whole.len() - 1] {
        sandbox.write("cut.catar", &whole[..length]);
        let said = sandbox.casync(["inspect", "cut.catar"]).failure();
        assert!(said.contains(&format!("input ends too early, after {length} bytes")), "{length}: {said}");
    }
}

#[test]
fn damaged_chunks_are_refused() {
    let sandbox = blobs();
    let (_, chunk) = casync_tests::store::files(&sandbox.path("default.castr")).pop_first().unwrap();
    let trailing = [&chunk[..], b"x"].concat();
    for (name, bytes) in
        [("empty", &b""[..]), ("cut", &chunk[..chunk.len() / 2]), ("more", &trailing), ("other", b"text")]
    {
        let name = format!("{name}.cacnk");
        sandbox.write(&name, bytes);
        let outcome = sandbox.casync(["inspect", &name]);
        assert!(outcome.stdout.is_empty(), "{name}");
        let said = outcome.failure();
        assert!(said.contains(&format!("read the chunk \"{name}\": ")), "{said}");
    }
}

#[test]
fn what_cannot_be_inspected_is_said() {
    let sandbox = blobs();
    sandbox.write("tree/file", "");
    sandbox.casync(["make", "x.catar", "tree"]).success();
    sandbox.casync(["make", "--digest=sha256", "other.caibx", "old"]).success();
    let new = sandbox.read("new.caibx");
    for (arguments, said) in [
        (&[][..], "An index, an archive or a chunk expected."),
        (&["new.caibx", "old.caibx"], "An index, an archive or a chunk expected."),
        (&["new"], "File to inspect does not have valid suffix, refusing."),
        (&["tree"], "File to inspect does not have valid suffix, refusing."),
        (&["--what=archive", "tree"], "Input is a directory"),
        (&["gone.caibx"], "Failed to open \"gone.caibx\": No such file or directory"),
        (&["user@-host:x.caibx"], "a user or host that begins with - would be taken for an option"),
        (&["new.caibx", "--store="], "Failed to set store: Invalid argument"),
        (&["x.catar", "--against=old.caibx"], "--against= is for indexes (.caidx, .caibx) only."),
        (&["x.catar", "--html=x.html"], "--html= is for indexes (.caidx, .caibx) only."),
        (&["new.caibx", "--against=old"], "read the index \"old\""),
        (&["new.caibx", "--against=other.caibx"], "Indexes with ids by different digests"),
        (&["new.caibx", "--html=new.caibx"], "--html= would replace the index by the page. Refusing."),
        (&["old.caibx", "--against=new.caibx", "--html=./new.caibx"], "--html= would replace the index by the page."),
        (&["new.caibx", "--html=-"], "--html= needs the name of a file."),
        (&["new.caibx", "--html=gone/x.html"], "create \"gone/x.html\""),
        (&["new.caibx", "--html=tree"], "create \"tree\""),
    ] {
        let outcome = sandbox.casync(["inspect"].iter().chain(arguments));
        assert!(outcome.stdout.is_empty(), "{arguments:?}");
        let error = outcome.failure();
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
    assert_eq!(sandbox.read("new.caibx"), new);
}
