//! The manifests of what is stored here.

use std::collections::BTreeMap;

use casync_core::hash::{Digest, DigestAlgorithm};
use serde::{Deserialize, Serialize};

/// The media type of manifests.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Artifact types: of chunks and indexes as desync has them, and of archives, which it does not keep.
pub(super) const CHUNK: &str = "application/vnd.desync.chunk.v1";
pub(super) const INDEX: &str = "application/vnd.desync.index.v1";
pub(super) const ARCHIVE: &str = "application/vnd.casync.archive.v1";

/// What every manifest must name as its configuration.
pub(super) const EMPTY: &[u8] = b"{}";
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
const BLOB_TYPE: &str = "application/octet-stream";
const TITLE: &str = "org.opencontainers.image.title";

/// A manifest, as far as it matters here.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    schema_version: u32,
    #[serde(default)]
    media_type: String,
    #[serde(default)]
    pub(super) artifact_type: String,
    config: Descriptor,
    layers: Vec<Descriptor>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// A blob, by what it holds.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    media_type: String,
    pub(super) digest: String,
    pub(super) size: u64,
}

impl Manifest {
    /// One that names a blob as what is tagged `tag`.
    pub(super) fn new(kind: &str, blob: Descriptor, tag: &str, more: BTreeMap<String, String>) -> Self {
        let mut annotations = more;
        annotations.insert(TITLE.to_owned(), tag.to_owned());
        Self {
            schema_version: 2,
            media_type: MANIFEST.to_owned(),
            artifact_type: kind.to_owned(),
            config: Descriptor { media_type: EMPTY_TYPE.to_owned(), ..Descriptor::of(EMPTY) },
            layers: vec![blob],
            annotations,
        }
    }

    /// The one blob that it names, if its digest is one that can be asked for.
    pub(super) fn blob(&self) -> Option<&Descriptor> {
        match &self.layers[..] {
            [blob] if is_digest(&blob.digest) => Some(blob),
            _ => None,
        }
    }
}

impl Descriptor {
    /// The descriptor of some bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self::with(DigestAlgorithm::Sha256.digest(bytes), bytes.len() as u64)
    }

    /// The descriptor of bytes with this SHA-256.
    pub(super) fn with(digest: Digest, size: u64) -> Self {
        Self { media_type: BLOB_TYPE.to_owned(), digest: format!("sha256:{digest}"), size }
    }
}

/// Whether a text is a SHA-256 as registries write it: nothing else may get into a URL.
pub(super) fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|digits| digits.parse::<Digest>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_documented() {
        let manifest = Manifest::new(CHUNK, Descriptor::of(b"x"), "TAG.cacnk", BTreeMap::new());
        let text = serde_json::to_string(&manifest).unwrap();
        let expected = concat!(
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","#,
            r#""artifactType":"application/vnd.desync.chunk.v1","config":{"#,
            r#""mediaType":"application/vnd.oci.empty.v1+json","#,
            r#""digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"#,
            r#""layers":[{"mediaType":"application/octet-stream","#,
            r#""digest":"sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881","size":1}],"#,
            r#""annotations":{"org.opencontainers.image.title":"TAG.cacnk"}}"#,
        );
        assert_eq!(text, expected);
        let read: Manifest = serde_json::from_str(expected).unwrap();
        assert_eq!(read.blob().unwrap().size, 1);
        for digest in
            ["sha256:../x", "sha512:00", "sha256:2D711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"]
        {
            assert!(!is_digest(digest), "{digest}");
        }
    }
}
