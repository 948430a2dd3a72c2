//! An archive: how much there is of what.

use casync_core::archive::{Decoder, Event, FileType, Node, NodeEvent, Trail};
use casync_core::hash::DigestAlgorithm;
use casync_core::record::FeatureFlags;

use super::Features;
use crate::error::Result;
use crate::flow::input::{ByteSource, Flow, pump};
use crate::flow::stop;

/// What there is to know of an archive.
#[derive(Debug, serde::Serialize)]
pub struct ArchiveFacts {
    /// Feature flags.
    pub features: Features,
    /// The digest that they name.
    pub digest: &'static str,
    /// Bytes of the archive.
    pub bytes: u64,
    /// Bytes in files.
    pub payload_bytes: u64,
    /// All the others.
    pub metadata_bytes: u64,
    /// Nodes, the root too.
    pub nodes: u64,
    /// Nodes by type.
    pub kinds: Kinds,
    /// Nodes by what is stored of them.
    pub with: Metadata,
    /// File flags that some node has, as `--with=` names them.
    pub flags: Vec<&'static str>,
    /// Names in the longest path; 0 for a root alone.
    pub depth: u64,
    /// The largest files, at most [`ArchiveFacts::LARGEST`], the largest first.
    pub largest: Vec<LargestFile>,
}

/// How many nodes there are of each type.
#[derive(Debug, Default, serde::Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Kinds {
    pub dir: u64,
    pub file: u64,
    pub link: u64,
    pub char: u64,
    pub block: u64,
    pub fifo: u64,
    pub socket: u64,
}

/// How many nodes have what not every node has.
#[derive(Debug, Default, serde::Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Metadata {
    pub xattrs: u64,
    pub acl: u64,
    pub default_acl: u64,
    pub selinux: u64,
    pub fcaps: u64,
    pub project_id: u64,
    pub flags: u64,
}

/// A file and its size.
#[derive(Debug)]
pub struct LargestFile {
    /// From the root.
    pub path: Vec<u8>,
    /// Bytes of payload.
    pub size: u64,
}

impl ArchiveFacts {
    /// Files that are listed.
    pub const LARGEST: usize = 5;

    /// Looks at an archive from its start to its end, past the contents of files.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is damaged.
    pub fn of(source: &mut dyn ByteSource, decoder: &mut Decoder) -> Result<Self> {
        let mut facts = Self {
            features: FeatureFlags::EMPTY.into(),
            digest: "",
            bytes: 0,
            payload_bytes: 0,
            metadata_bytes: 0,
            nodes: 0,
            kinds: Kinds::default(),
            with: Metadata::default(),
            flags: Vec::new(),
            depth: 0,
            largest: Vec::new(),
        };
        let mut trail = Trail::default();
        let mut flags = FeatureFlags::EMPTY;
        pump(source, decoder, |event| {
            let Event::Node(event) = event else { return Ok(Flow::Continue) };
            stop::check()?;
            if event.depth == 0 {
                facts.features = event.features.into();
                facts.digest = DigestAlgorithm::of(event.features).name();
            }
            flags |= event.node.metadata.flags;
            facts.add(&event, trail.enter(&event));
            Ok(Flow::SkipPayload)
        })?;
        facts.flags = flags.names().collect();
        facts.bytes = decoder.position();
        facts.metadata_bytes = facts.bytes - facts.payload_bytes;
        Ok(facts)
    }

    fn add(&mut self, event: &NodeEvent<'_>, path: &[u8]) {
        self.nodes += 1;
        self.depth = self.depth.max(event.depth as u64);
        *self.kinds.of(event.node.content.file_type()) += 1;
        self.with.add(event.node);
        if let casync_core::archive::Content::Regular { size } = event.node.content {
            self.payload_bytes += size;
            self.add_file(path, size);
        }
    }

    /// Of equally large files, the first in the archive come first.
    fn add_file(&mut self, path: &[u8], size: u64) {
        let place = self.largest.partition_point(|other| other.size >= size);
        if place < Self::LARGEST {
            self.largest.truncate(Self::LARGEST - 1);
            self.largest.insert(place, LargestFile { path: path.to_vec(), size });
        }
    }
}

impl Kinds {
    const fn of(&mut self, kind: FileType) -> &mut u64 {
        match kind {
            FileType::Directory => &mut self.dir,
            FileType::Regular => &mut self.file,
            FileType::Symlink => &mut self.link,
            FileType::Character => &mut self.char,
            FileType::Block => &mut self.block,
            FileType::Fifo => &mut self.fifo,
            FileType::Socket => &mut self.socket,
        }
    }
}

impl Metadata {
    fn add(&mut self, node: &Node) {
        let metadata = &node.metadata;
        for (count, has) in [
            (&mut self.xattrs, !metadata.xattrs.is_empty()),
            (&mut self.acl, metadata.acl.is_some()),
            (&mut self.default_acl, metadata.default_acl.is_some()),
            (&mut self.selinux, metadata.selinux.is_some()),
            (&mut self.fcaps, metadata.fcaps.is_some()),
            (&mut self.project_id, metadata.project_id.is_some()),
            (&mut self.flags, !metadata.flags.is_empty()),
        ] {
            *count += u64::from(has);
        }
    }
}
