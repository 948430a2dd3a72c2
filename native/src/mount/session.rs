//! The life of a mount: from the mount point to the end of the session.
//!
//! ```text
//! mount > session threads > "ready" > wait for a signal, or for the end of the session > unmount
//!           guard: another process that takes the mount away if this one dies
//! ```

use std::ffi::{CString, OsStr, OsString};
use std::io::{PipeReader, PipeWriter};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::thread::Builder;

use fuser::{Config, Filesystem, MountOption, Notifier, Session, SessionACL, SessionUnmounter};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags};

use super::disk_file::DiskFile;
use super::file_system::FileSystem;
use super::guard;
use super::options::MountOptions;
use super::volume::Volume;
use crate::error::{Cause, Context as _, Error, Result};
use crate::flow::stop;
use crate::sys;
use crate::ui::log;

/// Threads that take requests from the kernel: most of them sleep, in turn, while chunks come.
const THREADS: usize = 8;

/// How the kernel's and people's view of a mount are told apart.
const TYPE: &str = "fuse.casync";

/// Mounts a volume and serves it until somebody wants to stop, or it is unmounted. `ready` is called once it can be used.
///
/// # Errors
///
/// If it cannot be mounted, and those of `ready`.
pub fn serve(
    volume: Volume,
    source: &OsStr,
    point: MountPoint,
    options: &MountOptions,
    ready: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let is_directory = volume.is_directory();
    let file_system = FileSystem::new(volume, THREADS);
    let giving = file_system.clone();
    let guarded = |notifier| giving.give_pages(notifier);
    serve_any(file_system, is_directory, source, point, options, guarded, ready)
}

/// The same for a file that can be written to.
///
/// # Errors
///
/// As [`serve`].
pub fn serve_disk(
    file: DiskFile,
    source: &OsStr,
    point: MountPoint,
    options: &MountOptions,
    ready: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let is_directory = file.is_directory();
    serve_any(file, is_directory, source, point, options, |_| false, ready)
}

/// Serves what is mounted already, by whoever has this end of it; returns what can be read when it is served no longer.
///
/// # Errors
///
/// If it cannot be served.
pub(crate) fn serve_privately(file: DiskFile, kernel: OwnedFd) -> Result<PipeReader> {
    let config = config(SessionACL::All);
    run(Session::from_fd(file, kernel, config.acl, config)?)
}

fn config(acl: SessionACL) -> Config {
    let mut config = Config::default();
    config.n_threads = Some(THREADS);
    config.clone_fd = true;
    config.acl = acl;
    config
}

/// Answers requests until the end of a session, which can be read from the result.
fn run(session: Session<impl Filesystem + 'static>) -> Result<PipeReader> {
    let (ended, end) = std::io::pipe()?;
    Builder::new().name("session".to_owned()).spawn(move || {
        if let Err(error) = session.run() {
            log::error(format_args!("Failed to serve the mount: {error}"));
        }
        drop(end);
    })?;
    Ok(ended)
}

/// `guarded` is called once there is somebody who can end the connection to the kernel if this process dies. It returns whether
/// there is a thread now that may wait for the kernel.
fn serve_any(
    file_system: impl Filesystem + 'static,
    is_directory: bool,
    source: &OsStr,
    point: MountPoint,
    options: &MountOptions,
    guarded: impl FnOnce(Notifier) -> bool,
    ready: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let Mounted { session, unmounter } = Mounted::new(file_system, is_directory, source, &point, options)?;
    let notifier = session.notifier();
    let ended = run(session)?;
    let mut mounting = Mounting { point, unmounter, device: None, guard: None, gives: false };
    mounting.device = std::fs::metadata(&mounting.point.path).map(|root| root.dev()).ok();
    if let Some(device) = mounting.device {
        read_ahead(device);
        if options.auto_unmount {
            mounting.guard = guard::start(&mounting.point.path, device, mounting.point.is_made);
        }
        // Others may not end a connection.
        if mounting.guard.is_some() && mounting.unmounter.is_none() {
            mounting.gives = guarded(notifier);
        }
    }
    ready()?;
    let waited = stop::wait_readable(&ended);
    mounting.end();
    match waited {
        // That is how people end it.
        Err(error) if matches!(error.cause(), Cause::Interrupted) => Ok(()),
        waited => waited,
    }
}

/// Where something is to be mounted.
#[derive(Debug)]
pub struct MountPoint {
    path: PathBuf,
    /// Whether it was made for this.
    is_made: bool,
}

impl MountPoint {
    /// Finds the mount point; `make`: it may be made.
    ///
    /// # Errors
    ///
    /// If it is not there and cannot be made, or something is wrong with it.
    pub fn new(path: &Path, make: bool) -> Result<Self> {
        let failed = |error: std::io::Error| Error::from(error).context(format!("look for {path:?}")).titled(FAILED);
        match path.canonicalize() {
            Ok(path) => Ok(Self { path, is_made: false }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && make => {
                rustix::fs::mkdir(path, Mode::from(0o777)).map_err(|errno| {
                    Error::from(errno).titled(format_args!("Failed to create mount directory {}", path.display()))
                })?;
                let path = path.canonicalize().map_err(failed)?;
                Ok(Self { path, is_made: true })
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        self.path.is_dir()
    }
}

impl Drop for MountPoint {
    fn drop(&mut self) {
        if self.is_made {
            // If something else is in it by now, it stays.
            let _ = std::fs::remove_dir(&self.path);
        }
    }
}

struct Mounted<F: Filesystem> {
    session: Session<F>,
    /// Unmounts where this process may not; else it does that itself.
    unmounter: Option<SessionUnmounter>,
}

impl<F: Filesystem + 'static> Mounted<F> {
    fn new(
        file_system: F,
        is_directory: bool,
        source: &OsStr,
        point: &MountPoint,
        options: &MountOptions,
    ) -> Result<Self> {
        let is_root = rustix::process::geteuid().is_root();
        let mut config = config(if is_root || options.allow_other { SessionACL::All } else { SessionACL::Owner });
        let source = options.source.as_deref().unwrap_or(source);
        if is_directory != point.is_directory() {
            let errno = if point.is_directory() { Errno::ISDIR } else { Errno::NOTDIR };
            return Err(Error::from(errno).context(format!("mount at {:?}", point.path)).titled(FAILED));
        }
        if is_root {
            let device = mount(source, point, options).map_err(|error| error.titled(FAILED))?;
            let session = Session::from_fd(file_system, device, config.acl, config);
            let session = session.map_err(|error| {
                let _ = rustix::mount::unmount(&point.path, UnmountFlags::DETACH);
                Error::from(error).titled(FAILED)
            })?;
            return Ok(Self { session, unmounter: None });
        }
        config.mount_options = helper_options(source, options);
        let session = Session::new(file_system, &point.path, &config);
        let mut session = session.map_err(|error| Error::from(error).titled(FAILED))?;
        let unmounter = Some(session.unmount_callable());
        Ok(Self { session, unmounter })
    }
}

/// Upstream's words.
const FAILED: &str = "Failed to establish FUSE mount";

/// Mounts with the right to do so; returns the kernel's end.
fn mount(source: &OsStr, point: &MountPoint, options: &MountOptions) -> Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    let device = rustix::fs::open("/dev/fuse", flags, Mode::empty()).context(|| "open \"/dev/fuse\"")?;
    let mode = std::fs::metadata(&point.path)?.mode();
    let mut data = OsString::from(format!(
        "fd={},rootmode={mode:o},user_id={},group_id={},default_permissions,allow_other",
        device.as_raw_fd(),
        rustix::process::getuid().as_raw(),
        rustix::process::getgid().as_raw(),
    ));
    for text in &options.texts {
        data.push(",");
        data.push(text);
    }
    let data = CString::new(data.as_bytes()).map_err(|_| Error::from(Errno::INVAL))?;
    // An empty name would be no line of the mount table.
    let source = if source.is_empty() { OsStr::new("casync") } else { source };
    rustix::mount::mount(source, &point.path, TYPE, options.flags, data.as_c_str())
        .context(|| format!("mount at {:?}", point.path))?;
    Ok(device)
}

/// What `fusermount3` is told.
fn helper_options(source: &OsStr, options: &MountOptions) -> Vec<MountOption> {
    let mut name = String::new();
    for letter in source.to_string_lossy().chars() {
        if matches!(letter, ',' | '\\') {
            name.push('\\');
        }
        name.push(letter);
    }
    let access = if options.flags.contains(MountFlags::RDONLY) { MountOption::RO } else { MountOption::RW };
    let mut told = vec![access, MountOption::DefaultPermissions, MountOption::Subtype("casync".to_owned())];
    if !name.is_empty() {
        told.push(MountOption::FSName(name));
    }
    for (flag, option) in [
        (MountFlags::NOEXEC, MountOption::NoExec),
        (MountFlags::NOATIME, MountOption::NoAtime),
        (MountFlags::SYNCHRONOUS, MountOption::Sync),
    ] {
        if options.flags.contains(flag) {
            told.push(option);
        }
    }
    told.extend(options.texts.iter().map(|text| MountOption::CUSTOM(text.to_string_lossy().into_owned())));
    told
}

/// Lets the kernel read ahead in steps that are worth the way here. Only root may; without it works as well.
fn read_ahead(device: u64) {
    const KIBIBYTES: &str = "1024";
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let _ = std::fs::write(format!("/sys/class/bdi/{major}:{minor}/read_ahead_kb"), KIBIBYTES);
}

/// Something that is mounted until this is dropped.
struct Mounting {
    point: MountPoint,
    unmounter: Option<SessionUnmounter>,
    /// Device number of the mount: somebody else's may be in its place by now.
    device: Option<u64>,
    /// Takes over if this process dies.
    guard: Option<PipeWriter>,
    /// Whether a thread may wait for the kernel.
    gives: bool,
}

impl Mounting {
    /// Unmounts, if that has not been done from outside. What is in use goes when it is not any more.
    fn end(self) {
        drop(self);
    }
}

impl Drop for Mounting {
    fn drop(&mut self) {
        match &mut self.unmounter {
            Some(unmounter) => drop(unmounter.unmount()),
            None => guard::unmount(&self.point.path, self.device.map(guard::shown).as_deref(), self.gives),
        }
        if let Some(guard) = self.guard.take() {
            sys::dismiss(guard);
        }
    }
}
