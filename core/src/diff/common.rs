//! What two archives both store of a node.

use crate::archive::{FileType, Timestamp};
use crate::record::FeatureFlags;

/// What can be compared of two archives: what both of them store, and the user wants to know.
///
/// ```
/// use casync_core::archive::Timestamp;
/// use casync_core::diff::Common;
/// use casync_core::record::FeatureFlags;
///
/// let [fine, coarse] = [FeatureFlags::NSEC_TIME, FeatureFlags::SEC_TIME];
/// let common = Common::new(fine | FeatureFlags::XATTRS, coarse, FeatureFlags::ALL);
/// assert!(!common.stores(FeatureFlags::XATTRS));
/// assert!(common.same_time(Timestamp::from_unix(7, 5), Timestamp::from_unix(7, 0)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Common {
    features: FeatureFlags,
    modes: Modes,
    /// The coarser of the two, in nanoseconds.
    granularity: Option<u64>,
}

/// How much of a mode is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Modes {
    /// Nothing but the type.
    None,
    /// Whether anybody may write.
    ReadOnly,
    /// All permission bits.
    All,
}

impl Modes {
    fn of(features: FeatureFlags) -> Self {
        if features.intersects(FeatureFlags::PERMISSIONS | FeatureFlags::ACL) {
            Self::All
        } else if features.contains(FeatureFlags::READ_ONLY) {
            Self::ReadOnly
        } else {
            Self::None
        }
    }
}

impl Common {
    /// Of two archives with these feature flags, as far as `mask` wants it.
    pub fn new(left: FeatureFlags, right: FeatureFlags, mask: FeatureFlags) -> Self {
        let sets = [left, right, mask];
        let mut features = left & right & mask;
        // 16 and 32 bits exclude each other in what archives say of themselves, and hold the same ids.
        if sets.iter().all(|set| set.intersects(FeatureFlags::UIDS)) {
            features |= FeatureFlags::UIDS;
        }
        let granularity = match (left.time_granularity(), right.time_granularity()) {
            (Some(left), Some(right)) if mask.intersects(FeatureFlags::TIMES) => Some(left.max(right)),
            _ => None,
        };
        let modes = sets.map(Modes::of).into_iter().min().unwrap_or(Modes::None);
        Self { features, modes, granularity }
    }

    /// Whether both sides store this.
    pub const fn stores(&self, feature: FeatureFlags) -> bool {
        self.features.intersects(feature)
    }

    /// Whether both sides store nodes of this type; those of others cannot be missed on the side that does not.
    pub const fn admits(&self, file_type: FileType) -> bool {
        self.features.contains(file_type.feature())
    }

    /// The file flags that both sides store.
    pub fn flags(&self) -> FeatureFlags {
        self.features & FeatureFlags::FILE_FLAGS
    }

    /// Whether two modification times are equal as far as both sides store them.
    pub fn same_time(&self, left: Timestamp, right: Timestamp) -> bool {
        self.granularity.is_none_or(|granularity| left.rounded(granularity) == right.rounded(granularity))
    }

    /// Whether two sets of permission bits are equal as far as both sides store them.
    pub fn same_mode(&self, left: u32, right: u32) -> bool {
        match self.modes {
            Modes::None => true,
            Modes::ReadOnly => (left & 0o222 == 0) == (right & 0o222 == 0),
            Modes::All => left == right,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_one_side_stores_does_not_count() {
        let flags = |names: &[&str]| {
            let flags: alloc::vec::Vec<_> = names.iter().map(|name| FeatureFlags::parse(name).unwrap()).collect();
            FeatureFlags::union(&flags).normalized()
        };
        let all = FeatureFlags::ALL;
        let common = Common::new(flags(&["16bit-uids", "symlinks"]), flags(&["32bit-uids", "fifos"]), all);
        assert!(common.stores(FeatureFlags::UIDS));
        for (file_type, admitted) in [
            (FileType::Regular, true),
            (FileType::Directory, true),
            (FileType::Symlink, false),
            (FileType::Fifo, false),
        ] {
            assert_eq!(common.admits(file_type), admitted, "{file_type:?}");
        }
        let mask = all - FeatureFlags::UIDS;
        assert!(!Common::new(flags(&["32bit-uids"]), flags(&["32bit-uids"]), mask).stores(FeatureFlags::UIDS));
    }

    #[test]
    fn modes_count_as_far_as_both_store_them() {
        let [acl, permissions, read_only, none] =
            [FeatureFlags::ACL, FeatureFlags::PERMISSIONS, FeatureFlags::READ_ONLY, FeatureFlags::EMPTY];
        for (left, right, cases) in [
            (acl, permissions, [true, false, false]),
            (permissions, read_only, [true, true, false]),
            (permissions, none, [true, true, true]),
        ] {
            let modes = [(0o644, 0o644), (0o644, 0o666), (0o644, 0o444)];
            for (left, right) in [(left, right), (right, left)] {
                let common = Common::new(left, right, FeatureFlags::ALL);
                assert_eq!(modes.map(|(left, right)| common.same_mode(left, right)), cases, "{left:?} {right:?}");
            }
        }
    }

    #[test]
    fn times_count_to_the_coarser_unit() {
        let time = Timestamp::from_unix;
        for (left, right, later, same) in [
            (FeatureFlags::NSEC_TIME, FeatureFlags::NSEC_TIME, time(4, 1), false),
            (FeatureFlags::NSEC_TIME, FeatureFlags::USEC_TIME, time(4, 999), true),
            (FeatureFlags::NSEC_TIME, FeatureFlags::USEC_TIME, time(4, 1000), false),
            (FeatureFlags::SEC2_TIME, FeatureFlags::SEC_TIME, time(5, 0), true),
            (FeatureFlags::SEC2_TIME, FeatureFlags::SEC_TIME, time(6, 0), false),
            (FeatureFlags::EMPTY, FeatureFlags::NSEC_TIME, time(9, 9), true),
        ] {
            let common = Common::new(left, right, FeatureFlags::ALL);
            assert_eq!(common.same_time(time(4, 0), later), same, "{left:?} {right:?} {later:?}");
        }
        let mask = FeatureFlags::ALL - FeatureFlags::TIMES;
        let common = Common::new(FeatureFlags::NSEC_TIME, FeatureFlags::NSEC_TIME, mask);
        assert!(common.same_time(time(0, 0), time(1, 0)));
    }
}
