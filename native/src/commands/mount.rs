//! `mount`: archives as file systems, images as files (spec: mount-and-mkdev.md 1).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use casync_core::archive::Timestamp;
use casync_core::record::FeatureFlags;
use rustix::io::Errno;
use rustix::mount::MountFlags;

use super::input::{Archive, Operand, what_of_suffix};
use super::stores;
use crate::cli::{OURS, Options, What};
use crate::disk::{ImageDisk, Overlay};
use crate::error::{Cause, Error, Result};
use crate::fs::blob::Kind;
use crate::mount::daemon::{self, Started};
use crate::mount::{self, DiskFile, MountOptions, MountPoint, Owners, Volume};
use crate::ui::{log, narrate, notify};

/// `mount [INPUT] PATH [SUBPATH]`
#[derive(Debug, clap::Args)]
pub struct MountArgs {
    #[command(flatten)]
    options: Options,
    /// Options of the mount, separated by commas: allow_other, uid=N, gid=N (whom everything belongs to), suid, dev,
    /// noexec, fsname=NAME, noauto_unmount, subpath=PATH, store=PATH, extra-store=PATH; the others of mount(8) that have a
    /// meaning here
    #[arg(short = 'o', long = "mount-option", value_name = "OPTION,...", action = clap::ArgAction::Append, help_heading = OURS)]
    mount_options: Vec<OsString>,
    /// Return as soon as it is mounted, and go on in the background
    #[arg(long, action = clap::ArgAction::SetTrue, help_heading = OURS)]
    daemon: bool,
    /// Keep what is written to the image in this file; only for a blob index
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, help_heading = OURS)]
    overlay: Option<OsString>,
    /// What to mount, where, and, for a part of it, its path
    #[arg(
        value_name = "[ARCHIVE|ARCHIVE_INDEX|BLOB_INDEX] PATH [SUBPATH]",
        num_args = 0..,
        value_hint = clap::ValueHint::AnyPath
    )]
    operands: Vec<OsString>,
}

pub(super) const HELP: &str = "\
The mount is read-only, unless --overlay= names a file for what is written to an image. It stays until the program is told to end, or it is unmounted. Only what is looked at is fetched. \
Of a blob index, PATH holds one file with the image, or is that file if it is one already. What cannot be read is an I/O \
error there and a message here; when the store is back, it can be read.

With this program linked to /sbin/mount.casync, mount(8) and /etc/fstab know the type \"casync\"; their options may be any of \
casync's, without the dashes.

Examples:
  casync mount home.caidx /mnt
      A tree; end it with ^C or umount /mnt
  casync mount --store=http://example.com/default.castr home.caidx /mnt alice
      A directory of it, from a store elsewhere
  casync mount --daemon disk.caibx /mnt && losetup --find --show -r /mnt/disk
      An image as a device
  casync mount --overlay=disk.cow disk.caibx /mnt
      An image that can be written to
  /srv/home.caidx  /mnt  casync  store=/srv/default.castr,nofail  0 0
      A line of /etc/fstab";

pub(super) fn run(arguments: &MountArgs) -> Result<()> {
    let mut options = arguments.options.clone();
    options.apply_logging();
    let mut mount_options = MountOptions::default();
    for list in &arguments.mount_options {
        mount_options.add(list)?;
    }
    let mut subpath = OsString::new();
    for (name, value) in std::mem::take(&mut mount_options.others) {
        match name.as_str() {
            "store" => options.store = Some(value),
            "extra-store" => options.extra_store.push(value),
            "subpath" => subpath = value,
            _ => {
                return Err(Error::new(Errno::INVAL, format!("unknown mount option {name:?}"))
                    .titled("Failed to parse mount options")
                    .hint("options that are not of the mount are given as --NAME=VALUE"));
            }
        }
    }
    let (input, path) = match arguments.operands.as_slice() {
        [path] => (None, path),
        [input, path] => (Some(input), path),
        [input, path, below] => {
            subpath.clone_from(below);
            (Some(input), path)
        }
        _ => return Err(Error::headline("An archive path/URL expected, followed by a mount path.")),
    };
    let operand = Operand::parse(input, &options, "Failed to set sync input")?;
    let what = match options.what {
        Some(what @ (What::Archive | What::ArchiveIndex | What::BlobIndex)) => what,
        Some(_) => {
            return Err(Error::headline(
                "\"mount\" operation may only be combined with --what=archive and --what=archive-index.",
            ));
        }
        // compat: without a suffix it is an archive.
        None => what_of_suffix(operand.suffix()).unwrap_or(What::Archive),
    };
    if arguments.daemon && !daemon::is_background() {
        return in_background();
    }
    if daemon::is_background() {
        daemon::begin();
    }
    stores::check_named(&options)?;
    narrate::chunk_sizes(&options.chunk_sizes());
    let source = operand.name().map_or_else(OsString::new, OsStr::to_owned);
    if let Some(overlay) = &arguments.overlay {
        let file = disk_file(&operand, what, &options, &mount_options, Path::new(path), Path::new(overlay))?;
        mount_options.flags.remove(MountFlags::RDONLY);
        let point = MountPoint::new(Path::new(path), options.mkdir())?;
        let disk = file.disk();
        let served = mount::serve_disk(file, &source, point, &mount_options, || told(path, FeatureFlags::EMPTY));
        // The kernel tells of the end of the mount too late: nobody waits for that.
        let flushed = disk.flush();
        return served.and(flushed);
    }
    let volume = volume(&operand, what, &options, &mount_options, Path::new(path), &subpath)?;
    let point = MountPoint::new(Path::new(path), options.mkdir())?;
    let hidden = volume.hidden();
    mount::serve(volume, &source, point, &mount_options, || told(path, hidden))
}

/// Says that it is mounted, and what it does not show.
fn told(path: &OsStr, hidden: FeatureFlags) -> Result<()> {
    let told = format!("Mounted: {}\n", path.to_string_lossy());
    if !hidden.is_empty() {
        let names: Vec<&str> = hidden.names().collect();
        log::info(format_args!(
            "The following feature flags are not exposed in the mounted file system: {}",
            names.join(" ")
        ));
    }
    if daemon::is_background() {
        daemon::ready(&told)?;
    } else {
        // A reader that is gone has no part in the mount.
        let _ = crate::ui::print(&told);
    }
    notify::ready();
    Ok(())
}

/// Opens an image with a file for what is written to it.
fn disk_file(
    operand: &Operand,
    what: What,
    options: &Options,
    mount_options: &MountOptions,
    path: &Path,
    overlay: &Path,
) -> Result<DiskFile> {
    if what != What::BlobIndex {
        return Err(
            Error::headline("An overlay belongs to a blob index.").hint("only images can be written to, not archives")
        );
    }
    let image = Archive::from_index(operand.input(None, true)?, operand, options)?.into_image(options.budget())?;
    let size = image.size();
    let disk = Overlay::open(overlay, ImageDisk::new(image))?;
    let modified = operand.name().and_then(|path| std::fs::metadata(path).ok()?.modified().ok());
    let file = DiskFile::new(Arc::new(disk), size)
        .owned(owner(mount_options), modified.unwrap_or(std::time::SystemTime::UNIX_EPOCH));
    let name = operand.name().map_or(&b"image"[..], image_name);
    // Over a file the image is the file itself.
    Ok(if path.is_file() { file } else { file.named(OsStr::from_bytes(name)) })
}

/// Whom an image belongs to.
fn owner(options: &MountOptions) -> (u32, u32) {
    (
        options.uid.unwrap_or_else(|| rustix::process::getuid().as_raw()),
        options.gid.unwrap_or_else(|| rustix::process::getgid().as_raw()),
    )
}

/// Opens what is to be mounted.
fn volume(
    operand: &Operand,
    what: What,
    options: &Options,
    mount_options: &MountOptions,
    path: &Path,
    subpath: &OsStr,
) -> Result<Volume> {
    let budget = options.budget();
    let input = operand.open_late(Some(what), "Failed to set sync input")?;
    if input.kind()? == Kind::Directory {
        return Err(Errno::ISDIR.into());
    }
    let image = if what == What::Archive {
        Archive::from_file(input)?.into_image(budget)?
    } else {
        Archive::from_index(input, operand, options)?.into_image(budget)?
    };
    let (uid, gid) = (mount_options.uid, mount_options.gid);
    if what == What::BlobIndex {
        if !subpath.is_empty() {
            return Err(Error::headline("Subtree path only supported when mounting archive or archive index."));
        }
        let owner = owner(mount_options);
        let mtime =
            operand.name().and_then(|path| std::fs::metadata(path).ok()).map_or_else(Timestamp::default, |file| {
                use std::os::unix::fs::MetadataExt as _;
                Timestamp::from_unix(file.mtime(), file.mtime_nsec() as u32)
            });
        let name = operand.name().map_or(&b"image"[..], image_name);
        // Over a file the image is the file itself.
        return Ok(Volume::blob(image, (!path.is_file()).then_some(name), owner, mtime));
    }
    let owners = Owners::new(options.id_shift(), uid, gid);
    Volume::archive(image, subpath, owners, options.replay_mask(), budget.memory / 8)
}

/// The name of an image: that of its index without the suffix.
fn image_name(index: &OsStr) -> &[u8] {
    let name = index.as_bytes().rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let name = name.strip_suffix(b".caibx").unwrap_or(name);
    if matches!(name, b"" | b"." | b"..") { b"image" } else { name }
}

/// Starts the same in the background.
fn in_background() -> Result<()> {
    // `mount.casync` is called with other arguments than it stands for.
    let own: Vec<OsString> = std::env::args_os().collect();
    let by_helper = own.first().is_some_and(|name| name.as_bytes().ends_with(b"mount.casync"));
    let own = if by_helper { mount::options::from_helper(&own).unwrap_or_default() } else { own };
    match daemon::start(own.into_iter().skip(1))? {
        // mount(8) says nothing if all is well.
        Started::Ready(_) if by_helper => Ok(()),
        Started::Ready(text) => crate::ui::print(&String::from_utf8_lossy(&text)),
        // It has said why.
        Started::Failed(_) => Err(Cause::Differs.into()),
    }
}
