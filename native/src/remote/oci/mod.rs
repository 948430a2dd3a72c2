//! `oci://`: chunks, indexes and archives in registries that speak the OCI distribution protocol.
//!
//! ```text
//! oci://HOST/REPOSITORY                  a store
//! oci://HOST/REPOSITORY:TAG              an index or archive; the same as
//! oci://HOST/REPOSITORY/TAG
//! oci+https://... oci+http://...         the same, with and without TLS whatever the host is
//! ```
//!
//! The layout is desync's (since its version of August 2026): every chunk is a blob, and a manifest that names it, with the
//! artifact type `application/vnd.desync.chunk.v1`, is tagged `ID.cacnk` (or `ID`, if it is not compressed). Blobs have to be
//! named by SHA-256, so the id of a chunk is only in the tag. An index is the same with its own name as the tag and the type
//! `application/vnd.desync.index.v1`.
//!
//! Without TLS only hosts on this machine are asked, unless the scheme says so. Whatever a tag that looks like a chunk's
//! names, it is a chunk only if its manifest says so.

mod access;
mod chunks;
mod docker;
mod file;
mod login;
mod manifest;
mod place;
mod registry;
mod upload;

pub use chunks::OciChunks;
pub use file::OciFile;
