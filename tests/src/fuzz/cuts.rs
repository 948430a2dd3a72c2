//! Streams of any bytes, cut with any sizes.

use casync_core::chunk::ChunkSizes;

use super::seed;
use crate::cut;
use crate::random::Rng;
use crate::split::random_cuts;

/// All ways of cutting agree.
pub(super) fn cut(data: &[u8]) {
    let data = &data[..data.len().min(20_000)];
    let mut rng = Rng::new(seed(data));
    let most = *rng.pick(&[40, 100, 1000, 10_000]);
    let mut sizes = [0; 3].map(|_| 1 + rng.below(most));
    sizes.sort_unstable();
    let [min, avg, max] = if rng.once_in(8) { [sizes[0]; 3] } else { sizes };
    let sizes = ChunkSizes::new(min, avg, max).unwrap();
    let expected = cut::by_definition(data, &sizes);
    for parts in [vec![data], random_cuts(data, &mut rng)] {
        assert_eq!(cut::by_chunker(&parts, sizes), expected);
        assert_eq!(cut::by_cutter(&parts, sizes, max as usize + rng.number(1..=5000)), expected);
    }
}
