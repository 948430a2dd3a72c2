//! One request to an origin: it is asked how far it is, and never waits.

use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, OutgoingRequest, RequestOptions,
    http_error_code,
};
use wasip2::io::poll::Pollable;
use wasip2::io::streams::{InputStream, StreamError};

use super::address::Address;
use super::problem::Problem;

/// Bytes that are read at once.
const PIECE: u64 = 64 << 10;

/// A request that is under way.
pub(super) struct Fetch {
    state: State,
    limit: u64,
    received: u64,
}

enum State {
    /// Sent.
    Waiting(Waiting),
    /// The body comes.
    Reading(Reading),
    /// Over.
    Done,
}

// Fields are dropped in their order, and the host wants children gone before their parents: these are never taken apart.

struct Waiting {
    ready: Pollable,
    response: FutureIncomingResponse,
}

struct Reading {
    ready: Pollable,
    stream: InputStream,
    _body: IncomingBody,
    /// The length that the head announced.
    announced: Option<u64>,
}

/// What has come.
pub(super) enum Progress {
    /// Nothing; wait for [`Fetch::ready`].
    Pending,
    /// There is no such resource.
    Missing,
    /// The next bytes of the body.
    Piece(Vec<u8>),
    /// All of the body has come.
    End,
}

impl Fetch {
    /// Sends a request for at most `limit` bytes; a fresh one asks caches on the way to stand aside.
    pub(super) fn start(address: &Address, limit: u64, is_fresh: bool, timeout: u64) -> Result<Self, Problem> {
        let refused = |()| Problem::new("usage", format!("{address}: the host refuses the address"));
        let headers = Fields::new();
        if is_fresh {
            let set = headers.set("cache-control", &[b"no-cache".to_vec()]);
            set.map_err(|error| Problem::new("internal", format!("{address}: {error:?}")))?;
        }
        let request = OutgoingRequest::new(headers);
        request.set_scheme(Some(&address.scheme())).map_err(refused)?;
        request.set_authority(Some(&address.authority)).map_err(refused)?;
        request.set_path_with_query(Some(&address.path_with_query())).map_err(refused)?;
        let options = RequestOptions::new();
        // A host that knows no time-outs has its own.
        let _ = options.set_connect_timeout(Some(timeout));
        let _ = options.set_first_byte_timeout(Some(timeout));
        let _ = options.set_between_bytes_timeout(Some(timeout));
        let response = outgoing_handler::handle(request, Some(options)).map_err(network)?;
        Ok(Self { state: State::Waiting(Waiting { ready: response.subscribe(), response }), limit, received: 0 })
    }

    /// What to wait for while it is pending.
    pub(super) const fn ready(&self) -> Option<&Pollable> {
        match &self.state {
            State::Waiting(Waiting { ready, .. }) | State::Reading(Reading { ready, .. }) => Some(ready),
            State::Done => None,
        }
    }

    /// Goes on as far as it can at once. After `Missing`, `End` or an error there is no more.
    pub(super) fn step(&mut self) -> Result<Progress, Problem> {
        match core::mem::replace(&mut self.state, State::Done) {
            State::Waiting(waiting) => {
                let Some(head) = waiting.response.get() else {
                    self.state = State::Waiting(waiting);
                    return Ok(Progress::Pending);
                };
                let head = head.unwrap_or(Err(ErrorCode::InternalError(None))).map_err(network)?;
                let Some(reading) = self.head(&head)? else { return Ok(Progress::Missing) };
                self.state = State::Reading(reading);
                self.step()
            }
            State::Reading(reading) => match reading.stream.read(PIECE) {
                Ok(bytes) => {
                    self.state = State::Reading(reading);
                    self.received += bytes.len() as u64;
                    if self.received > self.limit {
                        return Err(Problem::new("limit", format!("more than {} bytes", self.limit)));
                    }
                    Ok(if bytes.is_empty() { Progress::Pending } else { Progress::Piece(bytes) })
                }
                Err(StreamError::Closed) => match reading.announced {
                    Some(announced) if announced != self.received => {
                        let message = format!("{} of {announced} bytes came", self.received);
                        Err(Problem::passing("network", message))
                    }
                    _ => Ok(Progress::End),
                },
                Err(StreamError::LastOperationFailed(error)) => Err(match http_error_code(&error) {
                    Some(code) => network(code),
                    None => Problem::passing("network", error.to_debug_string()),
                }),
            },
            State::Done => Ok(Progress::End),
        }
    }

    /// The body of a response; nothing if there is no such resource.
    fn head(&self, response: &IncomingResponse) -> Result<Option<Reading>, Problem> {
        match response.status() {
            200 => {}
            404 | 410 => return Ok(None),
            status @ (408 | 425 | 429 | 500 | 502 | 503 | 504) => {
                return Err(Problem::passing("http", format!("status {status}")));
            }
            status => return Err(Problem::new("http", format!("status {status}"))),
        }
        let length = response.headers().get("content-length");
        let announced = length.first().and_then(|value| core::str::from_utf8(value).ok()?.parse().ok());
        if announced.is_some_and(|length: u64| length > self.limit) {
            return Err(Problem::new("limit", format!("more than {} bytes", self.limit)));
        }
        let lost = |()| Problem::new("internal", "the host has no body".into());
        let body = response.consume().map_err(lost)?;
        let stream = body.stream().map_err(lost)?;
        Ok(Some(Reading { ready: stream.subscribe(), stream, _body: body, announced }))
    }
}

fn network(code: ErrorCode) -> Problem {
    match code {
        ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::DnsTimeout
        | ErrorCode::HttpResponseTimeout => Problem::passing("timeout", format!("{code:?}")),
        ErrorCode::HttpRequestDenied | ErrorCode::HttpRequestUriInvalid => Problem::new("usage", format!("{code:?}")),
        code => Problem::passing("network", format!("{code:?}")),
    }
}
