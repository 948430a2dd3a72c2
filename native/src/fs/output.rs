//! Files that appear under their name only when they are complete.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::error::{Context as _, Error, Result};
use crate::sys::random_hex;
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

/// A file under a temporary name beside its target; removed unless it is installed.
///
/// compat: the temporary name is `.#` + name + 16 hexadecimal digits, as upstream's, cut where it would be too long.
#[derive(Debug)]
pub struct AtomicFile {
    file: File,
    temporary: Option<PathBuf>,
    target: PathBuf,
    /// Whether the temporary file stays if it is not installed, for the next run to go on with.
    stays: bool,
}

/// When what was written is made to survive a crash of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// When the system likes to, as upstream.
    #[default]
    None,
    /// All of the output's file system before the program ends with success.
    End,
    /// Each file and each directory when it is complete; a file before it takes the place of an older one.
    Each,
}

/// Longest file name on Linux.
const NAME_MAX: usize = 255;

impl AtomicFile {
    /// Makes the temporary file with this mode, less the umask.
    ///
    /// # Errors
    ///
    /// If the directory does not exist or cannot be written, or the target is a directory.
    pub fn create(target: &Path, mode: u32) -> Result<Self> {
        let what = || format!("create {target:?}");
        if target.is_dir() {
            return Err(Error::from(Errno::ISDIR).context(what()));
        }
        let name = target.file_name().ok_or_else(|| Error::from(Errno::ISDIR).context(what()))?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(mode);
        loop {
            let temporary = target.with_file_name(temporary_name(name));
            match options.open(&temporary) {
                Ok(file) => {
                    return Ok(Self { file, temporary: Some(temporary), target: target.to_owned(), stays: false });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::from(error).context(what())),
            }
        }
    }

    /// Goes on with the file that an interrupted run has left, or makes it: `.#` + name + `.part`. Unless it is installed, it
    /// stays.
    ///
    /// # Errors
    ///
    /// As [`Self::create`]; if it is no file of this user, or another run is at work on it.
    pub fn resume(target: &Path, mode: u32) -> Result<Self> {
        let what = || format!("go on with {target:?}");
        let name = target.file_name().ok_or_else(|| Error::from(Errno::ISDIR).context(what()))?;
        let temporary = target.with_file_name(partial_name(name));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(mode);
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32);
        let file = options.open(&temporary).context(what)?;
        let metadata = file.metadata()?;
        let is_ours = metadata.uid() == rustix::process::geteuid().as_raw() && metadata.nlink() == 1;
        if !metadata.is_file() || !is_ours {
            return Err(Error::new(Errno::PERM, format!("{temporary:?} is not what this program left")).context(what()));
        }
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(Error::new(Errno::BUSY, format!("another run is at work on {temporary:?}")).context(what()));
        }
        Ok(Self { file, temporary: Some(temporary), target: target.to_owned(), stays: true })
    }

    /// The file.
    pub const fn file(&self) -> &File {
        &self.file
    }

    /// Device and inode.
    ///
    /// # Errors
    ///
    /// If the system does not tell.
    pub fn identity(&self) -> Result<(u64, u64)> {
        let metadata = self.file.metadata()?;
        Ok((metadata.dev(), metadata.ino()))
    }

    /// Gives the file its name, replacing what was there.
    ///
    /// # Errors
    ///
    /// If that is not possible; the temporary file is then removed.
    pub fn install(mut self) -> Result<()> {
        if let Some(temporary) = &self.temporary {
            std::fs::rename(temporary, &self.target).context(|| format!("install {:?}", self.target))?;
            self.temporary = None;
        }
        Ok(())
    }

    /// The same; the file and its name then survive a crash if the durability wants that.
    ///
    /// # Errors
    ///
    /// If that is not possible, or the disk does not take it.
    pub fn install_durably(self, durability: Durability) -> Result<()> {
        if durability == Durability::None {
            return self.install();
        }
        let target = self.target.clone();
        // First its contents: a crash could otherwise leave the name with nothing in it.
        self.file.sync_all().context(|| format!("write {target:?} to the disk"))?;
        self.install()?;
        sync_directory_of(&target)
    }
}

/// Makes the name of a file or directory survive a crash.
///
/// # Errors
///
/// If the disk does not take it.
pub fn sync_directory_of(path: &Path) -> Result<()> {
    let directory = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or_else(|| Path::new("."));
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.context(|| format!("write the directory {directory:?} to the disk"))
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if let Some(temporary) = self.temporary.as_ref().filter(|_| !self.stays) {
            let _ = std::fs::remove_file(temporary);
        }
    }
}

/// `.#NAME` and random digits, with as much of the name as fits.
pub(crate) fn temporary_name(name: &std::ffi::OsStr) -> OsString {
    hidden_name(name, &random_hex())
}

/// The name of a file that an interrupted run leaves.
fn partial_name(name: &std::ffi::OsStr) -> OsString {
    hidden_name(name, ".part")
}

fn hidden_name(name: &std::ffi::OsStr, suffix: &str) -> OsString {
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    let room = NAME_MAX - 2 - suffix.len();
    let bytes = name.as_bytes();
    let mut temporary = b".#".to_vec();
    temporary.extend_from_slice(&bytes[..bytes.len().min(room)]);
    temporary.extend_from_slice(suffix.as_bytes());
    OsString::from_vec(temporary)
}
