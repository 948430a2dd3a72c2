//! Feature flags: names, normal forms, what a reader accepts and what is replayed.

use casync_core::error::{Error, Malformed, Unsupported, UsageError};
use casync_core::record::{FEATURE_GROUPS, FEATURES, FeatureFlags};
use casync_tests::random::{Rng, for_each_seed};
use casync_tests::tree;

/// Any set of known flags, normalized or not.
fn any(rng: &mut Rng) -> FeatureFlags {
    let chosen = FEATURES.iter().filter(|_| rng.once_in(2)).fold(FeatureFlags::EMPTY, |set, next| set | next.flag);
    chosen | tree::features(rng)
}

#[test]
fn names_lead_to_flags_and_back() {
    for feature in FEATURES {
        assert_eq!(FeatureFlags::parse(feature.name), Ok(feature.flag));
        assert_eq!(feature.flag.names().collect::<Vec<_>>(), [feature.name]);
        assert!(!feature.help.is_empty() && feature.flag.bits().is_power_of_two());
    }
    for group in FEATURE_GROUPS {
        assert_eq!(FeatureFlags::parse(group.name), Ok(group.flags));
        let members = group.flags.names().map(|name| FeatureFlags::parse(name).unwrap());
        assert_eq!(members.fold(FeatureFlags::EMPTY, |set, flag| set | flag), group.flags, "{}", group.name);
        assert!(!group.help.is_empty());
    }
    for wrong in ["", "ALL", "nsec", "16bit", " all"] {
        assert_eq!(FeatureFlags::parse(wrong), Err(Error::Usage(UsageError::Feature)), "{wrong:?}");
    }
}

/// The rules of catar.md 4.2, one by one.
#[test]
fn readers_accept_what_writers_normalize_to() {
    use FeatureFlags as F;
    for_each_seed(3000, |rng| {
        let flags = any(rng);
        let has = |flag| flags.contains(flag);
        let contradicts = has(F::UIDS)
            || (has(F::NSEC_TIME) && flags.intersects(F::USEC_TIME | F::SEC_TIME | F::SEC2_TIME))
            || (has(F::USEC_TIME) && flags.intersects(F::SEC_TIME | F::SEC2_TIME))
            || has(F::SEC_TIME | F::SEC2_TIME)
            || has(F::PERMISSIONS | F::READ_ONLY)
            || (has(F::ACL) && flags.intersects(F::PERMISSIONS | F::READ_ONLY))
            || (has(F::ACL) && !flags.intersects(F::UIDS | F::USER_NAMES))
            || has(F::EXCLUDE_NODUMP | F::FLAG_NODUMP)
            || (has(F::SUBVOLUME_RO) && !has(F::SUBVOLUME));
        match F::from_wire(flags.bits()) {
            Ok(read) => assert!(!contradicts && read == flags, "{flags:?}"),
            Err(error) => {
                assert!(contradicts, "{flags:?}");
                assert_eq!(error, Malformed::FlagsNotNormalized(flags).into());
            }
        }
        let normal = flags.normalized();
        assert_eq!(F::from_wire(normal.bits()), Ok(normal), "{flags:?}");
        assert_eq!(normal.normalized(), normal, "{flags:?}");
    });
    assert_eq!(F::from_wire(u64::MAX), Err(Malformed::FlagsUnset.into()));
    for bit in 33..60 {
        let bits = F::SHA512_256.bits() | 1 << bit;
        assert_eq!(F::from_wire(bits), Err(Unsupported::FeatureFlags(1 << bit).into()));
    }
}

#[test]
fn what_is_replayed_is_in_archive_and_mask() {
    for_each_seed(1000, |rng| {
        let archive = tree::features(rng);
        let mask = any(rng);
        let replayed = archive.replayed(mask);
        assert_eq!(FeatureFlags::from_wire(replayed.bits()), Ok(replayed));
        assert_eq!(archive.replayed(FeatureFlags::EMPTY), FeatureFlags::EMPTY);
        // Everything is replayed when everything is allowed, but for what the writer left out.
        let all = FeatureFlags::ALL | FeatureFlags::EXCLUDE_NODUMP;
        let others = FeatureFlags::EXCLUDE_FILE | FeatureFlags::SHA512_256 | FeatureFlags::EXCLUDE_SUBMOUNTS;
        assert_eq!(
            archive.replayed(all | others).time_granularity().is_some(),
            archive.intersects(FeatureFlags::TIMES)
        );
        for kind in [FeatureFlags::XATTRS, FeatureFlags::SYMLINKS, FeatureFlags::FCAPS, FeatureFlags::FLAG_SYNC] {
            assert_eq!(replayed.contains(kind), archive.contains(kind) && mask.contains(kind), "{archive:?} {mask:?}");
        }
    });
}
