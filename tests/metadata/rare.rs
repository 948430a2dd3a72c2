//! Metadata that the kernels of few machines hold: FAT attributes, and projects of ext4. In a virtual machine, where both programs
//! make archives of the same tree, and extract each other's.

use std::path::Path;

use casync_tests::machine::Machine;
use casync_tests::plant::shell;
use casync_tests::sandbox::Sandbox;
use casync_tests::skip::skip;
use casync_tests::tool;

#[test]
#[ignore = "boots a virtual machine with a kernel that is fetched first (27 MB)"]
fn fat_attributes_and_projects_of_ext4() {
    let sandbox = Sandbox::new();
    let (Some(machine), Some(upstream)) = (Machine::new(&sandbox), tool::upstream()) else { return };
    let tools = ["mkfs.vfat", "mkfs.ext4", "chattr", "lsattr"].map(tool::which);
    let [Some(_), Some(_), Some(chattr), Some(lsattr)] = tools else {
        return skip("this takes dosfstools and e2fsprogs");
    };
    shell(
        &sandbox.path(""),
        "for name in a b c; do
            truncate -s 8M $name.fat $name.ext4; mkfs.vfat $name.fat >/dev/null; mkfs.ext4 -qFI256 -Oproject,quota $name.ext4
         done",
    );
    machine.bring("*.fat *.ext4");
    machine.install(upstream, "casync-c");
    machine.install(&chattr, "chattr.e2fs");
    machine.install(&lsattr, "lsattr.e2fs");
    let (said, text) = machine.run(&Path::new(env!("CARGO_MANIFEST_DIR")).join("metadata/rare-init"));
    let fat = "plain --, hidden h-, system -s, both hs, directory h-";
    let projects = "file 4711, directory 4712, directory/inherited 4712, none 0";
    let expected = [
        format!("fat: {fat}"),
        "fat: the archives are equal".to_owned(),
        format!("fat extracted by casync: {fat}, the same archive"),
        format!("fat extracted by casync-c: {fat}, the same archive"),
        format!("ext4: {projects}"),
        "ext4: the archives are equal".to_owned(),
        format!("ext4 extracted by casync: {projects}, the same archive"),
        format!("ext4 extracted by casync-c: {projects}, the same archive"),
        "the end".to_owned(),
    ];
    assert_eq!(said, expected, "{text}");
}
