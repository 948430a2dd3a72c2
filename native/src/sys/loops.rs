//! ioctls of loop devices, which rustix does not wrap.

use core::ffi::c_void;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};

use rustix::io::Result;
use rustix::ioctl::{Ioctl, IoctlOutput, Opcode, Setter, ioctl};

/// `LOOP_CTL_GET_FREE`
const GET_FREE: Opcode = 0x4c82;
/// `LOOP_CONFIGURE`, Linux 5.8
const CONFIGURE: Opcode = 0x4c0a;

/// `LO_FLAGS_*`
const READ_ONLY: u32 = 1;
const AUTOCLEAR: u32 = 4;
const PARTSCAN: u32 = 8;

/// `struct loop_config` with its `struct loop_info64`.
#[repr(C)]
struct LoopConfig {
    fd: u32,
    block_size: u32,
    device: u64,
    inode: u64,
    rdevice: u64,
    offset: u64,
    size_limit: u64,
    number: u32,
    encrypt_type: u32,
    encrypt_key_size: u32,
    flags: u32,
    file_name: [u8; 64],
    crypt_name: [u8; 64],
    encrypt_key: [u8; 32],
    init: [u64; 2],
    reserved: [u64; 8],
}

/// Takes no argument, and answers with a number.
struct GetFree;

// SAFETY: the call reads and writes no memory; its result is a number that is not negative.
unsafe impl Ioctl for GetFree {
    type Output = u32;
    const IS_MUTATING: bool = false;

    fn opcode(&self) -> Opcode {
        GET_FREE
    }

    fn as_ptr(&mut self) -> *mut c_void {
        core::ptr::null_mut()
    }

    unsafe fn output_from_ptr(output: IoctlOutput, _: *mut c_void) -> Result<u32> {
        Ok(output.cast_unsigned())
    }
}

/// The number of a loop device that is free at this moment.
pub(crate) fn free_loop(control: impl AsFd) -> Result<u32> {
    // SAFETY: see `GetFree`.
    unsafe { ioctl(control, GetFree) }
}

/// Puts a file behind a loop device, until nobody has the device open any more. Partitions on it get devices of their own.
pub(crate) fn attach_loop(device: &File, file: BorrowedFd<'_>, name: &[u8], read_only: bool) -> Result<()> {
    let mut file_name = [0; 64];
    // The last byte stays the end of the text.
    let length = name.len().min(file_name.len() - 1);
    file_name[..length].copy_from_slice(&name[..length]);
    let config = LoopConfig {
        fd: file.as_raw_fd().cast_unsigned(),
        // As the file's: 512, which every partition table and file system can do with.
        block_size: 0,
        device: 0,
        inode: 0,
        rdevice: 0,
        offset: 0,
        size_limit: 0,
        number: 0,
        encrypt_type: 0,
        encrypt_key_size: 0,
        flags: AUTOCLEAR | PARTSCAN | if read_only { READ_ONLY } else { 0 },
        file_name,
        crypt_name: [0; 64],
        encrypt_key: [0; 32],
        init: [0; 2],
        reserved: [0; 8],
    };
    const { assert!(size_of::<LoopConfig>() == 304) };
    // SAFETY: the kernel reads the structure, whose layout is its own; the descriptor in it is open as long as it is borrowed.
    unsafe { ioctl(device, Setter::<CONFIGURE, LoopConfig>::new(config)) }
}
