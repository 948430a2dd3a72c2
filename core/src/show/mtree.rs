//! `mtree`: one line of `key=value` pairs for each node.

use core::fmt;

use super::{Escaped, ShownPath};
use crate::archive::{Content, IdShift, Node};
use crate::hash::{Digest, DigestAlgorithm};
use crate::record::FeatureFlags;

/// A line of `mtree`, without newline.
#[derive(Clone, Copy, Debug)]
pub struct MtreeLine<'a> {
    /// Path from the root of the archive; empty for the root.
    pub path: &'a [u8],
    /// The node.
    pub node: &'a Node,
    /// Which of the node's metadata count.
    pub features: FeatureFlags,
    /// Which owner is the host's root, and shown as such without being stored so.
    pub shift: IdShift,
    /// Payload digest of a regular file.
    pub digest: Option<Digest>,
}

impl fmt::Display for MtreeLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Node { metadata, content } = self.node;
        let kind = content.file_type().name();
        write!(f, "{} type={kind} mode={:04o}", ShownPath(self.path), metadata.permissions)?;
        match content {
            Content::Regular { size } => write!(f, " size={size}")?,
            Content::Symlink { target } => write!(f, " link={}", Escaped(target))?,
            Content::Block(device) | Content::Character(device) => {
                write!(f, " device=linux,{},{}", device.major, device.minor)?;
            }
            Content::Directory | Content::Fifo | Content::Socket => {}
        }
        if self.features.intersects(FeatureFlags::UIDS) {
            write!(f, " uid={} gid={}", metadata.uid, metadata.gid)?;
        }
        if self.features.contains(FeatureFlags::USER_NAMES) {
            for (key, name, id) in [("uname", &metadata.user, metadata.uid), ("gname", &metadata.group, metadata.gid)] {
                match name {
                    Some(name) => write!(f, " {key}={}", Escaped(name))?,
                    None if self.shift.to_host(id) == Some(0) => write!(f, " {key}=root")?,
                    None => {}
                }
            }
        }
        self.flags(f)?;
        if self.features.time_granularity().is_some() {
            let (seconds, nanoseconds) = metadata.mtime.to_unix();
            write!(f, " time={seconds}.{nanoseconds:09}")?;
        }
        if let Some(digest) = self.digest {
            // compat: upstream takes the key from --digest=, and so mislabels archives made with the other one.
            write!(f, " {}={digest}", DigestAlgorithm::of(self.features).mtree_key())?;
        }
        Ok(())
    }
}

impl MtreeLine<'_> {
    /// The flags that mtree has names for, if the archive stores any of them.
    fn flags(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [(FeatureFlags, &str); 6] = [
            (FeatureFlags::FLAG_HIDDEN, "hidden"),
            (FeatureFlags::FLAG_SYSTEM, "system"),
            (FeatureFlags::FLAG_ARCHIVE, "archive"),
            (FeatureFlags::FLAG_APPEND, "sappend"),
            (FeatureFlags::FLAG_NODUMP, "nodump"),
            (FeatureFlags::FLAG_IMMUTABLE, "simmutable"),
        ];
        // compat: nodes that cannot have flags are shown with all of them set, and scripts compare these lines.
        let flags = match self.node.content {
            Content::Directory | Content::Regular { .. } => self.node.metadata.flags,
            _ => FeatureFlags::FILE_FLAGS,
        };
        let mut separator = " flags=";
        for (flag, name) in NAMES.into_iter().filter(|(flag, _)| self.features.contains(*flag)) {
            write!(f, "{separator}{}{name}", if flags.contains(flag) { "" } else { "no" })?;
            separator = ",";
        }
        Ok(())
    }
}
