//! The images that are served as disks: what an operand names, ready to be read at random.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use super::input::{Archive, Operand};
use crate::cli::{Options, What};
use crate::disk::{Disk, ImageDisk, Overlay};
use crate::error::{Error, Result};
use crate::locator::{self, Suffix};
use crate::mount::Image;

/// Opens a blob, or what the index of one describes.
///
/// # Errors
///
/// If it is neither, or cannot be read.
pub(super) fn open(operand: &OsString, options: &Options) -> Result<Image> {
    let operand = Operand::parse(Some(operand), options, "Failed to determine class of locator")?;
    let what = match (options.what, operand.suffix()) {
        (Some(what @ (What::Blob | What::BlobIndex)), _) => what,
        (Some(_), _) => {
            return Err(Error::headline("A disk may only be combined with --what=blob or --what=blob-index."));
        }
        (None, Some(Suffix::BlobIndex)) => What::BlobIndex,
        (None, Some(Suffix::Archive | Suffix::ArchiveIndex)) => {
            return Err(Error::headline("A blob or the index of one expected, not an archive.")
                .hint("`casync mount` shows what is in an archive"));
        }
        (None, _) => What::Blob,
    };
    let input = operand.open_late(None, "Failed to open")?;
    let opened = match what {
        What::Blob => Archive::from_file(input),
        _ => Archive::from_index(input, &operand, options),
    };
    let name = operand.name().unwrap_or_else(|| OsStr::new("-"));
    opened
        .and_then(|opened| opened.into_image(options.budget()))
        .map_err(|error| error.context(format!("read {name:?}")))
}

/// What an image is called: the last part of its operand, without the suffix.
pub(super) fn name(operand: &OsStr) -> String {
    let path = locator::without_file_scheme(operand);
    let base = path.as_bytes().split(|byte| matches!(byte, b'?' | b';')).next().unwrap_or_default();
    let base = base.rsplit(|byte| matches!(byte, b'/' | b':')).next().unwrap_or_default();
    match base.strip_suffix(b".caibx").unwrap_or(base) {
        b"" | b"." | b".." | b"-" => "image".to_owned(),
        name => String::from_utf8_lossy(name).into_owned(),
    }
}

/// The same as a disk, with a file for what is written if one is named.
///
/// # Errors
///
/// As [`open`], and those of the overlay.
pub(super) fn disk(operand: &OsString, overlay: Option<&OsStr>, options: &Options) -> Result<Arc<dyn Disk>> {
    let disk = ImageDisk::new(open(operand, options)?);
    Ok(match overlay {
        Some(path) => Arc::new(Overlay::open(Path::new(path), disk)?),
        None => Arc::new(disk),
    })
}
