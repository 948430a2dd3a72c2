//! What is said about seeds that are of no use.

use casync_tests::sandbox::Sandbox;

use crate::scene::images;

#[test]
fn seeds_that_cannot_be_opened_are_ignored() {
    let sandbox = Sandbox::new();
    images(&sandbox);
    let outcome = sandbox.casync(["--seed=missing", "--seed=old.img", "extract", "new.caibx", "out"]);
    assert_eq!(outcome.stderr, "Failed to add seed missing, ignoring: No such file or directory\n");
    outcome.success();
}

#[test]
fn seeds_of_other_types_are_refused() {
    let sandbox = Sandbox::new();
    images(&sandbox);
    let refused = sandbox.casync(["--seed=/dev/null", "extract", "new.caibx", "out"]).failure();
    let (first, detail) = refused.split_once('\n').unwrap();
    assert_eq!(first, "Failed to run synchronizer: Inappropriate ioctl for device");
    assert_eq!(detail, "  seed \"/dev/null\" is no file, directory or block device\n");
    assert!(!sandbox.path("out").exists());
}

#[test]
fn an_index_belongs_to_the_seed_before_it() {
    let sandbox = Sandbox::new();
    images(&sandbox);
    let refused = sandbox.casync(["--seed-index=old.caibx", "--seed=old.img", "extract", "new.caibx", "out"]).failure();
    assert!(refused.contains("--seed-index= must follow the --seed= that it describes."), "{refused}");
}
