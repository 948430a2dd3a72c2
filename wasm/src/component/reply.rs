//! What the client gets.

use wasip2::http::types::{ErrorCode, Fields, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wasip2::io::streams::{OutputStream, StreamError};

use super::Served;
use super::chunks::Chunks;
use super::problem::Problem;
use crate::edge::{Answer, Body};

/// Sends an answer. What fails in the middle of a body ends it early: never with wrong bytes.
pub(super) fn send(out: ResponseOutparam, answer: Answer, served: &Served, mut chunks: Chunks) {
    let Some(body) = head(out, &answer) else { return };
    let written = match &answer.body {
        Body::Empty => Ok(()),
        Body::Text(text) => write(&body, |stream| write_all(stream, text.as_bytes())),
        Body::Stream(range) => write(&body, |stream| {
            let mut at = range.start;
            while at < range.end {
                let (start, bytes) = chunks.covering(at, range.end).map_err(Ended::Failed)?;
                let end = range.end.min(start + bytes.len() as u64);
                // Both lie in the chunk.
                write_all(stream, &bytes[(at - start) as usize..(end - start) as usize])?;
                at = end;
            }
            Ok(())
        }),
    };
    match written {
        Ok(()) => {
            let _ = OutgoingBody::finish(body, None);
        }
        // The host ends the connection early for a body that was not finished.
        Err(Ended::Failed(problem)) => eprintln!("{}: {problem}", served.settings.index),
        Err(Ended::Gone) => {}
    }
}

/// Says why there is no answer: the client a code, the operator all of it.
pub(super) fn refuse(out: ResponseOutparam, problem: &Problem) {
    eprintln!("{problem}");
    let answer = Answer::failure(problem.code);
    let Some(body) = head(out, &answer) else { return };
    if let Body::Text(text) = &answer.body {
        let _ = write(&body, |stream| write_all(stream, text.as_bytes()));
    }
    let _ = OutgoingBody::finish(body, None);
}

/// Why a body ends early.
enum Ended {
    /// Nobody reads it.
    Gone,
    /// An origin has something else than it should.
    Failed(Problem),
}

impl From<StreamError> for Ended {
    fn from(_: StreamError) -> Self {
        Self::Gone
    }
}

/// Sends status and headers; nothing if the host refuses them.
fn head(out: ResponseOutparam, answer: &Answer) -> Option<OutgoingBody> {
    let headers = Fields::new();
    for (name, value) in &answer.headers {
        if headers.append(name, value.as_bytes()).is_err() {
            let refused = ErrorCode::InternalError(Some(format!("the host refuses the header {name}")));
            ResponseOutparam::set(out, Err(refused));
            return None;
        }
    }
    let response = OutgoingResponse::new(headers);
    // Every status here is one of HTTP, and a body is taken once.
    let _ = response.set_status_code(answer.status);
    let body = response.body().ok();
    ResponseOutparam::set(out, Ok(response));
    body
}

fn write(body: &OutgoingBody, fill: impl FnOnce(&OutputStream) -> Result<(), Ended>) -> Result<(), Ended> {
    let stream = body.write().map_err(|()| Ended::Gone)?;
    fill(&stream)?;
    Ok(stream.blocking_flush()?)
}

fn write_all(stream: &OutputStream, mut bytes: &[u8]) -> Result<(), Ended> {
    while !bytes.is_empty() {
        let room = stream.check_write()?;
        if room == 0 {
            stream.subscribe().block();
            continue;
        }
        let (now, later) = bytes.split_at(bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX)));
        stream.write(now)?;
        bytes = later;
    }
    Ok(())
}
