//! How much memory hostile input makes the core take, measured by an allocator that counts.
//!
//! The bounds are a few times what is held at the end: vectors double, and while one moves, both copies count.

mod archives;
mod frames;
mod indexes;

/// The most bytes that were allocated at one time while `run` ran.
fn peak(run: impl FnOnce()) -> u64 {
    allocation_counter::measure(run).bytes_max
}

#[test]
fn the_allocator_counts() {
    let bytes = peak(|| drop(std::hint::black_box(vec![0_u8; 1_000_000])));
    assert!((1_000_000..1_001_000).contains(&bytes), "{bytes}");
    assert_eq!(peak(|| {}), 0);
}
