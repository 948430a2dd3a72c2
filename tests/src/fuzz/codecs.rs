//! Compressed frames of any bytes.

use casync_core::codec;

use super::seed;
use crate::random::Rng;

/// No frame makes more than it may.
pub(super) fn codec(frame: &[u8]) {
    let limit = *Rng::new(seed(frame)).pick(&[0, 1, 1000, 30_000, 1 << 20]);
    let mut plain = b"before".to_vec();
    if codec::decode(frame, limit, &mut plain).is_ok() {
        assert!(plain.len() as u64 <= limit + 6 && plain.starts_with(b"before"));
        // What fits exactly is not refused, and one byte less is.
        let size = plain.len() as u64 - 6;
        assert_eq!(codec::decode(frame, size, &mut Vec::new()), Ok(()));
        if size > 0 {
            assert!(codec::decode(frame, size - 1, &mut Vec::new()).is_err());
        }
    }
}
