//! Random changes over many runs.

use std::fs;

use casync_tests::random::{Rng, for_each_seed};

use crate::scene::Scene;

#[test]
fn the_index_is_right_after_any_changes() {
    let mut hits = 0;
    for_each_seed(6, |rng| {
        let mut scene = Scene::empty();
        scene.options = vec![(*rng.pick(&["--chunk-size=1K", "--chunk-size=8K", "--chunk-size=64K"])).to_owned()];
        for _ in 0..40 {
            change(rng, &scene);
        }
        for _ in 0..8 {
            for _ in 0..rng.below(6) {
                change(rng, &scene);
            }
            // Without this, changes meet files that are too young to be recorded.
            if rng.once_in(2) {
                scene.settle();
            }
            if rng.once_in(6) {
                lose_chunks(rng, &scene);
            }
            hits += scene.make().hits;
        }
        scene.extract("default.castr");
    });
    assert!(hits > 500, "{hits}");
}

/// Changes something in the tree.
fn change(rng: &mut Rng, scene: &Scene) {
    let root = scene.sandbox.path("tree");
    let directory = if rng.once_in(3) { root.clone() } else { root.join(format!("d{}", rng.below(3))) };
    fs::create_dir_all(&directory).unwrap();
    let path = directory.join(format!("f{}", rng.below(12)));
    if path.is_dir() {
        return;
    }
    let most = *rng.pick(&[0, 50, 3000, 100_000]);
    match rng.below(8) {
        0 => drop(fs::remove_file(&path)),
        1 => drop(fs::rename(&path, root.join(format!("f{}", rng.below(12))))),
        2 => drop(fs::hard_link(&path, directory.join(format!("g{}", rng.below(12))))),
        3 | 4 if path.exists() => {
            // In place, with the modification time put back.
            let file = fs::File::options().write(true).open(&path).unwrap();
            let metadata = file.metadata().unwrap();
            let offset = rng.below(metadata.len() + 1);
            std::os::unix::fs::FileExt::write_all_at(&file, &rng.bytes(30), offset).unwrap();
            file.set_modified(metadata.modified().unwrap()).unwrap();
        }
        5 if path.exists() => {
            // Longer, with a hole.
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.set_len(file.metadata().unwrap().len() + rng.below(200_000)).unwrap();
        }
        _ => {
            let length = rng.number(0..=most);
            fs::write(&path, rng.bytes(length)).unwrap();
        }
    }
}

fn lose_chunks(rng: &mut Rng, scene: &Scene) {
    let store = scene.sandbox.path("default.castr");
    for entry in fs::read_dir(store).into_iter().flatten() {
        if rng.once_in(10) {
            fs::remove_dir_all(entry.unwrap().path()).unwrap();
        }
    }
}
