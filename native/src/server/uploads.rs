//! What clients put: chunks and indexes, which nobody sees before they have been checked.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use casync_core::CHUNK_MAX;
use casync_core::chunk::ChunkId;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::{Request, StatusCode, header};

use super::Server;
use super::answer::{Answer, blocking, failed, not_found, status, text};
use super::exchange::Exchange;
use super::files;
use super::metrics::count;
use super::range::may_write;
use super::stores::Refused;
use crate::error::Error;
use crate::store::{Form, Put};
use crate::ui::log;

/// Room beyond the plain size that a compressed chunk may need.
const FRAME_OVERHEAD: u64 = 1 << 20;
/// Room for a chunk whose length is not announced: few are larger.
const FIRST_ROOM: u64 = 1 << 20;

/// Bytes of a body that nobody wants, but that are taken in.
const PASSED_OVER_MAX: u64 = 1 << 20;

/// Why a body is not there.
enum Cut {
    /// It is larger than it may be.
    TooLarge,
    /// The client has gone.
    Gone,
}

/// Takes in a chunk.
pub(super) async fn chunk(
    server: &Arc<Server>,
    exchange: &Exchange,
    request: Request<Incoming>,
    id: ChunkId,
    form: Form,
) -> Answer {
    if server.stores.target.is_none() {
        return text(StatusCode::METHOD_NOT_ALLOWED, "this store takes no chunks");
    }
    let max = CHUNK_MAX + FRAME_OVERHEAD;
    let announced = request.body().size_hint().exact();
    if announced.is_some_and(|size| size > max) {
        return too_large(server);
    }
    // What was not announced gets as much as there is before it is taken in: then nobody waits for room with some in hand.
    let mut room = server.memory.take(announced.unwrap_or(FIRST_ROOM)).await;
    let limit = if announced.is_some() { max } else { FIRST_ROOM };
    let mut reception = Reception { server, exchange, body: request.into_body(), left: limit };
    let mut bytes = Vec::new();
    loop {
        match reception.next().await {
            Ok(Some(piece)) => bytes.extend_from_slice(&piece),
            Ok(None) => break,
            Err(Cut::TooLarge) if announced.is_none() => {
                return text(StatusCode::LENGTH_REQUIRED, "a body as large as this one takes a Content-Length");
            }
            Err(cut) => return cut_off(server, &cut),
        }
    }
    room.shrink(bytes.len() as u64);
    // Unpacking and digesting is work for processors: as many at once as there are.
    let _turn = server.examinations.acquire().await;
    let stores = Arc::clone(&server.stores);
    let stored = blocking(move || {
        let stored = stores.store(&id, form, &bytes);
        drop(room);
        Ok(stored)
    });
    match stored.await {
        Ok(Ok(Put::Stored)) => {
            count(&server.metrics.uploads_stored);
            status(StatusCode::CREATED)
        }
        Ok(Ok(Put::Existed)) => {
            count(&server.metrics.uploads_existed);
            status(StatusCode::OK)
        }
        Ok(Err(Refused::Wrong(error))) => wrong(server, &error),
        Ok(Err(Refused::ReadOnly)) => text(StatusCode::METHOD_NOT_ALLOWED, "this store takes no chunks"),
        Ok(Err(Refused::Failed(error))) | Err(error) => failed(server, &error),
    }
}

/// Takes in an index or archive.
pub(super) async fn file(
    server: &Arc<Server>,
    exchange: &Exchange,
    request: Request<Incoming>,
    path: files::Path,
    name: files::Name,
) -> Answer {
    let Some(files) = server.files.clone() else { return not_found() };
    let (parts, body) = request.into_parts();
    let max = server.options.file_max;
    if body.size_hint().exact().is_some_and(|size| size > max) {
        return too_large(server);
    }
    let begun = blocking({
        let (files, path, name) = (Arc::clone(&files), path.clone(), name.clone());
        move || {
            let state = files.state(&path, &name)?;
            let may = may_write(&parts.headers, state.as_ref());
            Ok(if may { (true, files.create(&path, &name)?, state) } else { (false, None, state) })
        }
    });
    let (mut upload, existed) = match begun.await {
        Ok((false, ..)) => {
            pass_over(server, exchange, body).await;
            return text(StatusCode::PRECONDITION_FAILED, "it is in another state");
        }
        Ok((true, Some(upload), state)) => (upload, state.is_some()),
        Ok((true, None, _)) => {
            pass_over(server, exchange, body).await;
            return text(StatusCode::CONFLICT, "there is no such directory");
        }
        Err(error) => return failed(server, &error),
    };
    let mut reception = Reception { server, exchange, body, left: max };
    loop {
        let piece = match reception.next().await {
            Ok(Some(piece)) => piece,
            Ok(None) => break,
            Err(cut) => return cut_off(server, &cut),
        };
        let written = blocking(move || {
            upload.write(&piece)?;
            Ok(upload)
        });
        upload = match written.await {
            Ok(upload) => upload,
            Err(error) => return failed(server, &error),
        };
    }
    let _turn = server.examinations.acquire().await;
    let installed = blocking(move || match upload.check() {
        Ok(()) => upload.install().map(Ok),
        Err(error) => Ok(Err(error)),
    });
    match installed.await {
        Ok(Ok(())) => {
            count(&server.metrics.uploads_stored);
            status(if existed { StatusCode::NO_CONTENT } else { StatusCode::CREATED })
        }
        Ok(Err(error)) => wrong(server, &error),
        Err(error) => failed(server, &error),
    }
}

/// A body that comes piece by piece. That nothing comes for long is noticed by who watches the connection.
struct Reception<'a> {
    server: &'a Server,
    exchange: &'a Exchange,
    body: Incoming,
    /// Bytes that may still come.
    left: u64,
}

impl Reception<'_> {
    async fn next(&mut self) -> Result<Option<Bytes>, Cut> {
        loop {
            let receiving = self.exchange.receiving();
            let Some(frame) = self.body.frame().await else { return Ok(None) };
            drop(receiving);
            // What is no data are trailers.
            let Ok(piece) = frame.map_err(|_| Cut::Gone)?.into_data() else { continue };
            let length = piece.len() as u64;
            self.server.metrics.received.fetch_add(length, Ordering::Relaxed);
            self.left = self.left.checked_sub(length).ok_or(Cut::TooLarge)?;
            return Ok(Some(piece));
        }
    }
}

/// Takes in a body that is not wanted, if it is not large: who still sends does not read the answer, and may never see it.
pub(super) async fn pass_over(server: &Server, exchange: &Exchange, body: Incoming) {
    if body.is_end_stream() || body.size_hint().lower() > PASSED_OVER_MAX {
        return;
    }
    let mut reception = Reception { server, exchange, body, left: PASSED_OVER_MAX };
    while let Ok(Some(_)) = reception.next().await {}
}

fn cut_off(server: &Server, cut: &Cut) -> Answer {
    match cut {
        Cut::TooLarge => too_large(server),
        Cut::Gone => text(StatusCode::BAD_REQUEST, "the body has not come to its end"),
    }
}

fn too_large(server: &Server) -> Answer {
    count(&server.metrics.uploads_refused);
    let mut answer = text(StatusCode::PAYLOAD_TOO_LARGE, "that is larger than anything that is taken here");
    // What is still under way is not read.
    answer.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    answer
}

fn wrong(server: &Server, error: &Error) -> Answer {
    count(&server.metrics.uploads_refused);
    log::info(format_args!("Refused an upload: {error}"));
    text(StatusCode::UNPROCESSABLE_ENTITY, error)
}
