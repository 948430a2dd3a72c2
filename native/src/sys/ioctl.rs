//! ioctls that rustix does not wrap. The only `unsafe` code of this crate: each states its number and argument type once.

use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};

use rustix::io::Result;
use rustix::ioctl::{Getter, Opcode, Setter, Updater, ioctl, opcode};

/// `FAT_IOCTL_GET_ATTRIBUTES`, `FAT_IOCTL_SET_ATTRIBUTES`.
const FAT_GET: Opcode = opcode::read::<u32>(b'r', 0x10);
const FAT_SET: Opcode = opcode::write::<u32>(b'r', 0x11);
/// `BTRFS_IOC_SUBVOL_GETFLAGS`, `BTRFS_IOC_SUBVOL_SETFLAGS`, `BTRFS_IOC_SUBVOL_CREATE`.
const SUBVOLUME_GET: Opcode = opcode::read::<u64>(0x94, 25);
const SUBVOLUME_SET: Opcode = opcode::write::<u64>(0x94, 26);
const SUBVOLUME_CREATE: Opcode = opcode::write::<SubvolumeArguments>(0x94, 14);
/// `FS_IOC_FSGETXATTR`, `FS_IOC_FSSETXATTR`.
const FSX_GET: Opcode = opcode::read::<FsxAttributes>(b'X', 31);
const FSX_SET: Opcode = opcode::write::<FsxAttributes>(b'X', 32);
/// `FICLONERANGE`.
const CLONE_RANGE: Opcode = opcode::write::<CloneRange>(0x94, 13);
/// `FIDEDUPERANGE`; its number only counts the fixed part of the structure.
const DEDUPE_RANGE: Opcode = opcode::read_write::<[u8; 24]>(0x94, 54);
/// `FS_IOC_GETVERSION`.
const GENERATION: Opcode = opcode::read::<usize>(b'v', 1);
/// `BLKGETSIZE64`.
const BLOCK_SIZE: Opcode = opcode::read::<usize>(0x12, 114);

/// `BTRFS_SUBVOL_RDONLY`.
const SUBVOLUME_READ_ONLY: u64 = 1 << 1;

/// `struct fsxattr`.
#[derive(Clone, Copy)]
#[repr(C)]
struct FsxAttributes {
    flags: u32,
    extent_size: u32,
    extents: u32,
    project_id: u32,
    cow_extent_size: u32,
    padding: [u8; 8],
}

/// `struct btrfs_ioctl_vol_args`.
#[repr(C)]
struct SubvolumeArguments {
    fd: i64,
    name: [u8; 4088],
}

/// `struct file_clone_range`.
#[repr(C)]
struct CloneRange {
    source: i64,
    source_offset: u64,
    length: u64,
    offset: u64,
}

/// `struct file_dedupe_range` with one `struct file_dedupe_range_info`.
#[repr(C)]
struct DedupeRange {
    source_offset: u64,
    length: u64,
    count: u16,
    reserved: [u16; 3],
    target: i64,
    offset: u64,
    deduped: u64,
    status: i32,
    reserved_too: u32,
}

/// Makes a range of a file share the data of a range of another one, whatever was there.
pub(crate) fn clone_range(
    source: BorrowedFd<'_>,
    source_offset: u64,
    length: u64,
    target: impl AsFd,
    offset: u64,
) -> Result<()> {
    let range = CloneRange { source: source.as_raw_fd().into(), source_offset, length, offset };
    // SAFETY: the kernel reads the structure; the descriptor in it is open as long as it is borrowed.
    unsafe { ioctl(target, Setter::<CLONE_RANGE, CloneRange>::new(range)) }
}

/// Makes a range of a file share the data of an equal range of another one; returns how much of it is shared now, which is
/// nothing if they differ.
pub(crate) fn dedupe_range(
    source: impl AsFd,
    source_offset: u64,
    length: u64,
    target: BorrowedFd<'_>,
    offset: u64,
) -> Result<u64> {
    let mut range = DedupeRange {
        source_offset,
        length,
        count: 1,
        reserved: [0; 3],
        target: target.as_raw_fd().into(),
        offset,
        deduped: 0,
        status: 0,
        reserved_too: 0,
    };
    // SAFETY: the kernel reads and writes the structure, which has room for the one target that is announced.
    unsafe { ioctl(source, Updater::<DEDUPE_RANGE, DedupeRange>::new(&mut range)) }?;
    match range.status {
        0 => Ok(range.deduped),
        // They differ.
        1 => Ok(0),
        status => Err(rustix::io::Errno::from_raw_os_error(-status)),
    }
}

/// The FAT attributes of a file or directory: 2 hidden, 4 system, 0x20 archive.
pub(crate) fn fat_attributes(file: impl AsFd) -> Result<u32> {
    // SAFETY: the kernel writes a u32.
    unsafe { ioctl(file, Getter::<FAT_GET, u32>::new()) }
}

/// Sets the FAT attributes.
pub(crate) fn set_fat_attributes(file: impl AsFd, attributes: u32) -> Result<()> {
    // SAFETY: the kernel reads a u32.
    unsafe { ioctl(file, Setter::<FAT_SET, u32>::new(attributes)) }
}

/// Whether a btrfs subvolume is read-only.
pub(crate) fn subvolume_is_read_only(directory: impl AsFd) -> Result<bool> {
    // SAFETY: the kernel writes a u64.
    let flags = unsafe { ioctl(directory, Getter::<SUBVOLUME_GET, u64>::new()) }?;
    Ok(flags & SUBVOLUME_READ_ONLY != 0)
}

/// Makes a btrfs subvolume read-only or writable.
pub(crate) fn set_subvolume_read_only(directory: impl AsFd, read_only: bool) -> Result<()> {
    let directory = directory.as_fd();
    // SAFETY: the kernel writes a u64.
    let flags = unsafe { ioctl(directory, Getter::<SUBVOLUME_GET, u64>::new()) }?;
    let wanted = if read_only { flags | SUBVOLUME_READ_ONLY } else { flags & !SUBVOLUME_READ_ONLY };
    if wanted == flags {
        return Ok(());
    }
    // SAFETY: the kernel reads a u64.
    unsafe { ioctl(directory, Setter::<SUBVOLUME_SET, u64>::new(wanted)) }
}

/// Makes a btrfs subvolume in a directory. The name must be shorter than 4088 bytes and hold no NUL.
pub(crate) fn subvolume_create(directory: impl AsFd, name: &[u8]) -> Result<()> {
    let mut arguments = SubvolumeArguments { fd: 0, name: [0; 4088] };
    let Some(place) = arguments.name.get_mut(..name.len()).filter(|_| name.len() < 4088) else {
        return Err(rustix::io::Errno::NAMETOOLONG);
    };
    place.copy_from_slice(name);
    // SAFETY: the kernel reads the structure; the name ends with a NUL since the rest is zero.
    unsafe { ioctl(directory, Setter::<SUBVOLUME_CREATE, SubvolumeArguments>::new(arguments)) }
}

/// What a file system of this program tells of a file by ioctls.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FileAttributes {
    /// `FS_*_FL`
    pub(crate) chattr: u32,
    /// FAT attributes.
    pub(crate) fat: u32,
    /// Quota project id.
    pub(crate) project: u32,
}

impl FileAttributes {
    /// The bytes that an ioctl's caller gets; `None` for ioctls that are not answered.
    pub(crate) fn answer(&self, command: Opcode) -> Option<Vec<u8>> {
        match command {
            // A `long` by its number, an `int` in fact.
            FLAGS_GET | FLAGS_GET_32BIT => Some(self.chattr.to_ne_bytes().to_vec()),
            FAT_GET => Some(self.fat.to_ne_bytes().to_vec()),
            FSX_GET => {
                let set = FSX_FLAGS.iter().filter(|(chattr, _)| self.chattr & chattr != 0);
                let flags: u32 = set.fold(0, |sum, (_, flag)| sum | flag);
                // xflags, extsize, nextents, projid, cowextsize, padding.
                let fields = [flags, 0, 0, self.project, 0, 0, 0];
                Some(fields.iter().flat_map(|field| field.to_ne_bytes()).collect())
            }
            _ => None,
        }
    }
}

/// `FS_IOC_GETFLAGS`, `FS_IOC32_GETFLAGS`.
const FLAGS_GET: Opcode = opcode::read::<usize>(b'f', 1);
const FLAGS_GET_32BIT: Opcode = opcode::read::<u32>(b'f', 1);
/// `FS_*_FL` and the `FS_XFLAG_*` of the same meaning: synchronous, immutable, append-only, no dump, no access time, project
/// inheritance.
const FSX_FLAGS: [(u32, u32); 6] =
    [(0x8, 0x20), (0x10, 0x8), (0x20, 0x10), (0x40, 0x80), (0x80, 0x40), (0x2000_0000, 0x200)];

/// The quota project id of a file or directory; 0 if it has none.
pub(crate) fn project_id(file: impl AsFd) -> Result<u32> {
    // SAFETY: the kernel writes the structure.
    let attributes = unsafe { ioctl(file, Getter::<FSX_GET, FsxAttributes>::new()) }?;
    Ok(attributes.project_id)
}

/// Sets the quota project id.
pub(crate) fn set_project_id(file: impl AsFd, id: u32) -> Result<()> {
    let file = file.as_fd();
    // SAFETY: the kernel writes the structure.
    let mut attributes = unsafe { ioctl(file, Getter::<FSX_GET, FsxAttributes>::new()) }?;
    if attributes.project_id == id {
        return Ok(());
    }
    attributes.project_id = id;
    // SAFETY: the kernel reads the structure.
    unsafe { ioctl(file, Setter::<FSX_SET, FsxAttributes>::new(attributes)) }
}

/// The generation of an inode: another one when its number is used again.
pub(crate) fn generation(file: impl AsFd) -> Result<u32> {
    // SAFETY: file systems write a 32-bit number, whatever the size in the ioctl's number says.
    unsafe { ioctl(file, Getter::<GENERATION, u32>::new()) }
}

/// Bytes in a block device.
pub(crate) fn block_device_size(device: impl AsFd) -> Result<u64> {
    // SAFETY: the kernel writes a u64, whatever the size in the number says.
    unsafe { ioctl(device, Getter::<BLOCK_SIZE, u64>::new()) }
}
