//! Chunks as answers.

use std::sync::Arc;

use casync_core::chunk::ChunkId;
use hyper::HeaderMap;
use hyper::StatusCode;
use hyper::header::HeaderValue;

use super::Server;
use super::answer::{Answer, blocking, not_found, text, with_state};
use super::body::Body;
use super::metrics::count;
use super::range::Validators;
use super::stores::Found;
use crate::store::Form;
use crate::ui::log;

/// What is under an id never changes. Caches that several people share may keep it only if all may have it.
const FOR_ALL: &str = "public, max-age=31536000, immutable";
const FOR_ONE: &str = "private, max-age=31536000, immutable";

/// Answers with a chunk, or a part of it.
pub(super) async fn serve(server: &Arc<Server>, headers: &HeaderMap, id: ChunkId, form: Form) -> Answer {
    // Other stores are asked by a bounded number of threads; a disk answers at once.
    let _turn = match server.fetches.as_ref() {
        Some(fetches) => fetches.acquire().await.ok(),
        None => None,
    };
    let stores = Arc::clone(&server.stores);
    let found = match blocking(move || stores.find(&id, form)).await {
        Ok(Some(found)) => found,
        Ok(None) => {
            count(&server.metrics.chunks_missing);
            return not_found();
        }
        Err(error) => {
            count(&server.metrics.store_errors);
            log::error(format_args!("Failed to answer: {error}"));
            return text(StatusCode::BAD_GATEWAY, format_args!("chunk {id} cannot be had; the server's log says why"));
        }
    };
    count(&server.metrics.chunks_found);
    let cache = HeaderValue::from_static(if server.access().guards_reading() { FOR_ONE } else { FOR_ALL });
    match found {
        Found::File(file, size, modified) => {
            let state = Validators { etag: etag(&id, size), modified: Some(modified) };
            with_state(headers, state, size, cache, |range| Body::file(file, range, server.memory.clone()))
        }
        Found::Bytes(bytes) => {
            let size = bytes.len() as u64;
            let state = Validators { etag: etag(&id, size), modified: None };
            // The bytes are there already; the next who wants some waits until these have gone.
            let bytes = server.memory.take(size).await.hold(bytes);
            with_state(headers, state, size, cache, |range| {
                let range = usize::try_from(range.start).unwrap_or(0)..usize::try_from(range.end).unwrap_or(usize::MAX);
                Body::bytes(bytes.slice(range))
            })
        }
    }
}

/// The same chunk can be compressed in several ways: nearly all of them differ in size.
fn etag(id: &ChunkId, size: u64) -> String {
    format!("\"{id}-{size:x}\"")
}
