//! The program beside the C casync: the same bytes from the same trees, blobs and devices, the same answers, and each
//! reads what the other wrote.
//!
//! Everything here is tried on a real file system; with root and loop devices it is more (what is missing is skipped,
//! loudly). Where the two are known to differ, the test says so where it steps around it.

mod pair;

mod archives;
mod blobs;
mod devices;
mod excluded;
mod extracted;
mod frames;
mod golden;
mod system;
mod texts;
