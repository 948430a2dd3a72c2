//! Answers.

use core::ops::Range;

/// What is sent back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status of HTTP.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(&'static str, String)>,
    /// What follows the headers.
    pub body: Body,
}

/// What follows the headers of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Nothing.
    Empty,
    /// Text that was made here.
    Text(String),
    /// This range of the index's stream, which has a `Content-Length`.
    Stream(Range<u64>),
}

impl Answer {
    /// What is said where an origin has nothing that can be served; `code` says why.
    pub fn failure(code: &str) -> Self {
        let status = match code {
            "timeout" => 504,
            "aborted" => 499,
            "usage" => 500,
            _ => 502,
        };
        let headers = vec![("X-Casync-Error", code.to_owned()), ("Cache-Control", "no-store".to_owned())];
        Self::line(status, &format!("{code}: what the origin has cannot be served."), headers)
    }

    /// A line for people.
    pub(super) fn line(status: u16, message: &str, mut headers: Vec<(&'static str, String)>) -> Self {
        headers.push(("Content-Type", "text/plain; charset=utf-8".to_owned()));
        Self { status, headers, body: Body::Text(format!("{message}\n")) }
    }

    /// The answer without its body, to a request for the headers alone.
    pub(super) fn head(self, is_head: bool) -> Self {
        if is_head { Self { body: Body::Empty, ..self } } else { self }
    }
}
