//! Archives of the trees in tar files equal archives of the trees themselves.

use casync_tests::sandbox::Sandbox;

use crate::scene::{NO_FLAGS, archive, gnu_tar, has_gnu_tar, is_root, list, member, records, tar, tree};

#[test]
fn pax_tars_give_the_archive_of_the_tree() {
    let sandbox = Sandbox::new();
    if !is_root() || !has_gnu_tar(&sandbox) {
        return;
    }
    tree(&sandbox);
    let expected = archive(&sandbox, "tree", &NO_FLAGS);
    for sparse in [&[][..], &["--sparse"], &["--sparse", "--sparse-version=0.0"], &["--sparse", "--sparse-version=0.1"]]
    {
        let options = [&["-C", "tree", "--format=pax", "-cf", "tree.tar"], sparse, &["."]].concat();
        gnu_tar(&sandbox, &options);
        assert!(archive(&sandbox, "tree.tar", &NO_FLAGS) == expected, "{sparse:?}");
    }
}

#[test]
fn gnu_tars_give_what_they_hold() {
    let sandbox = Sandbox::new();
    if !is_root() || !has_gnu_tar(&sandbox) {
        return;
    }
    tree(&sandbox);
    let held = ["--with=unix", "--with=32bit-uids", "--with=user-names"];
    let expected = archive(&sandbox, "tree", &held);
    for sparse in [&[][..], &["--sparse"]] {
        let options = [&["-C", "tree", "--format=gnu", "-cf", "tree.tar"], sparse, &["."]].concat();
        sandbox.run("tar", options).success();
        assert!(archive(&sandbox, "tree.tar", &held) == expected, "{sparse:?}");
    }
}

#[test]
fn members_come_in_any_order_and_the_last_counts() {
    let sandbox = Sandbox::new();
    let members = [
        member(b"z", b'0', b"", b"z"),
        // Its target comes later, and is a link itself.
        member(b"a/late", b'1', b"./b/late", b""),
        member(b"b/late", b'1', b"z2", b""),
        member(b"z2", b'0', b"", b"z2"),
        member(b"./twice", b'0', b"", b"first"),
        // Links stay what they linked to.
        member(b"link", b'1', b"twice", b""),
        member(b"twice", b'0', b"", b"second"),
        member(b"./b/", b'5', b"", b""),
        member(b"was-directory/x", b'0', b"", b""),
        member(b"was-directory", b'2', b"z", b""),
        member(b"was-file", b'0', b"", b""),
        member(b"was-file/", b'5', b"", b""),
        member(b"was-file//./y", b'0', b"", b""),
        // A directory in tar files of old.
        member(b"old/", b'\0', b"", b""),
    ];
    sandbox.write("odd.tar", tar(&members));
    sandbox.casync(["make", "odd.catar", "odd.tar"]).success();
    assert_eq!(
        list(&sandbox, "odd.catar"),
        "drwxr-xr-x .\ndrwxr-xr-x a\n-rw-r--r-- a/late\ndrw-r--r-- b\n-rw-r--r-- b/late\n-rw-r--r-- link\n\
         drw-r--r-- old\n-rw-r--r-- twice\nlrwxrwxrwx was-directory\ndrw-r--r-- was-file\n-rw-r--r-- was-file/y\n\
         -rw-r--r-- z\n-rw-r--r-- z2\n"
    );
    sandbox.casync(["extract", "odd.catar", "out", "--without=privileged"]).success();
    for (name, content) in [("link", "first"), ("twice", "second"), ("a/late", "z2"), ("b/late", "z2")] {
        assert_eq!(sandbox.read(format!("out/{name}")), content.as_bytes(), "{name}");
    }
}

#[test]
fn records_override_headers_and_globals_count_for_many() {
    let sandbox = Sandbox::new();
    let members = [
        member(b"pax_global_header", b'g', b"", &records(&["comment=of a commit", "uid=33", "mtime=1.5"])),
        member(b"x", b'x', b"", &records(&["path=long-name", "mtime=2.5", "gid=44"])),
        member(b"short", b'0', b"", b"data"),
        member(b"L", b'L', b"", b"gnu-name\0"),
        member(b"short", b'0', b"", b"data"),
    ];
    sandbox.write("g.tar", tar(&members));
    sandbox.casync(["make", "g.catar", "g.tar"]).success();
    let manifest = sandbox.casync(["mtree", "g.catar"]).text();
    let line = |name: &str| {
        manifest.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{manifest}")).to_owned()
    };
    for (name, words) in [
        ("long-name", &["uid=33", "gid=44", "time=2.500000000"][..]),
        ("gnu-name", &["uid=33", "gid=0", "time=1.500000000"]),
    ] {
        let line = line(name);
        assert!(words.iter().all(|word| line.contains(word)), "{line}");
    }
}
