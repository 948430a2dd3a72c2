//! `make_index`.

use std::fs;

use casync_tests::input;

use crate::programs::{casync, example};

#[test]
fn indexes_and_digests_equal_those_of_the_c_casync() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    // More than both buffers hold.
    let long = [input::prng("long", 9 << 20), input::text(1 << 20), vec![0; 3 << 20]].concat();
    for (stream, sizes) in [(&long[..], None), (&long, Some("4096:16384:65536")), (&long, Some("1M")), (b"", None)] {
        fs::write(path("blob"), stream).unwrap();
        let option = sizes.map(|sizes| format!("--chunk-size={sizes}"));
        let store = format!("--store={}", path("store"));
        let mut arguments = vec!["make", &store];
        arguments.extend(option.as_deref());
        let (theirs, ours, blob) = (path("theirs.caibx"), path("ours.caibx"), path("blob"));
        arguments.extend([theirs.as_str(), blob.as_str()]);
        let digest = casync(&arguments);
        let mut arguments = vec![ours.as_str()];
        arguments.extend(sizes);
        let outcome = example("make_index", &arguments, stream);
        assert!(outcome.success, "{sizes:?}: {outcome:?}");
        assert_eq!(outcome.stdout, digest, "{sizes:?}");
        assert!(fs::read(ours).unwrap() == fs::read(theirs).unwrap(), "{sizes:?}: the indexes differ");
    }
}

#[test]
fn what_cannot_be_made_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let outcome = example("make_index", &[&path("nowhere/x.caibx")], b"stream");
    assert!(!outcome.success && outcome.stderr.contains("nowhere/x.caibx"), "{outcome:?}");
    // Chunks that may be no longer than the window of the hash: that shows while the stream is cut.
    let outcome = example("make_index", &[&path("x.caibx"), "1:20:40"], &input::prng("stream", 100));
    assert!(!outcome.success && outcome.stderr.contains("48 bytes"), "{outcome:?}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is left behind");
}
