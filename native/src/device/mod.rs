//! Disks as block devices of this host: `mkdev`.
//!
//! ```text
//! kernel > NBD socket > connection -+
//!                                   +-> Disk
//! kernel > loop > FUSE file --------+
//! ```
//!
//! | module | what it does |
//! |---|---|
//! | [`node`] | what device or link people want |
//! | `nbd`, `netlink` | network block devices, attached over the kernel's netlink family |
//! | `loops`, `private` | loop devices over a file in a mount that nobody else sees |
//! | [`names`] | links, and the files that tell udev a device's name |
//! | [`holder`] | another process that has the device open: it is detached when nobody has, whatever becomes of this one |

pub mod holder;
mod loops;
pub mod names;
mod nbd;
mod netlink;
pub mod node;
mod private;

use std::ffi::OsStr;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

pub use node::Node;

use self::holder::Holder;
use self::loops::Loop;
use self::names::Names;
use self::nbd::Nbd;
use self::netlink::Family;
use crate::disk::Disk;
use crate::error::{Cause, Context as _, Error, Result};
use crate::flow::stop;
use crate::ui::log;

/// What makes a device of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Driver {
    /// The kernel's network block devices
    Nbd,
    /// A loop device over a file that is served through FUSE
    Loop,
    /// Known by name only: its library wants `libclang` to be built
    #[value(hide = true)]
    Ublk,
}

/// A device that is attached.
#[derive(Debug)]
enum Attached {
    Nbd(Nbd),
    Loop(Loop),
}

/// Attaches a disk and serves it until somebody wants to stop, or it is detached. `image` is what the disk is called;
/// `ready` is told the device and what people call it, once both can be used.
///
/// # Errors
///
/// If it cannot be attached, those of `ready`, and if not everything that was written could be flushed.
pub fn serve(
    disk: &Arc<dyn Disk>,
    image: &OsStr,
    driver: Option<Driver>,
    node: &Node,
    ready: impl FnOnce(&str, &str) -> Result<()>,
) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Err(Error::new(rustix::io::Errno::PERM, "only root can attach block devices")
            .titled("Failed to attach a block device")
            .hint("`casync nbd-server` serves the image to programs of any user"));
    }
    let mut attached = attach(disk, image, driver, node)?;
    let device = attached.path();
    let names = Names::new(node, &device, attached.has_udev_rule())?;
    let holder = Holder::start(attached.take_open(), &names.paths())?;
    attached.held()?;
    let device = device.to_string_lossy().into_owned();
    let shown = names.shown().unwrap_or_else(|| device.clone());
    let waited = ready(&device, &shown).and_then(|()| attached.wait());
    // What others have written to the device comes here before it goes.
    if disk.is_writable() {
        let written = File::open(&device).and_then(|device| device.sync_all());
        written.unwrap_or_else(|error| log::error(format_args!("Failed to flush {device}: {error}")));
    }
    attached.detach(holder);
    drop(names);
    let flushed = disk.flush();
    match waited {
        // That is how people end it.
        Err(error) if matches!(error.cause(), Cause::Interrupted) => flushed,
        waited => waited.and(flushed),
    }
}

/// Attaches the disk in the way that was asked for, or in the first that works.
fn attach(disk: &Arc<dyn Disk>, image: &OsStr, driver: Option<Driver>, node: &Node) -> Result<Attached> {
    let driver = match (driver, node) {
        (Some(Driver::Ublk), _) => {
            return Err(Error::headline("The driver \"ublk\" is not part of this program.")
                .hint("--driver=nbd and --driver=loop are"));
        }
        (Some(Driver::Loop), Node::Nbd(_)) | (Some(Driver::Nbd), Node::Loop(_)) => {
            return Err(Error::headline("The driver and the device that are named do not belong together."));
        }
        (None, Node::Nbd(_)) => Some(Driver::Nbd),
        (None, Node::Loop(_)) => Some(Driver::Loop),
        (driver, _) => driver,
    };
    let failed = |error: Error| error.titled("Failed to attach a block device");
    if driver != Some(Driver::Loop) {
        let family = Family::find("nbd").context(|| "ask the kernel for network block devices").map_err(failed)?;
        match (family, driver) {
            (Some(family), _) => {
                if driver.is_none() {
                    log::info("Attaching it as a network block device (--driver=nbd).");
                }
                return Nbd::attach(family, Arc::clone(disk), node.nbd_number()).map(Attached::Nbd).map_err(failed);
            }
            (None, Some(_)) => {
                return Err(failed(
                    Error::new(rustix::io::Errno::NODEV, "the kernel has no network block devices")
                        .hint("try `modprobe nbd`, or --driver=loop"),
                ));
            }
            (None, None) => {
                log::info("Attaching it as a loop device (--driver=loop): the kernel has no network block devices.");
            }
        }
    }
    Loop::attach(Arc::clone(disk), image, node.loop_number()).map(Attached::Loop).map_err(|error| {
        failed(error)
            .hint("`modprobe nbd`, `modprobe loop` and `modprobe fuse` load what it takes, where the kernel has it")
    })
}

impl Attached {
    fn path(&self) -> PathBuf {
        match self {
            Self::Nbd(nbd) => nbd.path(),
            Self::Loop(device) => device.path(),
        }
    }

    /// Whether the installed rule makes links for names of such devices.
    const fn has_udev_rule(&self) -> bool {
        matches!(self, Self::Nbd(_))
    }

    /// The open device.
    fn take_open(&mut self) -> Option<File> {
        match self {
            Self::Nbd(nbd) => nbd.take_open(),
            Self::Loop(device) => device.take_open(),
        }
    }

    /// From now on another process has it open.
    fn held(&mut self) -> Result<()> {
        match self {
            Self::Nbd(nbd) => nbd.held(),
            Self::Loop(_) => Ok(()),
        }
    }

    /// Waits for its end, or for somebody who wants to stop.
    fn wait(&self) -> Result<()> {
        stop::wait_readable(match self {
            Self::Nbd(nbd) => nbd.ended(),
            Self::Loop(device) => device.ended(),
        })
    }

    /// Detaches it. One that is in use may stay until nobody uses it any more, but is served no longer.
    fn detach(self, holder: Holder) {
        match self {
            Self::Nbd(nbd) => {
                nbd.detach();
                holder.finish();
            }
            Self::Loop(device) => {
                holder.finish();
                device.detach();
            }
        }
    }
}
