//! What the operand NODE asks for (spec: mount-and-mkdev.md 11).

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use rustix::io::Errno;

use crate::error::{Error, Result};

/// Which device, or what it is to be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// Any that is free.
    Any,
    /// `/dev/nbdN`
    Nbd(u32),
    /// `/dev/loopN`
    Loop(u32),
    /// `/dev/NAME`: any, under that name.
    Name(String),
    /// Any, with a link to it at this path.
    Link(PathBuf),
}

impl Node {
    /// Takes what was given, if something was.
    ///
    /// # Errors
    ///
    /// If it cannot be the name of a device.
    pub fn parse(text: Option<&OsStr>) -> Result<Self> {
        let Some(text) = text else { return Ok(Self::Any) };
        let invalid = || {
            Error::new(Errno::INVAL, format!("{text:?} can be neither a device nor a link to one"))
                .titled("Failed to set up the device node")
        };
        let path = Path::new(text);
        if path.file_name().is_none() {
            return Err(invalid());
        }
        let Some(name) = in_dev(path) else {
            return std::path::absolute(path).map(Self::Link).map_err(|_| invalid());
        };
        if let Some(number) = numbered(name, "nbd") {
            return Ok(Self::Nbd(number));
        }
        if let Some(number) = numbered(name, "loop") {
            return Ok(Self::Loop(number));
        }
        // It goes through a line of text and udev's rules, which have a meaning for other characters.
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "#+-.:=@_".contains(letter);
        let name = name.to_str().filter(|name| name.chars().all(plain)).ok_or_else(invalid)?;
        Ok(Self::Name(name.to_owned()))
    }

    pub(super) const fn nbd_number(&self) -> Option<u32> {
        if let Self::Nbd(number) = self { Some(*number) } else { None }
    }

    pub(super) const fn loop_number(&self) -> Option<u32> {
        if let Self::Loop(number) = self { Some(*number) } else { None }
    }
}

/// The name of something that is directly in `/dev`, with any number of slashes.
fn in_dev(path: &Path) -> Option<&OsStr> {
    let mut components = path.components();
    match (components.next()?, components.next()?, components.next()?, components.next()) {
        (Component::RootDir, Component::Normal(dev), Component::Normal(name), None) if dev == "dev" => Some(name),
        _ => None,
    }
}

fn numbered(name: &OsStr, kind: &str) -> Option<u32> {
    let digits = name.to_str()?.strip_prefix(kind)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// The name of a network block device, `nbdN`, from its path.
pub fn nbd_of(path: &OsStr) -> Option<String> {
    numbered(in_dev(Path::new(path))?, "nbd").map(|number| format!("nbd{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_apart() {
        let parse = |text: &str| Node::parse(Some(OsStr::new(text))).ok();
        for (text, node) in [
            ("/dev/nbd7", Some(Node::Nbd(7))),
            ("//dev///nbd12", Some(Node::Nbd(12))),
            ("/dev/loop3", Some(Node::Loop(3))),
            ("/dev/nbd", Some(Node::Name("nbd".to_owned()))),
            ("/dev/nbd1p2", Some(Node::Name("nbd1p2".to_owned()))),
            ("/dev/root-image", Some(Node::Name("root-image".to_owned()))),
            ("/dev/two words", None),
            ("/dev/line\nbreak", None),
            ("/dev/disk/image", Some(Node::Link("/dev/disk/image".into()))),
            ("/dev/..", None),
            ("/tmp/x", Some(Node::Link("/tmp/x".into()))),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(parse(text), node, "{text:?}");
        }
        assert_eq!(Node::parse(None).unwrap(), Node::Any);
        assert!(matches!(parse("x"), Some(Node::Link(path)) if path.is_absolute()));
    }

    #[test]
    fn only_network_block_devices_have_name_files() {
        assert_eq!(nbd_of(OsStr::new("/dev/nbd3")).as_deref(), Some("nbd3"));
        for text in ["/dev/nbd", "/dev/nbd3p1", "nbd3", "/dev/loop3", "sda", "/dev/nbd99999999999"] {
            assert_eq!(nbd_of(OsStr::new(text)), None, "{text}");
        }
    }
}
