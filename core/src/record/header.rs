//! The 16 bytes that every record starts with.

use alloc::vec::Vec;
use core::fmt;
use core::ops::RangeInclusive;

use crate::error::{Malformed, Result};

/// Bytes in a record header.
pub const HEADER_SIZE: usize = 16;

/// Reads the little-endian number at `at`. The caller has checked the length.
pub(crate) fn read(bytes: &[u8], at: usize) -> u64 {
    let field = bytes[at..at + 8].try_into().expect("because the range has eight bytes");
    u64::from_le_bytes(field)
}

/// Appends numbers as they stand on the wire.
pub(crate) fn put(numbers: &[u64], out: &mut Vec<u8>) {
    for number in numbers {
        out.extend_from_slice(&number.to_le_bytes());
    }
}

/// Makes an enum of the kinds of records or messages: their constants on the wire, names, sizes and meanings.
macro_rules! wire_kinds {
    (
        $(#[$about:meta])*
        $Kind:ident, else $unknown:ident:
        $($constant:literal $kind:ident $name:literal $sizes:expr, $help:literal;)*
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u64)]
        pub enum $Kind {
            $(
                #[doc = $help]
                $kind = $constant,
            )*
        }

        impl $Kind {
            /// The kind of a type constant.
            ///
            /// # Errors
            ///
            #[doc = concat!("[`Malformed::", stringify!($unknown), "`] if there is none.")]
            pub fn from_wire(constant: u64) -> Result<Self> {
                match constant {
                    $($constant => Ok(Self::$kind),)*
                    _ => Err(Malformed::$unknown(constant).into()),
                }
            }

            /// The name in the specification.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            /// The sizes that something of this kind can have, header included.
            pub const fn sizes(self) -> RangeInclusive<u64> {
                match self {
                    $(Self::$kind => $sizes,)*
                }
            }
        }

        impl fmt::Display for $Kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}
pub(super) use wire_kinds;

wire_kinds! {
    /// The kinds of records, each with its constant on the wire (spec: catar.md 2, chunking-and-index.md 4).
    RecordKind, else UnknownRecord:
    0x1396_fabc_ea5b_bb51 Entry "ENTRY" 64..=64, "Feature flags, mode, owner and time of a node.";
    0xf453_131a_aeea_ccb3 User "USER" 18..=272, "Name of the owning user.";
    0x25eb_6ac9_6939_6a52 Group "GROUP" 18..=272, "Name of the owning group.";
    0xb815_7091_f80b_c486 Xattr "XATTR" 20..=65_808, "One extended attribute.";
    0x297d_c88b_2ef1_2faf AclUser "ACL_USER" 32..=288, "A user's entry in the access ACL.";
    0x36f2_acb5_6cb3_dd0b AclGroup "ACL_GROUP" 32..=288, "A group's entry in the access ACL.";
    0x2304_7110_441f_38f3 AclGroupObj "ACL_GROUP_OBJ" 24..=24, "The owning group's entry in the access ACL.";
    0xfe3e_eda6_823c_8cd0 AclDefault "ACL_DEFAULT" 48..=48, "The fixed entries of a directory's default ACL.";
    0xbdf0_3df9_bd01_0a91 AclDefaultUser "ACL_DEFAULT_USER" 32..=288, "A user's entry in the default ACL.";
    0xa0cb_1168_782d_1f51 AclDefaultGroup "ACL_DEFAULT_GROUP" 32..=288, "A group's entry in the default ACL.";
    0x46fa_f060_2fd2_6c59 Selinux "SELINUX" 18..=4112, "The SELinux label.";
    0xf726_7db0_afed_0629 Fcaps "FCAPS" 16..=65_552, "File capabilities, as the kernel stores them.";
    0x161b_af2d_8772_a72b QuotaProjid "QUOTA_PROJID" 24..=24, "The quota project id.";
    0x664a_6fb6_830e_0d6c Symlink "SYMLINK" 18..=4112, "The target of a symbolic link.";
    0xac3d_ace3_69df_e643 Device "DEVICE" 32..=32, "The number of a device node.";
    0x8b9e_1d93_d6dc_ffc9 Payload "PAYLOAD" 16..=u64::MAX - 1, "The contents of a regular file.";
    0x6dbb_6ebc_b316_1f0b Filename "FILENAME" 18..=272, "The name of a directory entry; its node follows.";
    0xdfd3_5c5e_8327_c403 Goodbye "GOODBYE" 40..=u64::MAX - 1, "The end of a directory, with a table for searching it.";
    0x9682_4d9c_7b12_9ff9 Index "INDEX" 48..=48, "The header of an index file.";
    0xe75b_9e11_2f17_417d Table "TABLE" 56..=u64::MAX, "The chunks of an index file.";
}

/// Size and kind of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bytes in the whole record, this header included.
    pub size: u64,
    /// The kind.
    pub kind: RecordKind,
}

impl Header {
    /// Parses the header at the start of `bytes`, which must hold at least [`HEADER_SIZE`] bytes.
    ///
    /// # Errors
    ///
    /// [`Malformed::UnknownRecord`], or [`Malformed::RecordSize`] for a size that the kind cannot have.
    ///
    /// # Panics
    ///
    /// If `bytes` is shorter than a header.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let header = Self { size: read(bytes, 0), kind: RecordKind::from_wire(read(bytes, 8))? };
        if header.kind.sizes().contains(&header.size) {
            Ok(header)
        } else {
            Err(Malformed::RecordSize { kind: header.kind, size: header.size }.into())
        }
    }

    /// Appends the header.
    pub fn emit(&self, out: &mut Vec<u8>) {
        put(&[self.size, self.kind as u64], out);
    }

    /// Bytes after the header.
    pub const fn body(&self) -> u64 {
        self.size - HEADER_SIZE as u64
    }
}
