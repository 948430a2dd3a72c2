//! Images that become disks.

use crate::sandbox::Sandbox;

/// An image as a disk has it, with its last sector filled up.
pub fn padded(mut image: Vec<u8>) -> Vec<u8> {
    image.resize(image.len().next_multiple_of(512), 0);
    image
}

/// A sandbox with an image as `disk.img`, `disk.caibx` and its store.
pub fn sandbox(image: Vec<u8>) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("disk.img", image);
    sandbox.casync(["make", "--chunk-size=65536", "disk.caibx", "disk.img"]).success();
    sandbox
}
