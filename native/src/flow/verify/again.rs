//! Encodes a tree anew and compares what comes of it with an index, chunk by chunk, without any store.

use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use casync_core::archive::{Content, Encoder};
use casync_core::chunk::ChunkId;
use casync_core::codec::Compression;
use casync_core::record::{FeatureFlags, INDEX_HEADER_SIZE, INDEX_ITEM_SIZE};
use rustix::io::Errno;

use crate::error::Result;
use crate::flow::input::Index;
use crate::flow::make::Make;
use crate::flow::source::{self, Words};
use crate::flow::{Budget, stream::StreamWriter};
use crate::fs::blob::{self, Kind};
use crate::fs::walk::{Step, Walk};
use crate::store::{Form, Put, Store};
use crate::ui::Counters;

/// Whether a tree gives this index, which is in a regular file; if not, the first chunk that differs.
///
/// # Errors
///
/// If the tree or the index cannot be read.
pub(super) fn first_difference(
    index: &Index,
    file: &OwnedFd,
    walk: &mut Walk,
    budget: Budget,
    counters: &Arc<Counters>,
) -> Result<Option<u64>> {
    if Kind::of(file)? != Kind::File {
        return Ok(Some(0));
    }
    let differs = Arc::new(AtomicU64::new(SAME));
    let compare = Compare { file: file.try_clone()?, offset: 0, differs: Arc::clone(&differs) };
    let features = index.features();
    let made = Make {
        features,
        sizes: index.sizes(),
        compression: Compression::default(),
        store: Some(Arc::new(HasAll)),
        index: Some(Box::new(compare)),
        archive: None,
        digest: false,
        recorder: None,
        budget,
        counters: Arc::clone(counters),
    }
    .run(|stream: &mut StreamWriter<'_>| source::tree(walk, features, Words("Comparing", "Compared"), stream));
    match differs.load(Ordering::Acquire) {
        SAME => {
            let made = made?;
            Ok((made.chunks != index.len()).then_some(made.chunks))
        }
        // The run was ended because of that.
        item => Ok(Some(item)),
    }
}

const SAME: u64 = u64::MAX;

/// Takes an index that is being made and looks whether it is the one in a file.
struct Compare {
    file: OwnedFd,
    offset: u64,
    /// Number of the first item that differs.
    differs: Arc<AtomicU64>,
}

impl Write for Compare {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut expected = vec![0; bytes.len()];
        let filled = blob::read_at(&self.file, &mut expected, self.offset).map_err(|_| Errno::IO)?;
        let same = bytes.iter().zip(&expected[..filled]).take_while(|(made, expected)| made == expected).count();
        if same < bytes.len() {
            let at = (self.offset + same as u64).saturating_sub(INDEX_HEADER_SIZE as u64);
            self.differs.store(at / INDEX_ITEM_SIZE as u64, Ordering::Release);
            return Err(Errno::CANCELED.into());
        }
        self.offset += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A store that is said to have every chunk, so that none is compressed.
struct HasAll;

impl Store for HasAll {
    fn get(&self, _: &ChunkId, _: Form, _: &mut Vec<u8>) -> Result<bool> {
        Ok(false)
    }

    fn has(&self, _: &ChunkId) -> Result<bool> {
        Ok(true)
    }

    fn put(&self, _: &ChunkId, _: Form, _: &[u8]) -> Result<Put> {
        Ok(Put::Existed)
    }

    fn name(&self) -> &str {
        "none"
    }
}

/// The node of a tree that holds byte `offset` of its archive; no file is read for that.
///
/// # Errors
///
/// If the tree cannot be read.
pub(super) fn node_at(walk: &mut Walk, features: FeatureFlags, offset: u64) -> Result<Vec<u8>> {
    let mut encoder = Encoder::new(features);
    let (mut records, mut end) = (Vec::new(), 0);
    let mut path = Vec::new();
    while end <= offset {
        records.clear();
        match walk.next()? {
            None => break,
            Some(Step::Leave) => encoder.leave(&mut records)?,
            Some(Step::Node { name, node, .. }) => {
                walk.path().clone_into(&mut path);
                let _ = match &name {
                    Some(name) => encoder.child(name, &node, &mut records)?,
                    None => encoder.root(&node, &mut records)?,
                };
                if let Content::Regular { size } = node.content {
                    encoder.payload(size)?;
                    end += size;
                }
            }
        }
        end += records.len() as u64;
    }
    Ok(path)
}
