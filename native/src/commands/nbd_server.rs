//! `nbd-server`: images for whoever speaks the protocol of network block devices.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use super::image;
use crate::cli::{OURS, Options};
use crate::error::{Error, Result};
use crate::nbd::{Endpoint, Export, Exports, Server};
use crate::ui::{Out, notify};

/// `nbd-server INDEX...`
#[derive(Debug, clap::Args)]
pub struct NbdServerArgs {
    #[command(flatten)]
    options: Options,
    /// The images to serve, each under the name of its file without the suffix, or under NAME
    #[arg(value_name = "[NAME=]BLOB_INDEX|BLOB", num_args = 0.., value_hint = clap::ValueHint::AnyPath)]
    operands: Vec<OsString>,
    /// Where to listen; can be given more than once
    #[arg(long, value_name = "unix:PATH|tcp:HOST:PORT", value_parser = endpoint, help_heading = OURS)]
    listen: Vec<Endpoint>,
    /// Keep what is written to the image in this file; for one image only
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, help_heading = OURS)]
    overlay: Option<OsString>,
}

pub(super) const HELP: &str = "\
Each image becomes an export, which qemu, libnbd, nbd-client and the kernel can use as a disk. Chunks come from the store when \
they are read, are checked, and are kept in memory as far as --memory= allows. Runs of zeros are told as holes, so that copies \
are sparse. A chunk that cannot be had is an error of that read alone.

An export has the name of its file without .caibx; the first one also serves clients that name none. A socket at a path is for \
its owner only. Where it listens is printed, with the port that was chosen if it was 0. It ends with INT, TERM or HUP.

Exports are read-only, unless --overlay= names a file for what is written. Flushed writes are durable; with the same image and \
the same file they are there again the next time.

Examples:
  casync nbd-server --listen=unix:/run/disk.sock disk.caibx
      One image, for this host
  nbdcopy 'nbd+unix:///?socket=/run/disk.sock' disk.img
      A copy of it
  qemu-system-x86_64 -drive file=nbd:unix:/run/disk.sock,format=raw,readonly=on
      A virtual machine with that disk
  casync nbd-server --listen=tcp:127.0.0.1:10809 root=v2.caibx data=data.caibx
      Two images under names of their own
  casync nbd-server --listen=unix:disk.sock --overlay=disk.cow https://example.com/disk.caibx
      A disk that can be written to, from far away";

pub(super) fn run(arguments: &NbdServerArgs) -> Result<()> {
    let options = &arguments.options;
    options.apply_logging();
    if arguments.operands.is_empty() {
        return Err(Error::headline("A blob index or a blob expected."));
    }
    if arguments.listen.is_empty() {
        return Err(
            Error::headline("No place to listen.").hint("--listen=unix:PATH or --listen=tcp:HOST:PORT names one")
        );
    }
    if arguments.overlay.is_some() && arguments.operands.len() > 1 {
        return Err(Error::headline("An overlay belongs to one image, but several are named."));
    }
    let mut exports = Exports::default();
    for operand in &arguments.operands {
        let (name, image) = split(operand);
        let disk = image::disk(&image, arguments.overlay.as_deref(), options)
            .map_err(|error| error.titled(format_args!("Failed to open {}", image.to_string_lossy())))?;
        exports.add(Export { name, disk })?;
    }
    let server = Server::bind(&arguments.listen, exports)?;
    let mut out = Out::new();
    for address in server.addresses() {
        out.line(format_args!("Listening: {address}"))?;
    }
    out.finish()?;
    notify::ready();
    server.run()
}

fn endpoint(text: &str) -> Result<Endpoint, String> {
    Endpoint::parse(text).ok_or_else(|| format!("{text:?} is neither unix:PATH nor tcp:HOST:PORT"))
}

/// The name of an export, and the image: `NAME=IMAGE`, unless that is the name of a file or URL.
fn split(operand: &OsStr) -> (String, OsString) {
    let bytes = operand.as_bytes();
    let named = bytes.iter().position(|&byte| byte == b'=').filter(|&at| at > 0 && !bytes[..at].contains(&b'/'));
    if let Some(at) = named {
        let name = String::from_utf8_lossy(&bytes[..at]).into_owned();
        return (name, OsStr::from_bytes(&bytes[at + 1..]).to_owned());
    }
    (image::name(operand), operand.to_owned())
}
