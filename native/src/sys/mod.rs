//! What the system says that no safe library wraps: raw ioctls, and small conveniences.

#[allow(unsafe_code, reason = "each ioctl states its argument type once; see the module's documentation")]
mod ioctl;
mod limits;
#[allow(unsafe_code, reason = "descriptors that are known by their number alone")]
mod listening;
#[allow(unsafe_code, reason = "each ioctl states its argument type once; see the module's documentation")]
mod loops;
mod random;
#[allow(unsafe_code, reason = "an allocator around that of the system")]
mod reserve;
#[allow(unsafe_code, reason = "what is to happen before `main` has to be said to the linker")]
pub(crate) mod standard;
mod survivor;

pub(crate) use ioctl::{
    FileAttributes, block_device_size, clone_range, dedupe_range, fat_attributes, generation, project_id,
    set_fat_attributes, set_project_id, set_subvolume_read_only, subvolume_create, subvolume_is_read_only,
};
pub(crate) use limits::raise_open_files;
pub(crate) use listening::listening;
pub(crate) use loops::{attach_loop, free_loop};
pub(crate) use random::{random_hex, random_u64};
pub use reserve::Reserve;
pub(crate) use survivor::{dismiss, has_died, survivor};
