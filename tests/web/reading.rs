//! What the package reads, in Node.

use crate::fixture::Fixture;
use crate::package::{fast, package};
use crate::runtime;

/// Listings, bytes, digests and parts of every kind of store are those of the C program.
#[test]
fn everything_reads_as_the_c_program_says() {
    let (Some(package), Some(fixture)) = (package(), Fixture::new()) else { return };
    fixture.passes("reading.js", package, &[]);
}

/// And so says the other decoder, within the same memory.
#[test]
fn everything_reads_the_same_with_the_fast_decoder() {
    let (Some(package), Some(fixture)) = (fast(), Fixture::new()) else { return };
    fixture.passes("reading.js", &package, &[]);
    runtime::passes("memory.js", &package, &[]);
}

/// Seeds, plans, caches, resuming, pausing, aborting, verifying.
#[test]
fn downloads_begin_rest_and_go_on() {
    let (Some(package), Some(fixture)) = (package(), Fixture::new()) else { return };
    fixture.passes("downloads.js", package, &[]);
}

/// Damaged, wrong, missing, slow and hostile answers are errors with codes, and nothing unverified is delivered.
#[test]
fn bad_answers_are_clear_errors() {
    let (Some(package), Some(fixture)) = (package(), Fixture::new()) else { return };
    fixture.passes("faults.js", package, &[]);
}

/// An image of 48 MiB costs no more memory than one of 16 MiB, and less than 32 MiB.
#[test]
fn memory_does_not_grow_with_the_image() {
    let Some(package) = package() else { return };
    runtime::passes("memory.js", package, &[]);
}
