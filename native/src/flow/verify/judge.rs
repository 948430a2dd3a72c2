//! Unpacks chunks and finds out whether they are what their ids say, several at once.

use casync_core::CHUNK_MAX;
use casync_core::chunk::{ChunkId, PlainChunk};
use casync_core::hash::DigestAlgorithm;

use super::Findings;
use crate::error::{Error, Result};
use crate::store::{Decompressor, Form};
use crate::ui::Counters;

/// A worker's means, and the chunks it has unpacked but not judged.
#[derive(Debug)]
pub(super) struct Judge<T> {
    decompressor: Decompressor,
    algorithm: Algorithm,
    waiting: Vec<(T, ChunkId, PlainChunk)>,
    bytes: u64,
}

/// Which digest the ids are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Algorithm {
    /// An index says so.
    Known(DigestAlgorithm),
    /// Nobody says; this one was right last.
    Guess(DigestAlgorithm),
}

/// A chunk, and what is wrong with it.
pub(super) struct Verdict<T> {
    pub(super) tag: T,
    pub(super) size: u64,
    pub(super) error: Option<Error>,
}

/// Counts the chunks that are right, and hands the others to `bad`.
pub(super) fn settle<T>(
    verdicts: Vec<Verdict<T>>,
    findings: &Findings,
    counters: &Counters,
    mut bad: impl FnMut(&T, &Error) -> Result<()>,
) -> Result<()> {
    for verdict in verdicts {
        match verdict.error {
            Some(error) => bad(&verdict.tag, &error)?,
            None => {
                findings.looked_at(1, verdict.size);
                Counters::add(&counters.bytes, verdict.size);
                Counters::add(&counters.store_chunks, 1);
            }
        }
    }
    Ok(())
}

impl<T> Judge<T> {
    pub(super) fn new(algorithm: Algorithm) -> Result<Self> {
        Ok(Self { decompressor: Decompressor::new()?, algorithm, waiting: Vec::new(), bytes: 0 })
    }

    /// Unpacks a chunk of this size, or of any, and keeps it for [`Self::decide`].
    pub(super) fn add(
        &mut self,
        tag: T,
        id: ChunkId,
        form: Form,
        stored: &[u8],
        size: Option<u64>,
    ) -> Result<(), (T, Error)> {
        let plain = match size {
            Some(size) => self.decompressor.unpack(form, stored, size, Vec::new()),
            None => self.decompressor.unpack_any(form, stored, CHUNK_MAX, Vec::new()),
        };
        match plain {
            Ok(plain) => {
                self.bytes += plain.untrusted_bytes().len() as u64;
                self.waiting.push((tag, id, plain));
                Ok(())
            }
            Err(error) => Err((tag, error)),
        }
    }

    /// Bytes that wait.
    pub(super) const fn held(&self) -> u64 {
        self.bytes
    }

    /// Digests all that wait together.
    pub(super) fn decide(&mut self) -> Vec<Verdict<T>> {
        self.bytes = 0;
        let waiting = std::mem::take(&mut self.waiting);
        let inputs: Vec<&[u8]> = waiting.iter().map(|(_, _, plain)| plain.untrusted_bytes()).collect();
        let (Algorithm::Known(first) | Algorithm::Guess(first)) = self.algorithm;
        let mut right: Vec<bool> = first
            .digest_all(&inputs)
            .into_iter()
            .zip(&waiting)
            .map(|(digest, (_, id, _))| *id == digest.into())
            .collect();
        if matches!(self.algorithm, Algorithm::Guess(_)) && right.contains(&false) {
            let other = match first {
                DigestAlgorithm::Sha512_256 => DigestAlgorithm::Sha256,
                DigestAlgorithm::Sha256 => DigestAlgorithm::Sha512_256,
            };
            let doubtful: Vec<usize> = (0..inputs.len()).filter(|&i| !right[i]).collect();
            let again: Vec<&[u8]> = doubtful.iter().map(|&i| inputs[i]).collect();
            for (i, digest) in doubtful.into_iter().zip(other.digest_all(&again)) {
                right[i] = waiting[i].1 == digest.into();
                if right[i] {
                    self.algorithm = Algorithm::Guess(other);
                }
            }
        }
        let verdict = |((tag, id, plain), right): ((T, ChunkId, PlainChunk), bool)| {
            let size = plain.untrusted_bytes().len() as u64;
            let error = if right { None } else { plain.verify(&id, first).err().map(Error::from) };
            Verdict { tag, size, error }
        };
        waiting.into_iter().zip(right).map(verdict).collect()
    }
}
