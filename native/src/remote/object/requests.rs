//! How the services' clients ask: with the connections of this program, within its limit of bytes a second, and without waiting
//! for ever.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Body, Frame, SizeHint};
use hyper::http;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpResponseBody,
    HttpService,
};
use tokio::time::{Sleep, sleep, timeout};

use crate::remote::rate::{self, Rate};
use crate::remote::{HttpOptions, Settings, http as client};

/// Makes the requests of a client.
#[derive(Clone, Debug)]
pub(super) struct Requests {
    client: reqwest::Client,
    rate: Option<Arc<Rate>>,
    /// How long a service may be silent.
    silence: Duration,
}

impl Requests {
    /// For a place with these options.
    ///
    /// # Errors
    ///
    /// If files with certificates or keys cannot be used.
    pub(super) fn new(options: &HttpOptions, settings: &Settings) -> crate::error::Result<Self> {
        Ok(Self { client: client::client(options)?, rate: settings.rate(), silence: options.silence_timeout })
    }

    /// The body of an answer, as it is read.
    fn incoming(&self, body: reqwest::Body) -> HttpResponseBody {
        let (rate, silence) = (self.rate.clone(), self.silence);
        HttpResponseBody::new(StreamBody::new(stream::try_unfold(body, move |mut body| {
            let rate = rate.clone();
            async move {
                let frame = timeout(silence, body.frame()).await.map_err(|_| silent(silence))?;
                let Some(frame) = frame.transpose().map_err(failed)? else { return Ok(None) };
                if let (Some(rate), Some(bytes)) = (&rate, frame.data_ref()) {
                    rate.wait(bytes.len()).await;
                }
                Ok(Some((frame, body)))
            }
        })))
    }

    /// The body of a request, as it is sent.
    fn outgoing(&self, body: HttpRequestBody) -> reqwest::Body {
        match &self.rate {
            // Not `is_empty`, which says the opposite of some bodies.
            Some(rate) if body.content_length() > 0 => {
                reqwest::Body::wrap(Paced { body, rest: Bytes::new(), rate: Arc::clone(rate), pause: None })
            }
            _ => reqwest::Body::wrap(body),
        }
    }
}

#[async_trait]
impl HttpService for Requests {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let url = reqwest::Url::parse(&parts.uri.to_string());
        let url = url.map_err(|error| HttpError::new(HttpErrorKind::Unknown, std::io::Error::other(error)))?;
        let patience = self.silence + rate::time_for(body.content_length() as u64, self.rate.as_deref());
        let mut request = reqwest::Request::new(parts.method, url);
        *request.headers_mut() = parts.headers;
        *request.body_mut() = Some(self.outgoing(body));
        let answer = timeout(patience, self.client.execute(request)).await.map_err(|_| silent(patience))?;
        let (parts, body) = http::Response::<reqwest::Body>::from(answer.map_err(failed)?).into_parts();
        Ok(HttpResponse::from_parts(parts, self.incoming(body)))
    }
}

impl HttpConnector for Requests {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

/// A body that is sent in small pieces, each when the limit lets it.
struct Paced {
    body: HttpRequestBody,
    /// Of the piece that came of it last.
    rest: Bytes,
    rate: Arc<Rate>,
    /// Before the next piece.
    pause: Option<Pin<Box<Sleep>>>,
}

impl Body for Paced {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        /// Bytes that are sent at once.
        const PIECE: usize = 32 << 10;
        let this = &mut *self;
        loop {
            if !this.rest.is_empty() {
                let count = this.rest.len().min(PIECE);
                let pause = this.pause.get_or_insert_with(|| Box::pin(sleep(this.rate.take(count))));
                ready!(pause.as_mut().poll(cx));
                this.pause = None;
                return Poll::Ready(Some(Ok(Frame::data(this.rest.split_to(count)))));
            }
            match ready!(Pin::new(&mut this.body).poll_frame(cx)).transpose()?.map(Frame::into_data) {
                Some(Ok(bytes)) => this.rest = bytes,
                Some(Err(other)) => return Poll::Ready(Some(Ok(other))),
                None => return Poll::Ready(None),
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.body.size_hint().exact().unwrap_or_default();
        SizeHint::with_exact(left + self.rest.len() as u64)
    }
}

/// Nothing has come for too long.
fn silent(patience: Duration) -> HttpError {
    let text = format!("nothing came for {} seconds", patience.as_secs());
    HttpError::new(HttpErrorKind::Timeout, std::io::Error::new(std::io::ErrorKind::TimedOut, text))
}

/// What the library says of a connection, without the URL, which may be signed.
fn failed(error: reqwest::Error) -> HttpError {
    let kind = match () {
        () if error.is_timeout() => HttpErrorKind::Timeout,
        () if error.is_connect() => HttpErrorKind::Connect,
        // Lost on the way: tried again where that does no harm.
        () => HttpErrorKind::Interrupted,
    };
    HttpError::new(kind, error.without_url())
}
