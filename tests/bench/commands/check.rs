//! Whether both casyncs have done the same, and what they should: times of different work cannot be compared.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::lab::{Lab, Tool};
use crate::rows::{Outcome, Row};
use crate::tree;

/// Panics unless the runs that have just ended left equal things.
pub(crate) fn same_results(lab: &Lab, row: &Row) {
    let casyncs: Vec<Tool> = lab.tools(row).into_iter().filter(|tool| *tool != Tool::Plain).collect();
    equal_files(row, casyncs.iter().map(|&tool| lab.printed(tool)));
    let left = |name: &'static str| casyncs.iter().map(move |&tool| lab.directory(tool).join(name));
    match row.result {
        Outcome::Printed => assert!(fs::metadata(lab.printed(Tool::Ours)).unwrap().len() > 0, "{}", row.name),
        Outcome::Index(name) => {
            equal_files(row, left(name));
            let mut stores = left("store.castr").map(|store| chunks(&store));
            let first = stores.next().expect("one casync ran");
            assert!(!first.is_empty(), "{}: no chunks were stored", row.name);
            assert!(stores.all(|other| other == first), "{}: not the same chunks were stored", row.name);
        }
        Outcome::Tree(source) => {
            let digest = |tree: PathBuf| lab.run(lab.judge(), &["digest", tree.to_str().expect("ASCII")]);
            let expected = digest(lab.directory(Tool::Ours).join(source));
            for tree in left("out") {
                assert_eq!(digest(tree.clone()), expected, "{}: {} differs", row.name, tree.display());
            }
        }
        Outcome::File(source) => {
            equal_files(row, [lab.directory(Tool::Ours).join(source)].into_iter().chain(left("out")));
        }
    }
}

/// Names of chunks.
fn chunks(store: &Path) -> Vec<PathBuf> {
    tree::files(store).iter().map(|file| file.strip_prefix(store).expect("below the store").to_path_buf()).collect()
}

fn equal_files(row: &Row, mut files: impl Iterator<Item = PathBuf>) {
    let first = files.next().expect("one casync ran");
    for other in files {
        assert!(same_bytes(&first, &other), "{}: {} and {} differ", row.name, first.display(), other.display());
    }
}

/// Piece by piece: images are larger than what one wants in memory.
fn same_bytes(one: &Path, other: &Path) -> bool {
    let open = |path: &Path| File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (mut one, mut other) = (open(one), open(other));
    if one.metadata().unwrap().len() != other.metadata().unwrap().len() {
        return false;
    }
    let (mut left, mut right) = (Vec::new(), Vec::new());
    loop {
        for (file, piece) in [(&mut one, &mut left), (&mut other, &mut right)] {
            piece.clear();
            file.take(1 << 20).read_to_end(piece).expect("results can be read");
        }
        if left != right || left.is_empty() {
            return left == right;
        }
    }
}
