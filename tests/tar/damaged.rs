//! Tar files that are cut, wrong or hostile.

use casync_tests::sandbox::Sandbox;

use crate::scene::{member, records, tar, with_checksum};

/// What is said of a tar that must be refused; nothing may be left behind.
#[track_caller]
fn refused(sandbox: &Sandbox, bytes: &[u8]) -> String {
    sandbox.write("bad.tar", bytes);
    let said = sandbox.casync(["make", "--from=tar", "bad.caidx", "bad.tar"]).failure();
    assert!(!sandbox.names(".").iter().any(|name| name.contains("caidx")), "{:?}", sandbox.names("."));
    said
}

#[test]
fn names_that_lead_out_are_refused() {
    let sandbox = Sandbox::new();
    for (name, kind, link, reason) in [
        (&b"/etc/passwd"[..], b'0', &b""[..], "absolute"),
        (b"../up", b'0', b"", ".."),
        (b"a/../../up", b'0', b"", ".."),
        (b"a/..", b'5', b"", ".."),
        (b"hard", b'1', b"/etc/passwd", "absolute"),
        (b"hard", b'1', b"../../etc/passwd", ".."),
        (b"hard", b'1', b"nothing", "not in the tar"),
        (b"hard", b'1', b"hard", "not in the tar"),
        (b"hard", b'1', b"./", "directory"),
        (b"", b'0', b"", "without name"),
        (b".", b'0', b"", "root"),
        (b"odd", b'Z', b"", "unknown type"),
        (b"multi", b'M', b"", "unknown type"),
    ] {
        // A name in a header of its own, too: only there a tar program may have looked less closely.
        let plain = tar(&[member(name, kind, link, b"")]);
        let long = tar(&[member(b"L", b'L', b"", name), member(b"innocent", kind, link, b"")]);
        for bytes in [plain, long] {
            let said = refused(&sandbox, &bytes);
            assert!(said.contains(reason), "{name:?}: {said}");
        }
    }
}

#[test]
fn links_lead_nowhere() {
    let sandbox = Sandbox::new();
    let bytes = tar(&[member(b"out", b'2', b"/etc", b""), member(b"out/passwd", b'0', b"", b"x")]);
    let said = refused(&sandbox, &bytes);
    assert!(said.contains("no directory"), "{said}");
}

#[test]
fn every_cut_is_noticed() {
    let sandbox = Sandbox::new();
    let whole = tar(&[
        member(b"x", b'x', b"", &records(&["path=named"])),
        member(b"a", b'0', b"", &[7; 2000]),
        member(b"L", b'L', b"", b"long"),
        member(b"b", b'0', b"", b"x"),
    ]);
    let content = whole.len() - 1024;
    for length in (0..=content).step_by(100).chain([512, 1024, 1025, content - 1, content, content + 511]) {
        let said = refused(&sandbox, &whole[..length]);
        let is_noticed = said.contains("before it is complete") || length < 512 && said.contains("no tar file");
        assert!(is_noticed, "{length}: {said}");
    }
    // The second block of zeros is a formality.
    sandbox.write("good.tar", &whole[..content + 512]);
    sandbox.casync(["make", "good.caidx", "good.tar"]).success();
}

#[test]
fn lies_about_sizes_cost_nothing() {
    let sandbox = Sandbox::new();
    let sized = |kind: u8, size: u64| {
        let mut member = member(b"huge", kind, b"", b"");
        member[124] = 0x80;
        member[125..128].fill(0);
        member[128..136].copy_from_slice(&size.to_be_bytes());
        with_checksum(&mut member);
        tar(&[member])
    };
    for size in [1 << 60, u64::MAX, u64::MAX - 511, i64::MAX as u64, 1 << 20] {
        for kind in [b'0', b'x', b'L', b'K', b'g', b'5'] {
            let said = refused(&sandbox, &sized(kind, size));
            assert!(said.contains("before it is complete") || said.contains("are enough"), "{kind} {size}: {said}");
        }
    }
    let extended = |records: &[u8]| tar(&[member(b"x", b'x', b"", records), member(b"a", b'0', b"", b"data")]);
    for record in
        ["size=18446744073709551615", "size=x", "size=-1", "mtime=1e5", "uid=99999999999", "uid=65535", "path="]
    {
        refused(&sandbox, &extended(&records(&[record])));
    }
    for bytes in [&b"9999 a=b\n"[..], b"8 a=b\n", b"nonsense", b"\0\0\0\0", b"99999999999999999999 a=b\n"] {
        let said = refused(&sandbox, &extended(bytes));
        assert!(said.contains("extended header is malformed"), "{said}");
    }
}

#[test]
fn maps_of_sparse_files_are_checked() {
    let sandbox = Sandbox::new();
    let sparse =
        |keys: &[&str], data: &[u8]| tar(&[member(b"x", b'x', b"", &records(keys)), member(b"s", b'0', b"", data)]);
    let size = "GNU.sparse.size=100";
    let (major, minor, real) = ("GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.realsize=100");
    sandbox.write("good.tar", sparse(&[size, "GNU.sparse.map=0,2,98,2"], b"abcd"));
    sandbox.casync(["make", "good.catar", "good.tar"]).success();
    for (records, data) in [
        // Overlapping, beyond the end, more and less than there is, odd numbers, overflow, without a size.
        (&[size, "GNU.sparse.map=0,2,1,2"][..], &b"abcd"[..]),
        (&[size, "GNU.sparse.map=0,2,99,2"], b"abcd"),
        (&[size, "GNU.sparse.map=0,2"], b"abcd"),
        (&[size, "GNU.sparse.map=0,2,4,4"], b"abcd"),
        (&[size, "GNU.sparse.map=0,2,4"], b"abcd"),
        (&[size, "GNU.sparse.map=18446744073709551615,4"], b"abcd"),
        (&["GNU.sparse.map=0,4"], b"abcd"),
        (&[size, "GNU.sparse.numbytes=4"], b"abcd"),
        (&[major, minor, real], b""),
        (&[major, minor, real], b"abcd"),
        (&[major, minor, real], b"1\n0\n"),
        (&[major, minor, real], b"99999999999\n0\n4\n"),
        (&[major, minor, real], b"999999999999999999999999\n"),
        (&["GNU.sparse.major=2", real], b"abcd"),
    ] {
        let said = refused(&sandbox, &sparse(records, data));
        assert!(said.contains("sparse"), "{records:?}: {said}");
    }
}

#[test]
fn deep_paths_are_refused_before_they_take_memory() {
    let sandbox = Sandbox::new();
    let deep = |depth: usize| tar(&[member(b"L", b'L', b"", &b"d/".repeat(depth)), member(b"x", b'5', b"", b"")]);
    sandbox.write("good.tar", deep(63));
    sandbox.casync(["make", "good.catar", "good.tar"]).success();
    for depth in [64, 30_000] {
        let said = refused(&sandbox, &deep(depth));
        assert!(said.contains("more directories"), "{said}");
    }
}
