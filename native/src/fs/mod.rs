//! The file system, both ways: trees are walked and made, blobs read and written.

pub mod apply;
pub mod attic;
pub(crate) mod beneath;
pub mod blob;
pub(crate) mod holes;
pub mod meta;
pub mod output;
pub(crate) mod reflink;
pub(crate) mod remove;
pub mod walk;

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd as _, BorrowedFd};

/// A node by an open descriptor, or by its name in an open directory.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    /// The node itself, open.
    Open(BorrowedFd<'a>),
    /// A node that is only pointed at (`O_PATH`), a link for example.
    Pointer(BorrowedFd<'a>),
    /// A node that is not opened: a link, device, pipe or socket.
    Entry {
        /// Its directory.
        directory: BorrowedFd<'a>,
        /// Its name.
        name: &'a CStr,
    },
}

impl Place<'_> {
    /// A path that leads to the node for calls that want one. The last component must be followed for descriptors, and not
    /// for names.
    pub(crate) fn proc_path(&self) -> CString {
        let path = match self {
            Self::Open(fd) | Self::Pointer(fd) => format!("/proc/self/fd/{}", fd.as_raw_fd()).into_bytes(),
            Self::Entry { directory, name } => {
                let mut path = format!("/proc/self/fd/{}/", directory.as_raw_fd()).into_bytes();
                path.extend_from_slice(name.to_bytes());
                path
            }
        };
        CString::new(path).expect("because neither numbers nor C strings hold a NUL")
    }
}

/// File system types by the magic number of statfs.
pub(crate) mod magic {
    use casync_core::record::FeatureFlags;

    pub(crate) const BTRFS: u64 = 0x9123_683e;
    pub(crate) const EXT: u64 = 0xef53;
    pub(crate) const EXFAT: u64 = 0x2011_bab0;
    pub(crate) const FAT: u64 = 0x4d44;
    pub(crate) const FUSE: u64 = 0x6573_5546;
    pub(crate) const TMPFS: u64 = 0x0102_1994;
    pub(crate) const XFS: u64 = 0x5846_5342;

    /// What a file system can hold, as far as upstream's remark in `make -v` goes (spec: filesystem.md 3).
    pub(crate) fn supported(magic: u64) -> FeatureFlags {
        let base = FeatureFlags::union(&[
            FeatureFlags::UIDS,
            FeatureFlags::USER_NAMES,
            FeatureFlags::TIMES,
            FeatureFlags::READ_ONLY,
            FeatureFlags::PERMISSIONS,
            FeatureFlags::SYMLINKS,
            FeatureFlags::DEVICE_NODES,
            FeatureFlags::FIFOS,
            FeatureFlags::SOCKETS,
        ]);
        let chattr = FeatureFlags::union(&[
            FeatureFlags::FLAG_APPEND,
            FeatureFlags::FLAG_NOATIME,
            FeatureFlags::FLAG_NODUMP,
            FeatureFlags::FLAG_IMMUTABLE,
            FeatureFlags::FLAG_SYNC,
        ]);
        let labels = FeatureFlags::ACL | FeatureFlags::SELINUX;
        let all_xattrs = labels | FeatureFlags::XATTRS | FeatureFlags::FCAPS;
        match magic {
            EXT => base | chattr | FeatureFlags::FLAG_DIRSYNC | all_xattrs | FeatureFlags::QUOTA_PROJID,
            XFS => base | chattr | all_xattrs | FeatureFlags::QUOTA_PROJID,
            BTRFS => FeatureFlags::union(&[
                base,
                chattr,
                FeatureFlags::FLAG_COMPR,
                FeatureFlags::FLAG_NOCOW,
                FeatureFlags::FLAG_DIRSYNC,
                FeatureFlags::FLAG_NOCOMP,
                all_xattrs,
                FeatureFlags::SUBVOLUME,
                FeatureFlags::SUBVOLUME_RO,
            ]),
            TMPFS => base | labels,
            FUSE => FeatureFlags::parse("fuse").unwrap_or_default(),
            FAT => FeatureFlags::SEC2_TIME | FeatureFlags::READ_ONLY | FeatureFlags::FAT_ATTRS,
            _ => base,
        }
    }

    /// Whether files get their times from this host's clock, on a file system of this type.
    pub(crate) const fn has_our_clock(magic: u64) -> bool {
        matches!(
            magic,
            BTRFS | EXT | TMPFS | XFS
            | 0x794c_7630   // overlayfs
            | 0xf2f5_2010   // f2fs
            | 0xca45_1a4e   // bcachefs
            | 0x2fc1_2fc1 // zfs
        )
    }

    /// Whether other hosts may use a file system at the same time.
    pub(crate) const fn is_shared(magic: u64) -> bool {
        matches!(
            magic,
            0x6969          // NFS
            | 0x517b        // SMB
            | 0xff53_4d42   // CIFS
            | 0xfe53_4d42   // SMB 2
            | 0x00c3_6400   // Ceph
            | 0x0102_1997   // 9P
            | 0x5346_414f   // AFS
            | 0x6b41_4653   // AFS of the kernel
            | 0x7375_7245   // Coda
            | 0x0116_1970   // GFS2
            | 0x7461_636f   // OCFS2
            | 0x0bd0_0bd0   // Lustre
            | 0x1983_0326   // BeeGFS
            | 0x4750_4653   // GPFS
            | FUSE
        )
    }

    /// Whether a file system only shows the kernel's state: its directories are stored empty (spec: catar.md 5).
    pub(crate) const fn is_virtual(magic: u64) -> bool {
        matches!(
            magic,
            0x4249_4e4d     // binfmt_misc
            | 0x6367_7270   // cgroup2
            | 0x0027_e0eb   // cgroup
            | 0x6265_6570   // configfs
            | 0x6462_6720   // debugfs
            | 0x1cd1        // devpts
            | 0xde5e_81e4   // efivarfs
            | 0x6573_5543   // fusectl
            | 0x9584_58f6   // hugetlbfs
            | 0x1980_0202   // mqueue
            | 0x6e66_7364   // nfsd
            | 0x9fa0        // proc
            | 0x6165_676c   // pstore
            | 0x6759_6969   // rpc_pipefs
            | 0x7363_6673   // securityfs
            | 0xf97c_ff8c   // selinuxfs
            | 0x4341_5d53   // smackfs
            | 0x6265_6572 // sysfs
        )
    }
}
