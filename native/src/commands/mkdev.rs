//! `mkdev`: images as block devices (spec: mount-and-mkdev.md 8).

use std::ffi::{OsStr, OsString};

use super::image;
use crate::cli::{OURS, Options, What};
use crate::device::{self, Driver, Node};
use crate::error::{Error, Result};
use crate::ui::notify;

/// `mkdev [INPUT] [NODE]`
#[derive(Debug, clap::Args)]
pub struct MkdevArgs {
    #[command(flatten)]
    options: Options,
    /// How the device is made; the first of these that works, unless one is named
    #[arg(long, value_name = "DRIVER", help_heading = OURS)]
    driver: Option<Driver>,
    /// Keep what is written to the device in this file
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, help_heading = OURS)]
    overlay: Option<OsString>,
    /// The image, and the device or what to call it
    #[arg(value_name = "[BLOB|BLOB_INDEX] [NODE]", num_args = 0.., value_hint = clap::ValueHint::AnyPath)]
    operands: Vec<OsString>,
}

pub(super) const HELP: &str = "\
The device stays until the program is told to end by INT, TERM or HUP, and goes with it whatever becomes of it. Chunks come \
from the store when they are read, are checked, and are kept in memory as far as --memory= allows. A chunk that cannot be had \
is an I/O error of that read alone.

NODE is a device (/dev/nbdN, /dev/loopN), a name in /dev for any that is free, or any other path for a link to it.

It is read-only, unless --overlay= names a file for what is written. What was flushed is durable; with the same image and the \
same file it is there again the next time.

Examples:
  casync mkdev disk.caibx
      A device; its name is printed
  casync mkdev --store=http://example.com/default.castr disk.caibx /dev/disk-image && mount -r /dev/disk-image /mnt
      A device under a name, from a store elsewhere
  casync mkdev --overlay=disk.cow disk.caibx ./disk
      One that can be written to, with a link to it";

pub(super) fn run(arguments: &MkdevArgs) -> Result<()> {
    let options = &arguments.options;
    options.apply_logging();
    let (input, node) = match arguments.operands.as_slice() {
        [] => (OsString::from("-"), None),
        [input] => (input.clone(), None),
        [input, node] => (input.clone(), Some(node.as_os_str())),
        _ => {
            return Err(Error::headline("An blob path/URL expected, possibly followed by a device or symlink name."));
        }
    };
    if !matches!(options.what, None | Some(What::Blob | What::BlobIndex)) {
        return Err(Error::headline(
            "\"mkdev\" operation may only be combined with --what=blob and --what=blob-index.",
        ));
    }
    let node = Node::parse(node)?;
    let disk = image::disk(&input, arguments.overlay.as_deref(), options)
        .map_err(|error| error.titled("Failed to determine archive size"))?;
    let name = image::name(&input);
    device::serve(&disk, OsStr::new(&name), arguments.driver, &node, |device, shown| {
        // A reader that is gone has no part in the device.
        let _ = crate::ui::print(&format!("Attached: {shown}\n"));
        notify::ready_with(format_args!("DEVICE={device}\n"));
        Ok(())
    })
}
