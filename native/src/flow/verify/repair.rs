//! Puts good chunks in the place of bad and missing ones.

use std::sync::Arc;

use casync_core::CHUNK_MAX;
use casync_core::chunk::{ChunkId, VerifiedChunk};
use casync_core::codec::Compression;
use casync_core::hash::DigestAlgorithm;
use rustix::io::Errno;

use super::Findings;
use crate::error::{Error, Result};
use crate::store::{Compressor, Decompressor, Form, Inventory, Store};

/// What is to be repaired, and with what.
#[derive(Clone, Copy)]
pub struct Repair<'a> {
    /// The store whose chunks are bad; the other form of a chunk may be good there.
    pub store: &'a dyn Store,
    /// Stores to take good chunks from.
    pub sources: &'a [Arc<dyn Store>],
    /// How to compress them.
    pub compression: Compression,
    /// The same store if bad chunks are to be replaced, and not only to be found.
    pub write: Option<&'a dyn Inventory>,
}

impl std::fmt::Debug for Repair<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repair")
            .field("store", &self.store.name())
            .field("write", &self.write.is_some())
            .finish_non_exhaustive()
    }
}

/// A chunk as it should be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) id: ChunkId,
    /// Its size and digest, if an index tells.
    pub(super) known: Option<(u64, DigestAlgorithm)>,
}

impl Repair<'_> {
    /// Tells what is wrong with the file of a chunk, and puts a good one there if one is to be had.
    pub(super) fn mend(
        &self,
        wanted: &Wanted,
        path: &str,
        form: Form,
        error: &Error,
        findings: &Findings,
    ) -> Result<()> {
        let file = format!("{}/{path}", self.store.name());
        findings.problem(format_args!("Chunk {} is bad: {file:?}: {error}", wanted.id));
        let Some(target) = self.write else { return Ok(()) };
        let Some((chunk, source)) = self.find(wanted, true)? else {
            findings.remark(format_args!("Chunk {} cannot be repaired: no store has a good one.", wanted.id));
            return Ok(());
        };
        self.write(target, &chunk, path, form, &source, findings)
    }

    /// The same for a chunk that the store does not have. What is found elsewhere is missed only if there is to be a copy.
    pub(super) fn supply(&self, wanted: &Wanted, findings: &Findings) -> Result<()> {
        let id = &wanted.id;
        let found = self.find(wanted, false)?;
        let Some((chunk, source)) = found else {
            let names: Vec<&str> = self.sources.iter().map(|store| store.name()).collect();
            let path = format!("{}/{}", self.store.name(), self.store.path(id, Form::Compressed));
            let elsewhere =
                if names.is_empty() { String::new() } else { format!(", nor has {}", names.join(", nor ")) };
            findings.problem(format_args!("Chunk {id} is missing: {path:?} does not exist{elsewhere}"));
            return Ok(());
        };
        let Some(target) = self.write else { return Ok(()) };
        let path = self.store.path(id, Form::Compressed);
        findings.problem(format_args!("Chunk {id} is missing: \"{}/{path}\" does not exist", self.store.name()));
        self.write(target, &chunk, &path, Form::Compressed, &source, findings)
    }

    fn write(
        &self,
        target: &dyn Inventory,
        chunk: &VerifiedChunk,
        path: &str,
        form: Form,
        source: &str,
        findings: &Findings,
    ) -> Result<()> {
        let id = chunk.id();
        let written = match form {
            Form::Plain => target.replace(id, path, chunk.bytes()),
            Form::Compressed => {
                let mut compressor = Compressor::new(self.compression)?;
                compressor.compress(chunk.bytes()).and_then(|frame| target.replace(id, path, frame))
            }
        };
        match written {
            Ok(()) => findings.repaired(format_args!("Chunk {id} is repaired, with the one from {source:?}.")),
            // The next chunks will not fit either.
            Err(error) if is_full(&error) => return Err(error),
            Err(error) => findings.remark(format_args!("Chunk {id} cannot be repaired: {error}")),
        }
        Ok(())
    }

    /// A good chunk, and the name of the store that has it. `own`: also what the store itself has.
    fn find(&self, wanted: &Wanted, own: bool) -> Result<Option<(VerifiedChunk, String)>> {
        let mut decompressor = Decompressor::new()?;
        let mut stored = Vec::new();
        let own: Option<&dyn Store> = own.then_some(self.store);
        for store in own.into_iter().chain(self.sources.iter().map(|store| &**store)) {
            for form in Form::ALL {
                // Whatever is wrong with a source, another may be right.
                if !matches!(store.get(&wanted.id, form, &mut stored), Ok(true)) {
                    continue;
                }
                let plain = match wanted.known {
                    Some((size, _)) => decompressor.unpack(form, &stored, size, Vec::new()),
                    None => decompressor.unpack_any(form, &stored, CHUNK_MAX, Vec::new()),
                };
                let Ok(plain) = plain else { continue };
                let algorithms = match wanted.known {
                    Some((_, algorithm)) => vec![algorithm],
                    None => vec![DigestAlgorithm::Sha512_256, DigestAlgorithm::Sha256],
                };
                for algorithm in algorithms {
                    if let Ok(chunk) = plain.clone().verify(&wanted.id, algorithm) {
                        return Ok(Some((chunk, store.name().to_owned())));
                    }
                }
            }
        }
        Ok(None)
    }
}

fn is_full(error: &Error) -> bool {
    use crate::error::Cause;
    matches!(error.cause(), Cause::Os(Errno::NOSPC | Errno::DQUOT | Errno::ROFS))
}
