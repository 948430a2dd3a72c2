//! Which pages of other origins may use the server (the Fetch standard, CORS).

use hyper::HeaderMap;
use hyper::header::{self, HeaderName, HeaderValue};

/// What pages may send, and see of answers.
const REQUEST_HEADERS: &str =
    "Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Match, If-Range, Range";
const RESPONSE_HEADERS: &str = "Accept-Ranges, Content-Length, Content-Range, ETag, Last-Modified";
/// Seconds for which a browser need not ask again.
const MAX_AGE: &str = "86400";

/// Origins whose pages may read, and write where that is allowed at all.
#[derive(Clone, Debug, Default)]
pub struct Origins(Vec<String>);

impl Origins {
    /// Those of this list; `*` is all.
    pub fn new(origins: Vec<String>) -> Self {
        Self(origins)
    }

    /// Says in an answer that the page which asked may use it.
    pub(super) fn allow(&self, request: &HeaderMap, answer: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        let all = self.0.iter().any(|origin| origin == "*");
        if !all {
            answer.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        let Some(origin) = request.get(header::ORIGIN) else { return };
        let allowed = if all {
            HeaderValue::from_static("*")
        } else if self.0.iter().any(|known| known.as_bytes() == origin.as_bytes()) {
            origin.clone()
        } else {
            return;
        };
        answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(RESPONSE_HEADERS));
        // Pages that are isolated, to have threads, load nothing else.
        let policy = HeaderName::from_static("cross-origin-resource-policy");
        answer.insert(policy, HeaderValue::from_static("cross-origin"));
    }

    /// Adds what a browser wants to know before it sends a request that is out of the ordinary.
    pub(super) fn preflight(&self, methods: &'static str, answer: &mut HeaderMap) {
        if answer.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
            answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
            answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(REQUEST_HEADERS));
            answer.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
        }
    }
}
