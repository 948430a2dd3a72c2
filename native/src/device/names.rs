//! What a device is called: links to it, and the files in `/run/casync` that tell udev (spec: mount-and-mkdev.md 11).
//!
//! ```text
//! /run/casync/nbdN      NAME and a newline; locked as long as the device is attached
//! ```

use std::fs::{self, File};
use std::io::Read as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{self as os, CWD, FlockOperation, RenameFlags};
use rustix::io::Errno;

use super::Node;
use crate::error::{Context as _, Error, Result};
use crate::sys;

/// Where the files are.
const DIRECTORY: &str = "/run/casync";
/// How long udev may take for a link.
const PATIENCE: Duration = Duration::from_secs(3);

/// The names of a device, gone when this is dropped.
#[derive(Debug, Default)]
pub(super) struct Names {
    shown: Option<PathBuf>,
    link: Option<PathBuf>,
    file: Option<NameFile>,
}

impl Names {
    /// Gives a device the name that NODE asks for. `with_udev`: there may be a rule that makes the link.
    pub(super) fn new(node: &Node, device: &Path, with_udev: bool) -> Result<Self> {
        match node {
            Node::Any | Node::Nbd(_) | Node::Loop(_) => Ok(Self::default()),
            Node::Link(path) => {
                let link = Some(link(device, path)?);
                Ok(Self { shown: Some(path.clone()), link, file: None })
            }
            Node::Name(name) => {
                let path = Path::new("/dev").join(name);
                if fs::symlink_metadata(&path).is_ok() {
                    return Err(Error::from(Errno::EXIST).titled(failed(&path)));
                }
                let mut names = Self { shown: Some(path.clone()), link: None, file: None };
                if with_udev {
                    let device = device.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                    names.file = Some(NameFile::new(device, name)?);
                    if is_made_by_udev(device, &path) {
                        return Ok(names);
                    }
                }
                names.link = Some(link(device, &path)?);
                Ok(names)
            }
        }
    }

    /// What people call the device, if it is not by its own name.
    pub(super) fn shown(&self) -> Option<String> {
        self.shown.as_ref().map(|path| path.to_string_lossy().into_owned())
    }

    /// What is to be removed if this process cannot.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        let file = self.file.as_ref().map(|file| file.path.clone());
        self.link.iter().cloned().chain(file).collect()
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        if let Some(link) = &self.link {
            let _ = fs::remove_file(link);
        }
    }
}

fn failed(path: &Path) -> String {
    format!("Failed to create symlink {}", path.display())
}

fn link(device: &Path, path: &Path) -> Result<PathBuf> {
    std::os::unix::fs::symlink(device, path).map_err(|error| Error::from(error).titled(failed(path)))?;
    Ok(path.to_owned())
}

/// Lets udev look at the device again, and waits for the link.
fn is_made_by_udev(device: &str, path: &Path) -> bool {
    if !Path::new("/run/udev/control").exists() || fs::write(format!("/sys/block/{device}/uevent"), "change").is_err() {
        return false;
    }
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if fs::symlink_metadata(path).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

/// The file that says what a device is called.
#[derive(Debug)]
struct NameFile {
    path: PathBuf,
    /// Locked: a file without a lock is one that somebody has left behind.
    _file: File,
}

impl NameFile {
    /// How often one that was left behind may be in the way.
    const TRIES: usize = 10;

    fn new(device: &str, name: &str) -> Result<Self> {
        Self::create(device, name).context(|| format!("write \"{DIRECTORY}/{device}\""))
    }

    fn create(device: &str, name: &str) -> Result<Self> {
        if let Err(errno) = os::mkdir(DIRECTORY, os::Mode::from(0o755))
            && errno != Errno::EXIST
        {
            return Err(errno.into());
        }
        let path = Path::new(DIRECTORY).join(device);
        let temporary = Path::new(DIRECTORY).join(format!(".#{device}{}", sys::random_hex()));
        let mut file = File::create_new(&temporary)?;
        let written = os::flock(&file, FlockOperation::LockExclusive)
            .map_err(Error::from)
            .and_then(|()| file.write_all(format!("{name}\n").as_bytes()).map_err(Error::from))
            .and_then(|()| Self::put(&temporary, &path));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written.map(|()| Self { path, _file: file })
    }

    /// Gives a file its name, in place of one that nobody has locked.
    fn put(temporary: &Path, path: &Path) -> Result<()> {
        for _ in 0..Self::TRIES {
            match os::renameat_with(CWD, temporary, CWD, path, RenameFlags::NOREPLACE) {
                Err(Errno::EXIST) => {}
                renamed => return renamed.map_err(Error::from),
            }
            match File::open(path) {
                Ok(file) if is_locked(&file)? => break,
                Ok(_) => drop(fs::remove_file(path)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Errno::BUSY.into())
    }
}

impl Drop for NameFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
        // Unless there are others in it.
        let _ = fs::remove_dir(DIRECTORY);
    }
}

fn is_locked(file: &File) -> Result<bool> {
    match os::flock(file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(false),
        Err(Errno::WOULDBLOCK) => Ok(true),
        Err(errno) => Err(errno.into()),
    }
}

/// What a device (`nbdN`) is called, if somebody who is still there says so.
///
/// # Errors
///
/// If there is a file that cannot be read.
pub fn name_of(device: &str) -> Result<Option<String>> {
    /// Longer names cannot be those of files.
    const LONGEST: u64 = 256;
    let path = Path::new(DIRECTORY).join(device);
    let file = match File::open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.context(|| format!("open {path:?}"))?,
    };
    if !is_locked(&file)? {
        return Ok(None);
    }
    let mut text = String::new();
    file.take(LONGEST + 1).read_to_string(&mut text).context(|| format!("read {path:?}"))?;
    let name = text.strip_suffix('\n').unwrap_or(&text);
    match Node::parse(Some(Path::new("/dev").join(name).as_os_str())) {
        Ok(Node::Name(name)) => Ok(Some(name)),
        _ => Err(Error::new(Errno::BADMSG, "it holds no name").context(format!("read {path:?}"))),
    }
}
