//! The images that are served as disks: what an operand names, ready to be read at random.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::Arc;

use super::input::Operand;
use super::{seeds, stores};
use crate::cli::{Options, What};
use crate::disk::{Disk, ImageDisk, Overlay};
use crate::error::{Context as _, Error, Result};
use crate::flow::input::Index;
use crate::locator::Suffix;
use crate::mount::Image;

/// Opens a blob, or what the index of one describes.
///
/// # Errors
///
/// If it is neither, or cannot be read.
pub(super) fn open(operand: &OsString, options: &Options) -> Result<Image> {
    let parsed = Operand::parse(Some(operand), "Failed to determine class of locator")?;
    let what = match (options.what, parsed.suffix()) {
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
    let fd = parsed.open(None, false)?;
    let shown = || format!("read {:?}", operand.to_string_lossy());
    if what == What::Blob {
        return Image::from_file(fd).context(shown);
    }
    let mut index = Index::open(fd).context(shown)?;
    let chain = stores::for_reading(options, parsed.path())?;
    let seeds = seeds::find(options, &mut index, None)?;
    Image::from_index(index.into_table().context(shown)?, chain.with_seeds(Arc::new(seeds)), options.budget())
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
