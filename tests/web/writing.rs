//! What the package makes, in Node.

use crate::fixture::Fixture;
use crate::package::package;

/// Both programs read what was made, and say the same of it as the page did.
#[test]
fn what_is_made_both_programs_read() {
    let (Some(package), Some(fixture)) = (package(), Fixture::new()) else { return };
    fixture.passes("making.js", package, &[]);
    let sandbox = &fixture.sandbox;
    assert!(sandbox.read("made/image.caibx") == sandbox.read("zstd.caibx"), "an index has one form");
    sandbox.run("tar", ["-xf", "made/image.tar", "-C", "made"]).success();
    for name in ["default", "put"] {
        let store = format!("--store=made/{name}.castr");
        // New files each time: one that is there would be a seed, which the C program gives up if it is written meanwhile.
        let (theirs, ours) = (format!("made/{name}.img"), format!("made/{name}-again.img"));
        fixture.casync(&["extract", "--seed-output=no", &store, "made/image.caibx", &theirs]);
        assert!(sandbox.read(theirs) == sandbox.read("image.img"));
        sandbox.casync(["extract", &store, "made/image.caibx", &ours]).success();
        assert!(sandbox.read(ours) == sandbox.read("image.img"));
    }
    let list = fixture.casync(&["list", "--store=made/put.castr", "made/tree.caidx"]);
    let names = |text: &[u8]| -> Vec<String> {
        String::from_utf8_lossy(text).lines().filter_map(|line| Some(line.split_once(' ')?.1.to_owned())).collect()
    };
    // What a page is not told of are links.
    let expected: Vec<String> =
        names(&sandbox.read("zstd.caidx.list")).into_iter().filter(|name| name != "link").collect();
    assert_eq!(names(&list), expected);
    fixture.casync(&["extract", "--store=made/put.castr", "made/tree.caidx", "made/tree"]);
    assert!(sandbox.read("made/tree/big.bin") == sandbox.read("tree/big.bin"));
    assert_eq!(sandbox.read("made/tree/docs/deep/hello.txt"), b"hello\n");
    let digest = fixture.casync(&["digest", "--store=made/put.castr", "made/tree.caidx"]);
    assert_eq!(digest, sandbox.read("made/tree.digest"));
}
