//! `diff`: one line for each path that differs.

use core::fmt;

use super::{Escaped, ShownPath};
use crate::archive::{FileType, Timestamp};
use crate::diff::Change;
use crate::record::FeatureFlags;

/// A line of `diff`, without newline.
///
/// ```
/// use casync_core::diff::Change;
/// use casync_core::show::DiffLine;
///
/// let changes = [Change::Content, Change::Mode { from: 0o644, to: 0o755 }];
/// let line = DiffLine::Changed { path: b"bin/a tool", changes: &changes };
/// assert_eq!(line.to_string(), r"C bin/a\040tool: content, mode 0644 -> 0755");
/// assert_eq!(DiffLine::Added { path: b"new" }.to_string(), "A new");
/// ```
#[derive(Clone, Copy, Debug)]
pub enum DiffLine<'a> {
    /// Only the right side has it.
    Added {
        /// Path from the root; empty for the root.
        path: &'a [u8],
    },
    /// Only the left side has it.
    Removed {
        /// Path from the root; empty for the root.
        path: &'a [u8],
    },
    /// Both sides have it, but not the same.
    Changed {
        /// Path from the root; empty for the root.
        path: &'a [u8],
        /// What differs.
        changes: &'a [Change<'a>],
    },
}

impl fmt::Display for DiffLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added { path } => write!(f, "A {}", ShownPath(path)),
            Self::Removed { path } => write!(f, "D {}", ShownPath(path)),
            Self::Changed { path, changes } => {
                write!(f, "C {}", ShownPath(path))?;
                let mut separator = ": ";
                for change in *changes {
                    write!(f, "{separator}{change}")?;
                    separator = ", ";
                }
                Ok(())
            }
        }
    }
}

impl Change<'_> {
    /// What differs, in one word: what begins its text, and names it in JSON.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Type { .. } => "type",
            Self::Size { .. } => "size",
            Self::Content => "content",
            Self::Target { .. } => "target",
            Self::Device { .. } => "device",
            Self::Mode { .. } => "mode",
            Self::Uid { .. } => "uid",
            Self::Gid { .. } => "gid",
            Self::User { .. } => "user",
            Self::Group { .. } => "group",
            Self::Mtime { .. } => "mtime",
            Self::Flags { .. } => "flags",
            Self::Xattr { .. } => "xattr",
            Self::Acl { .. } => "acl",
            Self::DefaultAcl { .. } => "default-acl",
            Self::Selinux { .. } => "selinux",
            Self::Fcaps { .. } => "fcaps",
            Self::ProjectId { .. } => "project-id",
        }
    }
}

/// Values are shown where they are short; an added attribute begins with `+`, a removed one with `-`.
impl fmt::Display for Change<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key();
        match self {
            Self::Content => f.write_str(key),
            Self::Type { from, to } => write!(f, "{key} {} -> {}", from.name(), to.name()),
            Self::Size { from, to } => write!(f, "{key} {from} -> {to}"),
            Self::Target { from, to } => write!(f, "{key} {} -> {}", Escaped(from), Escaped(to)),
            Self::Device { from, to } => write!(f, "{key} {from} -> {to}"),
            Self::Mode { from, to } => write!(f, "{key} {from:04o} -> {to:04o}"),
            Self::Uid { from, to } | Self::Gid { from, to } => write!(f, "{key} {from} -> {to}"),
            Self::Mtime { from, to } => write!(f, "{key} {} -> {}", Time(*from), Time(*to)),
            Self::User { from, to } | Self::Group { from, to } | Self::Selinux { from, to } => {
                write!(f, "{key} {} -> {}", Text(*from), Text(*to))
            }
            Self::Flags { set, cleared } => write!(f, "{key}{}{}", Flags('+', *set), Flags('-', *cleared)),
            Self::Xattr { name, from, to } => {
                write!(f, "{}{key} {}", sign(from.is_some(), to.is_some()), Escaped(name))
            }
            Self::Acl { from, to } => write!(f, "{}{key}", sign(from.is_some(), to.is_some())),
            Self::DefaultAcl { from, to } => write!(f, "{}{key}", sign(from.is_some(), to.is_some())),
            Self::Fcaps { from, to } => write!(f, "{}{key}", sign(from.is_some(), to.is_some())),
            Self::ProjectId { from, to } => {
                write!(f, "{key} {} -> {}", from.unwrap_or_default(), to.unwrap_or_default())
            }
        }
    }
}

const fn sign(from: bool, to: bool) -> &'static str {
    match (from, to) {
        (false, true) => "+",
        (true, false) => "-",
        _ => "",
    }
}

struct Time(Timestamp);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanoseconds) = self.0.to_unix();
        write!(f, "{seconds}.{nanoseconds:09}")
    }
}

/// A text, or a dash for none.
struct Text<'a>(Option<&'a [u8]>);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(text) => Escaped(text).fmt(f),
            None => f.write_str("-"),
        }
    }
}

/// The names of flags, without what they all begin with.
struct Flags(char, FeatureFlags);

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.1.names().try_for_each(|name| write!(f, " {}{}", self.0, name.strip_prefix("flag-").unwrap_or(name)))
    }
}

impl FileType {
    /// The name that `mtree` has for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Symlink => "link",
            Self::Directory => "dir",
            Self::Regular => "file",
            Self::Socket => "socket",
            Self::Character => "char",
            Self::Block => "block",
            Self::Fifo => "fifo",
        }
    }
}
