//! A chunk file: how it is packed, and whose it is.

use casync_core::CHUNK_MAX;
use casync_core::chunk::ChunkId;
use casync_core::codec::Compression;
use casync_core::hash::DigestAlgorithm;

use crate::error::Result;
use crate::store::{Decompressor, Form};

/// What there is to know of a chunk file.
#[derive(Debug, serde::Serialize)]
pub struct ChunkFacts {
    /// The method, or `none`.
    pub compression: &'static str,
    /// Bytes of the file.
    pub stored_bytes: u64,
    /// Bytes of the chunk.
    pub bytes: u64,
    /// Its ids.
    pub ids: Ids,
    /// The id in the name of the file, if that is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub named: Option<String>,
    /// The digest by which the chunk has this id; `None`: it is not this chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fits: Option<&'static str>,
}

/// The ids of a chunk by both digests.
#[derive(Debug, serde::Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Ids {
    #[serde(rename = "sha512-256")]
    pub sha512_256: String,
    pub sha256: String,
}

impl ChunkFacts {
    /// Looks at the bytes of a file with this name.
    ///
    /// # Errors
    ///
    /// If the chunk is damaged.
    pub fn of(name: &[u8], form: Form, stored: &[u8]) -> Result<Self> {
        let plain = Decompressor::new()?.unpack_any(form, stored, CHUNK_MAX, Vec::new())?;
        let bytes = plain.untrusted_bytes();
        let compression = match form {
            Form::Compressed => Compression::detect(stored)?.name(),
            Form::Plain => "none",
        };
        let named = id_in(name);
        let algorithms = [DigestAlgorithm::Sha512_256, DigestAlgorithm::Sha256];
        let ids = algorithms.map(|algorithm| ChunkId::of(bytes, algorithm));
        let fits = algorithms.iter().zip(ids).find(|(_, id)| named == Some(*id)).map(|(algorithm, _)| algorithm.name());
        let [sha512_256, sha256] = ids.map(|id| id.to_string());
        Ok(Self {
            compression,
            stored_bytes: stored.len() as u64,
            bytes: bytes.len() as u64,
            ids: Ids { sha512_256, sha256 },
            named: named.map(|id| id.to_string()),
            fits,
        })
    }
}

/// The id that the name of a file begins with, up to the first dot.
pub fn id_in(name: &[u8]) -> Option<ChunkId> {
    let id = name.split(|&byte| byte == b'.').next()?;
    std::str::from_utf8(id).ok()?.parse().ok()
}
