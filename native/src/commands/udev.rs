//! `udev`: what a device is called, for udev's rules (spec: mount-and-mkdev.md 11).

use std::ffi::OsString;

use crate::cli::Options;
use crate::device::{names, node};
use crate::error::{Error, Result};
use crate::ui;

/// `udev DEVICE`
#[derive(Debug, clap::Args)]
pub struct UdevArgs {
    #[command(flatten)]
    options: Options,
    /// The device, /dev/nbdN
    #[arg(value_name = "DEVICE", num_args = 0.., value_hint = clap::ValueHint::AnyPath)]
    operands: Vec<OsString>,
}

pub(super) fn run(arguments: &UdevArgs) -> Result<()> {
    arguments.options.apply_logging();
    let [path] = arguments.operands.as_slice() else {
        return Err(Error::headline("Expected one argument."));
    };
    let Some(device) = node::nbd_of(path) else {
        let path = path.to_string_lossy();
        return Err(Error::headline(format!("Argument is not a valid device node path: {path}.")));
    };
    match names::name_of(&device)? {
        Some(name) => ui::print(&format!("CASYNC_NAME={name}\n")),
        None => Ok(()),
    }
}
