//! Archives, written node by node, and frames for their chunks.

use casync_core::Name;
use casync_core::archive::{Content, Encoder, IdShift, Metadata, Node, Selection, Timestamp};
use casync_core::error::UsageError;
use casync_core::record::FeatureFlags;
use wasm_bindgen::prelude::*;

use super::{Failure, amount};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** A member to be written. What the archive's features do not ask for is left out. */
export interface Member {
  readonly type: "directory" | "file" | "symlink";
  /** Bytes of a file. */
  readonly size?: number;
  /** Where a symbolic link points. */
  readonly target?: string;
  /** The twelve permission bits; by default 0o755 for directories and 0o644. */
  readonly permissions?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtimeSeconds?: number;
  readonly mtimeNanoseconds?: number;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// A member to be written.
    #[wasm_bindgen(typescript_type = "Member")]
    #[derive(Debug)]
    pub type JsMember;

    #[wasm_bindgen(method, getter, js_name = "type")]
    fn kind(this: &JsMember) -> String;

    #[wasm_bindgen(method, getter)]
    fn size(this: &JsMember) -> Option<f64>;

    #[wasm_bindgen(method, getter)]
    fn target(this: &JsMember) -> Option<String>;

    #[wasm_bindgen(method, getter)]
    fn permissions(this: &JsMember) -> Option<u32>;

    #[wasm_bindgen(method, getter)]
    fn uid(this: &JsMember) -> Option<u32>;

    #[wasm_bindgen(method, getter)]
    fn gid(this: &JsMember) -> Option<u32>;

    #[wasm_bindgen(method, getter, js_name = mtimeSeconds)]
    fn mtime_seconds(this: &JsMember) -> Option<f64>;

    #[wasm_bindgen(method, getter, js_name = mtimeNanoseconds)]
    fn mtime_nanoseconds(this: &JsMember) -> Option<u32>;
}

/// Writes a `.catar`: what the calls return, with the payloads between them, is the archive.
///
/// First `root`, then for each directory its members in ascending order of their names' bytes; after a file its payload, which is
/// told with `payload`; `leave` ends each directory, the root last.
#[wasm_bindgen]
#[derive(Debug)]
pub struct ArchiveEncoder {
    encoder: Encoder,
    selection: Selection,
}

#[wasm_bindgen]
impl ArchiveEncoder {
    /// An encoder for archives with these features, by their names with spaces between; digests of chunks are made with `algorithm`.
    #[wasm_bindgen(constructor)]
    pub fn new(
        features: &str,
        #[wasm_bindgen(unchecked_param_type = "DigestAlgorithm")] algorithm: &str,
    ) -> Result<Self, Failure> {
        let algorithm: casync_core::hash::DigestAlgorithm = algorithm.parse()?;
        let mut flags = algorithm.flag() | FeatureFlags::EXCLUDE_NODUMP | FeatureFlags::EXCLUDE_FILE;
        for name in features.split_ascii_whitespace() {
            flags |= FeatureFlags::parse(name)?;
        }
        let selection = Selection::new(flags, IdShift::default());
        Ok(Self { encoder: Encoder::new(selection.features()), selection })
    }

    /// The features, for the index.
    #[wasm_bindgen(getter)]
    pub fn features(&self) -> u64 {
        self.selection.features().bits()
    }

    /// The top directory.
    pub fn root(&mut self, member: JsMember) -> Result<Vec<u8>, Failure> {
        let mut out = Vec::new();
        self.encoder.root(&self.node(&member)?, &mut out)?;
        Ok(out)
    }

    /// A member of the directory that was entered last; a directory is entered by this.
    pub fn child(&mut self, name: &str, member: JsMember) -> Result<Vec<u8>, Failure> {
        let mut out = Vec::new();
        self.encoder.child(&Name::new(name.as_bytes())?, &self.node(&member)?, &mut out)?;
        Ok(out)
    }

    /// Takes note of payload that was put into the archive.
    pub fn payload(&mut self, bytes: f64) -> Result<(), Failure> {
        Ok(self.encoder.payload(amount::from_js(bytes)?)?)
    }

    /// Ends the directory that was entered last.
    pub fn leave(&mut self) -> Result<Vec<u8>, Failure> {
        let mut out = Vec::new();
        self.encoder.leave(&mut out)?;
        Ok(out)
    }

    fn node(&self, member: &JsMember) -> Result<Node, Failure> {
        let (content, permissions) = match member.kind().as_str() {
            "directory" => (Content::Directory, 0o755),
            "file" => (Content::Regular { size: amount::from_js(member.size().unwrap_or(0.0))? }, 0o644),
            "symlink" => (Content::Symlink { target: member.target().unwrap_or_default().into_bytes().into() }, 0o777),
            _ => return Err(casync_core::Error::Usage(UsageError::OutOfTurn).into()),
        };
        let seconds = amount::from_js(member.mtime_seconds().unwrap_or(0.0))?;
        let mut metadata = Metadata {
            permissions: member.permissions().unwrap_or(permissions),
            uid: member.uid().unwrap_or(0),
            gid: member.gid().unwrap_or(0),
            mtime: Timestamp::from_unix(seconds.cast_signed(), member.mtime_nanoseconds().unwrap_or(0)),
            ..Metadata::default()
        };
        self.selection.apply(content.file_type(), &mut metadata)?;
        Ok(Node { metadata, content })
    }
}

/// Packs a chunk into a frame of zstd that every casync reads.
#[wasm_bindgen]
pub fn compress(plain: &[u8]) -> Vec<u8> {
    casync_core::codec::encode(plain)
}

/// The features that the index of a blob has.
#[wasm_bindgen(js_name = blobFeatures)]
pub fn blob_features(
    #[wasm_bindgen(unchecked_param_type = "DigestAlgorithm")] algorithm: &str,
) -> Result<u64, Failure> {
    let algorithm: casync_core::hash::DigestAlgorithm = algorithm.parse()?;
    Ok((algorithm.flag() | FeatureFlags::EXCLUDE_NODUMP | FeatureFlags::EXCLUDE_FILE).bits())
}
