//! From a request to its answer.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};

use super::body::Body;
use super::exchange::{Asked, Exchange, Pulse};
use super::metrics::{Kind, count};
use super::range::{self, Validators, Wanted};
use super::route::{Refusal, Route, route};
use super::{Server, chunks, files, uploads};
use crate::error::Error;
use crate::ui::log;

/// An answer, before what all answers have in common.
pub(super) type Answer = Response<Body>;

const READING: &str = "GET, HEAD, OPTIONS";
const WRITING: &str = "GET, HEAD, OPTIONS, PUT";

/// Answers one request.
pub(super) async fn answer(
    server: Arc<Server>,
    peer: IpAddr,
    pulse: Arc<Pulse>,
    request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    let asked = Asked {
        peer,
        method: request.method().clone(),
        path: request.uri().path().to_owned(),
        version: request.version(),
    };
    let mut exchange = Exchange::begin(asked, &server.metrics, &server.log, &pulse);
    let method = request.method().clone();
    let mut common = HeaderMap::new();
    server.options.origins.allow(request.headers(), &mut common);
    let (kind, mut answer) = dispatch(&server, &exchange, request, &mut common).await;
    exchange.answered(kind, answer.status());
    answer.headers_mut().extend(common);
    answer.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(date) = range::date(std::time::SystemTime::now()) {
        answer.headers_mut().insert(header::DATE, date);
    }
    let (parts, body) = answer.into_parts();
    let body = if method == Method::HEAD { Body::empty() } else { body };
    Ok(Response::from_parts(parts, body.of(exchange)))
}

async fn dispatch(
    server: &Arc<Server>,
    exchange: &Exchange,
    request: Request<Incoming>,
    common: &mut HeaderMap,
) -> (Kind, Answer) {
    let methods = if server.is_writable() { WRITING } else { READING };
    let method = request.method().clone();
    if method == Method::OPTIONS {
        server.options.origins.preflight(methods, common);
        let mut answer = status(StatusCode::NO_CONTENT);
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
        return (Kind::Other, answer);
    }
    let writes = method == Method::PUT;
    if !(writes || method == Method::GET || method == Method::HEAD) || (writes && !server.is_writable()) {
        uploads::pass_over(server, exchange, request.into_body()).await;
        let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "this server does not take that method");
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
        return (Kind::Other, answer);
    }
    if !server.access().allows(request.headers(), writes) {
        uploads::pass_over(server, exchange, request.into_body()).await;
        let mut answer = text(StatusCode::UNAUTHORIZED, "this takes a token that the server knows");
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"casync\""));
        return (Kind::Other, answer);
    }
    match (route(request.uri().path(), &server.stores.names, &server.suffix), writes) {
        (Err(refusal), _) => {
            uploads::pass_over(server, exchange, request.into_body()).await;
            (Kind::Other, refused(refusal))
        }
        (Ok(Route::Chunk(id, form)), false) => (Kind::Chunk, chunks::serve(server, request.headers(), id, form).await),
        (Ok(Route::Chunk(id, form)), true) => (Kind::Chunk, uploads::chunk(server, exchange, request, id, form).await),
        (Ok(Route::File(path, name)), false) => (Kind::File, file(server, request.headers(), path, name).await),
        (Ok(Route::File(path, name)), true) => (Kind::File, uploads::file(server, exchange, request, path, name).await),
        (Ok(Route::Directory(path)), false) => (Kind::Other, listing(server, path).await),
        (Ok(Route::Metrics), false) => (Kind::Other, metrics(server)),
        (Ok(Route::Directory(_) | Route::Metrics), true) => {
            (Kind::Other, text(StatusCode::METHOD_NOT_ALLOWED, "nothing can be put there"))
        }
    }
}

fn refused(refusal: Refusal) -> Answer {
    match refusal {
        Refusal::TooLong => text(StatusCode::URI_TOO_LONG, "the path is too long"),
        Refusal::Malformed => text(StatusCode::BAD_REQUEST, "that is no path that this server understands"),
        Refusal::NotFound => not_found(),
    }
}

async fn file(server: &Arc<Server>, headers: &HeaderMap, path: files::Path, name: files::Name) -> Answer {
    let Some(files) = server.files.clone() else { return not_found() };
    match blocking(move || files.file(&path, &name)).await {
        Ok(Some(served)) => {
            let files::Served { file, size, state } = served;
            // It can be replaced at any time: browsers and proxies are to ask, which costs little if it has not changed.
            let cache = HeaderValue::from_static("no-cache");
            let memory = server.memory.clone();
            with_state(headers, state, size, cache, |range| Body::file(file, range, memory))
        }
        Ok(None) => not_found(),
        Err(error) => failed(server, &error),
    }
}

async fn listing(server: &Arc<Server>, path: files::Path) -> Answer {
    let Some(files) = server.files.clone() else { return not_found() };
    match blocking(move || files.list(&path)).await {
        Ok(Some(listing)) => {
            let json = serde_json::to_string(&listing).unwrap_or_default() + "\n";
            with_type(StatusCode::OK, "application/json", json)
        }
        Ok(None) => not_found(),
        Err(error) => failed(server, &error),
    }
}

fn metrics(server: &Server) -> Answer {
    with_type(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", server.metrics.text())
}

/// Answers with what the conditions and the range of a request want of something that is there.
pub(super) fn with_state(
    request: &HeaderMap,
    state: Validators,
    size: u64,
    cache: HeaderValue,
    body: impl FnOnce(std::ops::Range<u64>) -> Body,
) -> Answer {
    let mut answer = match range::wanted(request, &state, size) {
        Wanted::Whole => sized(StatusCode::OK, size, body(0..size)),
        Wanted::Part(range) => {
            let content_range = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            let mut answer = sized(StatusCode::PARTIAL_CONTENT, range.end - range.start, body(range));
            set(&mut answer, header::CONTENT_RANGE, content_range);
            answer
        }
        Wanted::Nothing => status(StatusCode::NOT_MODIFIED),
        Wanted::Refused => text(StatusCode::PRECONDITION_FAILED, "it is in another state"),
        Wanted::OutOfRange => {
            let mut answer = text(StatusCode::RANGE_NOT_SATISFIABLE, "there are no such bytes");
            set(&mut answer, header::CONTENT_RANGE, format!("bytes */{size}"));
            answer
        }
    };
    if answer.status().is_success() {
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    }
    if !answer.status().is_client_error() {
        answer.headers_mut().insert(header::CACHE_CONTROL, cache);
        if let Some(date) = state.modified.and_then(range::date) {
            answer.headers_mut().insert(header::LAST_MODIFIED, date);
        }
        set(&mut answer, header::ETAG, state.etag);
    }
    answer.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    answer
}

fn sized(status: StatusCode, size: u64, body: Body) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    // Said here since answers to HEAD have no body that would tell.
    answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(size));
    answer
}

fn set(answer: &mut Answer, name: header::HeaderName, value: String) {
    // Numbers, dates and quotes: always valid.
    answer.headers_mut().extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
}

/// An answer without a body.
pub(super) fn status(status: StatusCode) -> Answer {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    answer
}

/// An answer with a line for people.
pub(super) fn text(status: StatusCode, line: impl std::fmt::Display) -> Answer {
    with_type(status, "text/plain; charset=utf-8", format!("{line}\n"))
}

fn with_type(status: StatusCode, content_type: &'static str, text: String) -> Answer {
    let mut answer = sized(status, text.len() as u64, Body::bytes(text));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// There is nothing. Nobody is to remember that: it may come.
pub(super) fn not_found() -> Answer {
    text(StatusCode::NOT_FOUND, "there is nothing of that name")
}

/// Something on this side failed; what exactly is not for strangers.
pub(super) fn failed(server: &Server, error: &Error) -> Answer {
    count(&server.metrics.store_errors);
    log::error(format_args!("Failed to answer: {error}"));
    text(StatusCode::INTERNAL_SERVER_ERROR, "the server failed, and its log says how")
}

/// Runs what blocks where that stops nobody.
///
/// # Errors
///
/// Those of `work`, and its death.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> crate::error::Result<T> + Send + 'static,
) -> crate::error::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(io::Error::other(error).into()),
    }
}
