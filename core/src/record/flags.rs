//! Feature flags: what an archive stores of each node (spec: catar.md 4).

use core::fmt;
use core::ops::{BitAnd, BitOr, BitOrAssign, Sub};

use crate::error::{Error, Malformed, Result, Unsupported, UsageError};

/// A set of feature flags, as found in every ENTRY record and in index headers.
///
/// ```
/// use casync_core::record::FeatureFlags;
///
/// let all = FeatureFlags::parse("all").unwrap() | FeatureFlags::SHA512_256;
/// assert!(all.normalized().contains(FeatureFlags::NSEC_TIME));
/// assert!(!all.normalized().contains(FeatureFlags::SEC_TIME));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct FeatureFlags(u64);

/// One line of the table of features.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Feature {
    /// The flag, a single bit.
    pub flag: FeatureFlags,
    /// Its name for `--with=` and `--without=`.
    pub name: &'static str,
    /// What it stores, for help texts.
    pub help: &'static str,
}

/// A name for several features.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FeatureGroup {
    /// The flags.
    pub flags: FeatureFlags,
    /// Its name for `--with=` and `--without=`.
    pub name: &'static str,
    /// What the group is for, for help texts.
    pub help: &'static str,
}

macro_rules! features {
    ($($bit:literal $constant:ident $name:literal $help:literal;)*) => {
        impl FeatureFlags {
            $(
                #[doc = concat!("`", $name, "`: ", $help, ".")]
                pub const $constant: Self = Self(1 << $bit);
            )*
        }

        /// Every feature that `--with=` can name, in bit order.
        pub static FEATURES: &[Feature] = &[
            $(Feature { flag: FeatureFlags::$constant, name: $name, help: $help },)*
        ];
    };
}

features! {
    0 UIDS_16BIT "16bit-uids" "owners as 16-bit numbers";
    1 UIDS_32BIT "32bit-uids" "owners as 32-bit numbers";
    2 USER_NAMES "user-names" "owners by name";
    3 SEC_TIME "sec-time" "modification times to 1 s";
    4 USEC_TIME "usec-time" "modification times to 1 µs";
    5 NSEC_TIME "nsec-time" "modification times to 1 ns";
    6 SEC2_TIME "2sec-time" "modification times to 2 s";
    7 READ_ONLY "read-only" "the read-only bit of the mode";
    8 PERMISSIONS "permissions" "all permission bits of the mode";
    9 SYMLINKS "symlinks" "symbolic links";
    10 DEVICE_NODES "device-nodes" "block and character devices";
    11 FIFOS "fifos" "named pipes";
    12 SOCKETS "sockets" "sockets";
    13 FLAG_HIDDEN "flag-hidden" "FAT attribute hidden";
    14 FLAG_SYSTEM "flag-system" "FAT attribute system";
    15 FLAG_ARCHIVE "flag-archive" "FAT attribute archive";
    16 FLAG_APPEND "flag-append" "chattr append-only";
    17 FLAG_NOATIME "flag-noatime" "chattr no access time";
    18 FLAG_COMPR "flag-compr" "chattr compression";
    19 FLAG_NOCOW "flag-nocow" "chattr no copy-on-write";
    20 FLAG_NODUMP "flag-nodump" "chattr no dump";
    21 FLAG_DIRSYNC "flag-dirsync" "chattr synchronous directory";
    22 FLAG_IMMUTABLE "flag-immutable" "chattr immutable";
    23 FLAG_SYNC "flag-sync" "chattr synchronous";
    24 FLAG_NOCOMP "flag-nocomp" "chattr no compression";
    25 FLAG_PROJINHERIT "flag-projinherit" "chattr project inheritance";
    26 SUBVOLUME "subvolume" "btrfs subvolumes";
    27 SUBVOLUME_RO "subvolume-ro" "read-only btrfs subvolumes";
    28 XATTRS "xattrs" "extended attributes";
    29 ACL "acl" "access control lists";
    30 SELINUX "selinux" "SELinux labels";
    31 FCAPS "fcaps" "file capabilities";
    32 QUOTA_PROJID "quota-projid" "quota project ids";
}

/// The groups, in the order of upstream's help.
pub static FEATURE_GROUPS: &[FeatureGroup] = &[
    FeatureGroup { flags: FeatureFlags(0x1_ffff_fe26), name: "best", help: "the most precise of everything" },
    FeatureGroup { flags: FeatureFlags(0x1f09), name: "unix", help: "what every Unix has" },
    FeatureGroup { flags: FeatureFlags(0xe0c0), name: "fat", help: "what FAT has" },
    FeatureGroup { flags: FeatureFlags(0x3ff_0000), name: "chattr", help: "all chattr flags" },
    FeatureGroup { flags: FeatureFlags(0xe000), name: "fat-attrs", help: "all FAT attributes" },
    FeatureGroup { flags: FeatureFlags(0x1_ec41_4407), name: "privileged", help: "what only root can restore" },
    FeatureGroup { flags: FeatureFlags(0x13ff_fffb), name: "fuse", help: "what a mount can show" },
    FeatureGroup { flags: FeatureFlags::ALL, name: "all", help: "everything" },
];

impl FeatureFlags {
    /// No flag.
    pub const EMPTY: Self = Self(0);
    /// Every feature that `--with=` can name.
    pub const ALL: Self = Self(0x1_ffff_ffff);
    /// The writer honoured `.caexclude` files.
    pub const EXCLUDE_FILE: Self = Self(1 << 60);
    /// Digests and chunk ids are SHA-512/256; clear: SHA-256.
    pub const SHA512_256: Self = Self(1 << 61);
    /// The writer left out submounts.
    pub const EXCLUDE_SUBMOUNTS: Self = Self(1 << 62);
    /// The writer left out files with the nodump attribute.
    pub const EXCLUDE_NODUMP: Self = Self(1 << 63);
    /// 16- or 32-bit owner ids.
    pub const UIDS: Self = Self(Self::UIDS_16BIT.0 | Self::UIDS_32BIT.0);
    /// All four time granularities.
    pub const TIMES: Self = Self(Self::SEC_TIME.0 | Self::USEC_TIME.0 | Self::NSEC_TIME.0 | Self::SEC2_TIME.0);
    /// The chattr flags.
    pub const CHATTR: Self = Self(0x3ff_0000);
    /// The FAT attributes.
    pub const FAT_ATTRS: Self = Self(0xe000);
    /// The bits that an ENTRY's file flags may hold: FAT attributes, chattr flags, subvolumes.
    pub const FILE_FLAGS: Self = Self(Self::FAT_ATTRS.0 | Self::CHATTR.0 | Self::SUBVOLUME.0 | Self::SUBVOLUME_RO.0);

    const KNOWN: Self = Self(Self::ALL.0 | 0xf000_0000_0000_0000);

    /// Reads flags from an archive or index.
    ///
    /// # Errors
    ///
    /// [`Unsupported::FeatureFlags`] for unknown bits, [`Malformed::FlagsUnset`] for all ones,
    /// [`Malformed::FlagsNotNormalized`] for combinations that no writer produces.
    pub fn from_wire(bits: u64) -> Result<Self> {
        if bits == u64::MAX {
            return Err(Malformed::FlagsUnset.into());
        }
        let unknown = bits & !Self::KNOWN.0;
        if unknown != 0 {
            return Err(Unsupported::FeatureFlags(unknown).into());
        }
        let flags = Self(bits);
        if flags == flags.normalized() { Ok(flags) } else { Err(Malformed::FlagsNotNormalized(flags).into()) }
    }

    /// The feature or group of this name.
    ///
    /// # Errors
    ///
    /// [`UsageError::Feature`] if there is none.
    pub fn parse(name: &str) -> Result<Self> {
        let single = FEATURES.iter().find(|feature| feature.name == name).map(|feature| feature.flag);
        let group = || FEATURE_GROUPS.iter().find(|group| group.name == name).map(|group| group.flags);
        single.or_else(group).ok_or(Error::Usage(UsageError::Feature))
    }

    /// All of several sets together.
    pub const fn union(sets: &[Self]) -> Self {
        let mut bits = 0;
        let mut index = 0;
        while index < sets.len() {
            bits |= sets[index].0;
            index += 1;
        }
        Self(bits)
    }

    /// The bits, as stored.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether all of `flags` are set.
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Whether any of `flags` is set.
    pub const fn intersects(self, flags: Self) -> bool {
        self.0 & flags.0 != 0
    }

    /// Those of the flags that are set in `bits`.
    pub(crate) const fn only(self, bits: u64) -> Self {
        Self(self.0 & bits)
    }

    /// Whether no flag is set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Resolves combinations that contradict each other (spec: catar.md 4.2), as a writer does before it starts.
    #[must_use]
    pub fn normalized(self) -> Self {
        let mut flags = self;
        if flags.contains(Self::ACL) && !flags.intersects(Self::UIDS | Self::USER_NAMES) {
            flags |= Self::UIDS_32BIT | Self::USER_NAMES;
        }
        if flags.contains(Self::UIDS_32BIT) {
            flags = flags - Self::UIDS_16BIT;
        }
        for (fine, coarser) in [
            (Self::NSEC_TIME, Self::USEC_TIME | Self::SEC_TIME | Self::SEC2_TIME),
            (Self::USEC_TIME, Self::SEC_TIME | Self::SEC2_TIME),
            (Self::SEC_TIME, Self::SEC2_TIME),
        ] {
            if flags.contains(fine) {
                flags = flags - coarser;
            }
        }
        if flags.contains(Self::ACL) {
            flags = flags - (Self::PERMISSIONS | Self::READ_ONLY);
        }
        if flags.contains(Self::PERMISSIONS) {
            flags = flags - Self::READ_ONLY;
        }
        if flags.contains(Self::EXCLUDE_NODUMP) {
            flags = flags - Self::FLAG_NODUMP;
        }
        if flags.contains(Self::SUBVOLUME_RO) {
            flags |= Self::SUBVOLUME;
        }
        flags
    }

    /// What to restore from an archive with these flags when the user allows `mask` (spec: catar.md 9).
    #[must_use]
    pub fn replayed(self, mask: Self) -> Self {
        (self.widened() & mask.widened()).normalized()
    }

    /// Adds everything that the flags imply.
    fn widened(self) -> Self {
        let mut flags = self;
        for (cause, implied) in [
            (Self::UIDS, Self::UIDS),
            (Self::TIMES, Self::TIMES),
            (Self::PERMISSIONS, Self::READ_ONLY),
            (Self::ACL, Self::PERMISSIONS | Self::READ_ONLY),
            (Self::SUBVOLUME_RO, Self::SUBVOLUME),
        ] {
            if flags.intersects(cause) {
                flags |= implied;
            }
        }
        flags
    }

    /// The unit of stored modification times in nanoseconds; `None` if none are stored.
    pub const fn time_granularity(self) -> Option<u64> {
        if self.contains(Self::NSEC_TIME) {
            Some(1)
        } else if self.contains(Self::USEC_TIME) {
            Some(1_000)
        } else if self.contains(Self::SEC_TIME) {
            Some(1_000_000_000)
        } else if self.contains(Self::SEC2_TIME) {
            Some(2_000_000_000)
        } else {
            None
        }
    }

    /// The names of the features that are set, in bit order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        FEATURES.iter().filter(move |feature| self.contains(feature.flag)).map(|feature| feature.name)
    }
}

impl BitOr for FeatureFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for FeatureFlags {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl BitAnd for FeatureFlags {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Sub for FeatureFlags {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl fmt::LowerHex for FeatureFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(&self.0, f)
    }
}

impl fmt::Debug for FeatureFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FeatureFlags({:#x})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: FeatureFlags = FeatureFlags(0xb000_0000_0000_0000);

    #[test]
    fn defaults_are_upstreams() {
        let all = FeatureFlags::parse("all").unwrap();
        let best = FeatureFlags::parse("best").unwrap();
        assert_eq!((all | DEFAULT).normalized().bits(), 0xb000_0001_ffef_fe26);
        assert_eq!((best | DEFAULT).normalized(), (all | DEFAULT).normalized());
    }

    #[test]
    fn normal_forms_are_stable_and_accepted() {
        for low in 0..1 << 13 {
            // Every combination of the thirteen lowest flags, with and without those that touch them.
            for high in [0, 1 << 29, 1 << 27, 1 << 20 | 1 << 63, 1 << 20] {
                let normal = FeatureFlags(low | high).normalized();
                assert_eq!(normal.normalized(), normal);
                assert_eq!(FeatureFlags::from_wire(normal.bits()), Ok(normal));
            }
        }
    }

    #[test]
    fn times_can_only_be_dropped_together() {
        let archive = FeatureFlags(0xb000_0001_ffef_fe26);
        let kept = archive.replayed(FeatureFlags::ALL - FeatureFlags::NSEC_TIME);
        assert!(kept.contains(FeatureFlags::NSEC_TIME));
        assert!(archive.replayed(FeatureFlags::ALL - FeatureFlags::TIMES).time_granularity().is_none());
    }
}
