//! What `-o` says: the options that mounts have, and those that are for other programs.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use rustix::io::Errno;
use rustix::mount::MountFlags;

use crate::error::{Error, Result};

/// How something is mounted.
#[derive(Clone, Debug)]
pub struct MountOptions {
    /// The kernel's flags.
    pub flags: MountFlags,
    /// Whether other users may use the mount; always, if root mounts.
    pub allow_other: bool,
    /// Whom everything belongs to.
    pub uid: Option<u32>,
    /// The group of everything.
    pub gid: Option<u32>,
    /// Whether the mount is taken away if this process dies.
    pub auto_unmount: bool,
    /// Options that the kernel takes as text.
    pub texts: Vec<OsString>,
    /// The name that the mount table shows; the input, if it is not set.
    pub source: Option<OsString>,
    /// Options with a value that are none of a mount, in order.
    pub others: Vec<(String, OsString)>,
}

impl Default for MountOptions {
    fn default() -> Self {
        Self {
            flags: MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV,
            allow_other: false,
            uid: None,
            gid: None,
            auto_unmount: true,
            texts: Vec::new(),
            source: None,
            others: Vec::new(),
        }
    }
}

/// Options that set flags, and those that clear them.
const FLAGS: [(&str, MountFlags, bool); 14] = [
    ("suid", MountFlags::NOSUID, false),
    ("nosuid", MountFlags::NOSUID, true),
    ("dev", MountFlags::NODEV, false),
    ("nodev", MountFlags::NODEV, true),
    ("exec", MountFlags::NOEXEC, false),
    ("noexec", MountFlags::NOEXEC, true),
    ("atime", MountFlags::NOATIME, false),
    ("noatime", MountFlags::NOATIME, true),
    ("diratime", MountFlags::NODIRATIME, false),
    ("nodiratime", MountFlags::NODIRATIME, true),
    ("norelatime", MountFlags::RELATIME, false),
    ("relatime", MountFlags::RELATIME, true),
    ("sync", MountFlags::SYNCHRONOUS, true),
    ("async", MountFlags::SYNCHRONOUS, false),
];

/// Options for `mount`, `systemd` and others, and those that mean nothing here: it is read-only in any case.
const IGNORED: [&str; 20] = [
    "ro",
    "rw",
    "defaults",
    "auto",
    "noauto",
    "user",
    "nouser",
    "users",
    "owner",
    "group",
    "nofail",
    "_netdev",
    "default_permissions",
    "kernel_cache",
    "nonempty",
    "loud",
    "silent",
    "iversion",
    "noiversion",
    "lazytime",
];

/// Options with a value that the kernel reads itself.
const TEXTS: [&str; 6] = ["max_read", "blksize", "context", "fscontext", "defcontext", "rootcontext"];

impl MountOptions {
    /// Takes in a list of options.
    ///
    /// # Errors
    ///
    /// If one is not known, or its value is none.
    pub fn add(&mut self, list: &OsStr) -> Result<()> {
        for option in split(list.as_bytes()) {
            self.add_one(&option)?;
        }
        Ok(())
    }

    fn add_one(&mut self, option: &[u8]) -> Result<()> {
        let shown = String::from_utf8_lossy(option).into_owned();
        let equals = option.iter().position(|&byte| byte == b'=');
        let (name, value) = match equals {
            Some(at) => (&shown[..at.min(shown.len())], Some(&option[at + 1..])),
            None => (shown.as_str(), None),
        };
        if let Some((_, flag, set)) = FLAGS.iter().find(|(known, ..)| *known == name) {
            self.flags.set(*flag, *set);
            return Ok(());
        }
        let ignored = name.is_empty() || IGNORED.contains(&name) || name.starts_with("x-") || name.starts_with("X-");
        match (name, value) {
            _ if ignored || name == "comment" => {}
            ("allow_other", None) => self.allow_other = true,
            ("auto_unmount", None) => self.auto_unmount = true,
            ("noauto_unmount", None) => self.auto_unmount = false,
            ("uid", Some(value)) => self.uid = Some(number(&shown, value)?),
            ("gid", Some(value)) => self.gid = Some(number(&shown, value)?),
            ("fsname", Some(value)) => self.source = Some(OsStr::from_bytes(value).to_owned()),
            ("subtype", Some(_)) => {}
            (_, Some(_)) if TEXTS.contains(&name) => self.texts.push(OsStr::from_bytes(option).to_owned()),
            (_, Some(value)) => self.others.push((name.to_owned(), OsStr::from_bytes(value).to_owned())),
            (_, None) => {
                return Err(Error::new(Errno::INVAL, format!("unknown mount option {name:?}"))
                    .titled("Failed to parse mount options"));
            }
        }
        Ok(())
    }
}

fn number(option: &str, value: &[u8]) -> Result<u32> {
    let number = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
    number.ok_or_else(|| {
        Error::new(Errno::INVAL, format!("{option:?} has no number")).titled("Failed to parse mount options")
    })
}

/// Options that are separated by commas. A comma in a value is written in quotation marks, as `mount` has it, or behind a
/// backslash.
fn split(list: &[u8]) -> Vec<Vec<u8>> {
    let (mut options, mut option) = (Vec::new(), Vec::new());
    let (mut quoted, mut escaped) = (false, false);
    for &byte in list {
        match byte {
            _ if escaped => {
                option.push(byte);
                escaped = false;
            }
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => options.push(std::mem::take(&mut option)),
            _ => option.push(byte),
        }
    }
    options.push(option);
    options.retain(|option| !option.is_empty());
    options
}

/// What `mount -t casync` calls as `mount.casync SOURCE TARGET [-sfnv] [-o OPTIONS]`, as arguments of `casync`. `None` if
/// nothing is to be mounted.
pub fn from_helper(arguments: &[OsString]) -> Option<Vec<OsString>> {
    let mut command: Vec<OsString> = vec!["casync".into(), "mount".into(), "--daemon".into()];
    let mut operands = Vec::new();
    let mut rest = arguments.iter().skip(1);
    while let Some(argument) = rest.next() {
        match argument.as_bytes() {
            [b'-', letters @ ..] if !letters.is_empty() && letters.iter().all(|letter| b"sfnv".contains(letter)) => {
                if letters.contains(&b'f') {
                    return None;
                }
            }
            b"-o" => {
                for option in split(rest.next().map_or(&[], |list| list.as_bytes())) {
                    command.push(translated(option));
                }
            }
            // The type, and a namespace that the caller has entered already.
            b"-t" | b"-N" => drop(rest.next()),
            _ => operands.push(argument.clone()),
        }
    }
    command.push("--".into());
    command.extend(operands);
    Some(command)
}

/// One option of `fstab`: of a mount, or any other of this program.
fn translated(option: Vec<u8>) -> OsString {
    let mut own = MountOptions::default();
    let _ = own.add_one(&option);
    // The part of a tree is not an option of its own.
    if own.others.iter().all(|(name, _)| name == "subpath") {
        // Back into the form that `-o` has.
        let escaped = option.iter().flat_map(|&byte| match byte {
            b',' | b'\\' | b'"' => vec![b'\\', byte],
            _ => vec![byte],
        });
        return OsString::from_vec([b"-o".to_vec(), escaped.collect()].concat());
    }
    OsString::from_vec([b"--".to_vec(), option].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(list: &str) -> MountOptions {
        let mut options = MountOptions::default();
        options.add(OsStr::new(list)).unwrap();
        options
    }

    #[test]
    fn options_of_mounts() {
        let options = parsed("rw,suid,noexec,allow_other,uid=7,x-systemd.automount,nofail,fsname=a\\,b,max_read=4096");
        assert_eq!(options.flags, MountFlags::RDONLY | MountFlags::NODEV | MountFlags::NOEXEC);
        assert!(options.allow_other && options.auto_unmount);
        assert_eq!((options.uid, options.gid), (Some(7), None));
        assert_eq!(options.source.as_deref(), Some(OsStr::new("a,b")));
        assert_eq!(options.texts, ["max_read=4096"]);
        let options = parsed("store=\"http://a/b,c\",noauto_unmount,subpath=a b");
        let others: Vec<_> =
            options.others.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(others, [("store", "http://a/b,c"), ("subpath", "a b")]);
        assert!(!options.auto_unmount);
        for wrong in ["frobnicate", "uid=me", "gid="] {
            assert!(MountOptions::default().add(OsStr::new(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_mount_calls() {
        let arguments = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        let called =
            from_helper(&arguments("mount.casync /a.caidx /mnt -n -o rw,noauto,store=/s,extra-store=/t")).unwrap();
        assert_eq!(
            called,
            arguments("casync mount --daemon -orw -onoauto --store=/s --extra-store=/t -- /a.caidx /mnt")
        );
        assert_eq!(from_helper(&arguments("mount.casync a b -sf")), None);
        let called = from_helper(&arguments("mount.casync a b -o subpath=c/d,uid-shift=7")).unwrap();
        assert_eq!(called[3..5], ["-osubpath=c/d", "--uid-shift=7"]);
        let called = from_helper(&arguments("mount.casync a b -o fsname=x\\,y")).unwrap();
        assert_eq!(called[3], "-ofsname=x\\,y");
    }
}
