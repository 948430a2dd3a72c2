//! One member of an archive.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::record::{AclDefault, AclEntry, AclPermissions, FeatureFlags};

/// A node: metadata and content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Everything but the content.
    pub metadata: Metadata,
    /// What kind of node it is, with what belongs to that kind.
    pub content: Content,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A directory; its entries follow.
    Directory,
    /// A regular file; its payload follows.
    Regular {
        /// Bytes of payload.
        size: u64,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points, 1 to 4095 bytes.
        target: Box<[u8]>,
    },
    /// A block device.
    Block(DeviceNumber),
    /// A character device.
    Character(DeviceNumber),
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
}

impl Content {
    /// The kind of node, without details.
    pub const fn file_type(&self) -> FileType {
        match self {
            Self::Directory => FileType::Directory,
            Self::Regular { .. } => FileType::Regular,
            Self::Symlink { .. } => FileType::Symlink,
            Self::Block(_) => FileType::Block,
            Self::Character(_) => FileType::Character,
            Self::Fifo => FileType::Fifo,
            Self::Socket => FileType::Socket,
        }
    }
}

/// The kinds of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum FileType {
    /// Named pipe.
    Fifo = 0o010_000,
    /// Character device.
    Character = 0o020_000,
    /// Directory.
    Directory = 0o040_000,
    /// Block device.
    Block = 0o060_000,
    /// Regular file.
    Regular = 0o100_000,
    /// Symbolic link.
    Symlink = 0o120_000,
    /// Socket.
    Socket = 0o140_000,
}

impl FileType {
    const ALL: [Self; 7] =
        [Self::Fifo, Self::Character, Self::Directory, Self::Block, Self::Regular, Self::Symlink, Self::Socket];

    /// The type bits of a mode (`S_IFMT`).
    pub const MASK: u32 = 0o170_000;

    /// The type in a mode; `None` if it is none.
    pub fn of(mode: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|&kind| kind as u32 == mode & Self::MASK)
    }

    /// The type bits of a mode.
    pub const fn bits(self) -> u32 {
        self as u32
    }

    /// The feature that this kind of node needs; nothing for directories and regular files.
    pub const fn feature(self) -> FeatureFlags {
        match self {
            Self::Directory | Self::Regular => FeatureFlags::EMPTY,
            Self::Symlink => FeatureFlags::SYMLINKS,
            Self::Block | Self::Character => FeatureFlags::DEVICE_NODES,
            Self::Fifo => FeatureFlags::FIFOS,
            Self::Socket => FeatureFlags::SOCKETS,
        }
    }
}

/// Major and minor number of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceNumber {
    /// Below 2^12.
    pub major: u32,
    /// Below 2^20.
    pub minor: u32,
}

impl DeviceNumber {
    /// Whether both numbers are in range.
    pub const fn is_valid(self) -> bool {
        self.major < 1 << 12 && self.minor < 1 << 20
    }
}

impl fmt::Display for DeviceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.major, self.minor)
    }
}

/// Metadata of a node, as stored: what the feature flags exclude is zero or absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The twelve permission bits.
    pub permissions: u32,
    /// chattr, FAT and subvolume flags, as bits of [`FeatureFlags::FILE_FLAGS`].
    pub flags: FeatureFlags,
    /// Owning user, shifted.
    pub uid: u32,
    /// Owning group, shifted.
    pub gid: u32,
    /// Modification time.
    pub mtime: Timestamp,
    /// Name of the owning user, never `root`.
    pub user: Option<Box<[u8]>>,
    /// Name of the owning group, never `root`.
    pub group: Option<Box<[u8]>>,
    /// Extended attributes `user.*` and `trusted.*`, in ascending order of names.
    pub xattrs: Vec<Xattr>,
    /// Access ACL, if it says more than the permission bits.
    pub acl: Option<Box<Acl>>,
    /// Default ACL of a directory.
    pub default_acl: Option<Box<DefaultAcl>>,
    /// SELinux label.
    pub selinux: Option<Box<[u8]>>,
    /// File capabilities: the raw value of `security.capability`.
    pub fcaps: Option<Box<[u8]>>,
    /// Quota project id, not 0.
    pub project_id: Option<u32>,
}

/// An extended attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Xattr {
    /// The name, with its name space.
    pub name: Box<[u8]>,
    /// The value, at most 65536 bytes.
    pub value: Box<[u8]>,
}

/// The part of an access ACL that the permission bits cannot hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acl {
    /// Named users, in ascending order.
    pub users: Vec<AclEntry>,
    /// Named groups, in ascending order.
    pub groups: Vec<AclEntry>,
    /// The owning group's entry; the group bits of the mode then are the mask.
    pub group: Option<AclPermissions>,
}

/// A default ACL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultAcl {
    /// The entries that every ACL has.
    pub base: AclDefault,
    /// Named users, in ascending order.
    pub users: Vec<AclEntry>,
    /// Named groups, in ascending order.
    pub groups: Vec<AclEntry>,
}

/// Nanoseconds since 1970-01-01 UTC. The format has no sign: archives hold times from 1970 to 2554.
///
/// ```
/// use casync_core::archive::Timestamp;
///
/// assert_eq!(Timestamp::from_unix(1, 500_000_000).nanoseconds(), 1_500_000_000);
/// assert_eq!(Timestamp::from_unix(-1, 0).nanoseconds(), 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The largest that archives hold: readers refuse all ones, which is a nanosecond before 1970.
    pub const LAST: Self = Self(u64::MAX - 1);

    const SECOND: u64 = 1_000_000_000;

    /// From the stored number.
    pub const fn from_nanoseconds(nanoseconds: u64) -> Self {
        Self(nanoseconds)
    }

    /// From seconds and nanoseconds as file systems give them; outside of what archives hold, the nearest time.
    pub const fn from_unix(seconds: i64, nanoseconds: u32) -> Self {
        if seconds < 0 {
            return Self(0);
        }
        let whole = seconds.cast_unsigned().checked_mul(Self::SECOND);
        match whole {
            Some(whole) => match whole.checked_add(nanoseconds as u64) {
                Some(time) if time < Self::LAST.0 => Self(time),
                _ => Self::LAST,
            },
            None => Self::LAST,
        }
    }

    /// Whether archives hold this time as it is.
    pub const fn holds(seconds: i64, nanoseconds: u32) -> bool {
        let (whole, rest) = Self::from_unix(seconds, nanoseconds).to_unix();
        whole.cast_signed() == seconds && rest == nanoseconds
    }

    /// The stored number.
    pub const fn nanoseconds(self) -> u64 {
        self.0
    }

    /// Whole seconds since 1970, and nanoseconds above that.
    pub const fn to_unix(self) -> (u64, u32) {
        (self.0 / Self::SECOND, (self.0 % Self::SECOND) as u32)
    }

    /// So many nanoseconds later, as far as archives hold that.
    #[must_use]
    pub const fn later(self, nanoseconds: u64) -> Self {
        let later = self.0.saturating_add(nanoseconds);
        if later > Self::LAST.0 { Self::LAST } else { Self(later) }
    }

    /// Rounded down to a multiple of `granularity` nanoseconds.
    #[must_use]
    pub const fn rounded(self, granularity: u64) -> Self {
        Self(self.0 - self.0 % granularity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn timestamps() {
        for (seconds, nanoseconds, stored, shown) in [
            (0, 0, 0, (0, 0)),
            (1, 999_999_999, 1_999_999_999, (1, 999_999_999)),
            // Upstream's wrap: what is before 1970 comes out in 2554.
            (-1, 999_999_999, 0, (0, 0)),
            (i64::MIN, 0, 0, (0, 0)),
            (18_446_744_073, 709_551_614, u64::MAX - 1, (18_446_744_073, 709_551_614)),
            (18_446_744_073, 709_551_615, u64::MAX - 1, (18_446_744_073, 709_551_614)),
            (18_446_744_074, 0, u64::MAX - 1, (18_446_744_073, 709_551_614)),
            (i64::MAX, 999_999_999, u64::MAX - 1, (18_446_744_073, 709_551_614)),
        ] {
            let time = Timestamp::from_unix(seconds, nanoseconds);
            assert_eq!((time.nanoseconds(), time.to_unix()), (stored, shown), "{seconds}.{nanoseconds:09}");
            assert_eq!(Timestamp::from_nanoseconds(stored), time);
            assert_eq!(Timestamp::holds(seconds, nanoseconds), (seconds.cast_unsigned(), nanoseconds) == shown);
        }
        let time = Timestamp::from_unix(3, 123_456_789);
        assert_eq!(time.rounded(1), time);
        assert_eq!(time.rounded(1000), Timestamp::from_unix(3, 123_456_000));
        assert_eq!(time.rounded(2_000_000_000), Timestamp::from_unix(2, 0));
    }

    #[test]
    fn devices() {
        for (major, minor, valid) in [(0, 0, true), (4095, 1_048_575, true), (4096, 0, false), (0, 1_048_576, false)] {
            assert_eq!(DeviceNumber { major, minor }.is_valid(), valid, "{major}:{minor}");
        }
        assert_eq!(DeviceNumber { major: 8, minor: 1 }.to_string(), "8:1");
    }

    #[test]
    fn file_types() {
        for kind in FileType::ALL {
            assert_eq!(FileType::of(kind.bits() | 0o7777), Some(kind));
        }
        for mode in [0, 0o777, 0o030_000, 0o170_000] {
            assert_eq!(FileType::of(mode), None, "{mode:o}");
        }
    }
}
