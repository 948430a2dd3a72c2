//! One host that is asked: how connections to it are made, and a request with its redirects.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::redirect::Policy;
use reqwest::tls::{Certificate, Identity};
use reqwest::{Client, Method, Response, StatusCode, Url};
use rustix::io::Errno;
use tokio::time::timeout;

use super::address::Address;
use super::login;
use super::proxy;
use super::trouble::{Trouble, persist};
use crate::error::{Context as _, Error, Result};
use crate::remote::rate::{self, Rate};
use crate::remote::settings::{HttpOptions, Settings};

/// Redirects that are followed.
const REDIRECTS_MAX: usize = 10;

/// Who is asked, and as whom.
#[derive(Clone, Debug)]
pub(in crate::remote) struct Peer {
    client: Client,
    /// The host that is told who asks.
    home: Url,
    authorization: Option<HeaderValue>,
    /// Who knows what to show instead when that is refused.
    keeper: Option<Arc<dyn Keeper>>,
    headers: HeaderMap,
    rate: Option<Arc<Rate>>,
    pub(in crate::remote) options: HttpOptions,
}

/// Keeps what a host is shown of who asks, where that changes: tokens that expire.
pub(in crate::remote) trait Keeper: Send + Sync + std::fmt::Debug {
    /// What to show.
    fn shown(&self) -> BoxFuture<'_, Option<HeaderValue>>;

    /// What to show instead of what was answered with 401; `None`: there is nothing else.
    fn instead<'a>(
        &'a self,
        answer: &'a HeaderMap,
        of: Option<&'a HeaderValue>,
    ) -> BoxFuture<'a, Result<Option<Instead>, Trouble>>;
}

/// Something else to show.
#[derive(Clone, Debug)]
pub(in crate::remote) enum Instead {
    /// What another request has got meanwhile.
    Known(HeaderValue),
    /// What was made for this one. If it is refused, so will be the next.
    New(HeaderValue),
}

/// A request.
#[derive(Clone, Debug)]
pub(in crate::remote) struct Request<'a> {
    pub(in crate::remote) method: Method,
    pub(in crate::remote) headers: &'a [(HeaderName, String)],
    pub(in crate::remote) body: Body<'a>,
}

/// What is sent along.
#[derive(Clone, Debug)]
pub(in crate::remote) enum Body<'a> {
    None,
    Bytes(Bytes),
    /// A whole file.
    File(&'a std::fs::File, u64),
}

impl Request<'_> {
    /// Asks for all of something.
    pub(in crate::remote) const GET: Self = Self { method: Method::GET, headers: &[], body: Body::None };
    /// Asks about something.
    pub(in crate::remote) const HEAD: Self = Self { method: Method::HEAD, headers: &[], body: Body::None };
}

impl Peer {
    /// The host of an address.
    ///
    /// # Errors
    ///
    /// If files with certificates, keys or passwords cannot be used.
    pub(in crate::remote) fn new(address: &Address, settings: &Settings) -> Result<Self> {
        let options = settings.http_for(address.url.as_str()).clone();
        Ok(Self {
            client: client(&options)?,
            home: address.url.clone(),
            authorization: login::authorization(address, &options)?,
            keeper: None,
            headers: options.headers.as_deref().map(login::headers).transpose()?.unwrap_or_default(),
            rate: settings.rate(),
            options,
        })
    }

    /// The same host, asked as somebody else or as nobody.
    pub(in crate::remote) fn authorized(self, authorization: Option<HeaderValue>) -> Self {
        Self { authorization, ..self }
    }

    /// The same host, asked as somebody says who knows more.
    pub(in crate::remote) fn kept_by(self, keeper: Arc<dyn Keeper>) -> Self {
        Self { keeper: Some(keeper), ..self }
    }

    /// As whom it is asked.
    pub(in crate::remote) const fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// Tries until it works, it cannot work, or it has been tried often enough.
    pub(in crate::remote) async fn persist<T>(&self, attempt: impl AsyncFnMut() -> Result<T, Trouble>) -> Result<T> {
        persist(self.options.retries, attempt).await
    }

    /// Asks once, and again as somebody else if need be. `name` is what people call the thing.
    pub(in crate::remote) async fn ask(
        &self,
        url: &Url,
        request: &Request<'_>,
        name: &str,
    ) -> Result<Response, Trouble> {
        let Some(keeper) = &self.keeper else {
            return self.follow(url, request, self.authorization.as_ref(), name).await;
        };
        /// Times that others may have been quicker to get something else to show.
        const PATIENCE: usize = 3;
        let mut shown = keeper.shown().await;
        for _ in 0..PATIENCE {
            let response = self.follow(url, request, shown.as_ref(), name).await?;
            // Who answers in the place of this host is nobody to show anything to.
            if response.status() != StatusCode::UNAUTHORIZED || response.url().origin() != self.home.origin() {
                return Ok(response);
            }
            match keeper.instead(response.headers(), shown.as_ref()).await? {
                None => return Ok(response),
                Some(Instead::New(value)) => return self.follow(url, request, Some(&value), name).await,
                Some(Instead::Known(value)) => shown = Some(value),
            }
        }
        self.follow(url, request, shown.as_ref(), name).await
    }

    /// Asks once, and follows where the answer points.
    async fn follow(
        &self,
        url: &Url,
        request: &Request<'_>,
        shown: Option<&HeaderValue>,
        name: &str,
    ) -> Result<Response, Trouble> {
        let mut url = url.clone();
        for _ in 0..=REDIRECTS_MAX {
            let response = self.ask_there(&url, request, shown, name).await?;
            let Some(next) = redirected(&response, &url, &request.method, name)? else {
                return Ok(response);
            };
            url = next;
        }
        let text = format!("{name}: more than {REDIRECTS_MAX} redirects");
        Err(Trouble::Lasting(Error::new(Errno::LOOP, text)))
    }

    async fn ask_there(
        &self,
        url: &Url,
        request: &Request<'_>,
        shown: Option<&HeaderValue>,
        name: &str,
    ) -> Result<Response, Trouble> {
        let mut builder = self.client.request(request.method.clone(), url.clone()).header(ACCEPT_ENCODING, "identity");
        for (header, value) in request.headers {
            builder = builder.header(header, value);
        }
        if url.origin() == self.home.origin() {
            builder = builder.headers(self.headers.clone());
            if let Some(shown) = shown {
                builder = builder.header(AUTHORIZATION, shown.clone());
            }
        }
        let mut sending = 0;
        match &request.body {
            Body::None => {}
            Body::Bytes(bytes) => {
                self.moved(bytes.len()).await;
                sending = bytes.len() as u64;
                builder = builder.body(bytes.clone());
            }
            Body::File(file, size) => {
                sending = *size;
                builder = builder.body(super::upload::body(file, *size, self.rate.clone())?);
            }
        }
        let patience = self.options.silence_timeout + rate::time_for(sending, self.rate.as_deref());
        let response = timeout(patience, builder.send()).await.map_err(|_| Trouble::silence(patience, name))?;
        let response = response.map_err(|error| Trouble::transport(error, name))?;
        if response.headers().get(CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
            let text = format!("{name}: the server packs what it was asked to send as it is");
            return Err(Trouble::Lasting(Error::new(Errno::PROTO, text)));
        }
        Ok(response)
    }

    /// Waits until bytes that were moved are within the limit.
    pub(in crate::remote) async fn moved(&self, bytes: usize) {
        if let Some(rate) = &self.rate {
            rate.wait(bytes).await;
        }
    }

    /// The next bytes of an answer; `None` at its end.
    pub(in crate::remote) async fn next(&self, response: &mut Response, name: &str) -> Result<Option<Bytes>, Trouble> {
        // What waits for the limit is not silent: the library's own time-out would count that.
        let patience = self.options.silence_timeout;
        let piece = timeout(patience, response.chunk()).await.map_err(|_| Trouble::silence(patience, name))?;
        let piece = piece.map_err(|error| Trouble::transport(error, name))?;
        if let Some(piece) = &piece {
            self.moved(piece.len()).await;
        }
        Ok(piece)
    }

    /// The whole body of an answer, unless it is larger than `max`.
    pub(in crate::remote) async fn body(
        &self,
        mut response: Response,
        max: u64,
        name: &str,
    ) -> Result<Vec<u8>, Trouble> {
        let announced = response.content_length();
        let too_large = || {
            let text = format!("{name}: the server sends more than {max} bytes");
            Trouble::Lasting(Error::new(Errno::MSGSIZE, text))
        };
        if announced.is_some_and(|length| length > max) {
            return Err(too_large());
        }
        let mut body =
            Vec::with_capacity(announced.map_or(0, |length| usize::try_from(length).unwrap_or(0).min(1 << 20)));
        while let Some(piece) = self.next(&mut response, name).await? {
            if (body.len() + piece.len()) as u64 > max {
                return Err(too_large());
            }
            body.extend_from_slice(&piece);
        }
        match announced {
            Some(length) if length != body.len() as u64 => {
                let text = format!("{name}: {} bytes came of {length}", body.len());
                Err(Trouble::passing(Error::new(Errno::CONNRESET, text)))
            }
            _ => Ok(body),
        }
    }
}

/// Where an answer points, if it is a redirect.
fn redirected(response: &Response, from: &Url, method: &Method, name: &str) -> Result<Option<Url>, Trouble> {
    let repeats = matches!(*method, Method::GET | Method::HEAD);
    let follow = match response.status() {
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => repeats,
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
        _ => false,
    };
    let Some(location) = response.headers().get(LOCATION).filter(|_| follow) else { return Ok(None) };
    let refused = |why: &str| Trouble::Lasting(Error::new(Errno::PROTO, format!("{name}: the server redirects {why}")));
    let next = location.to_str().ok().and_then(|text| from.join(text).ok());
    let next = next.ok_or_else(|| refused("to what is no URL"))?;
    match (from.scheme(), next.scheme()) {
        ("https", "http") => Err(refused("from https to http, which is not safe")),
        (_, "http" | "https") => Ok(Some(next)),
        _ => Err(refused("to what is neither http nor https")),
    }
}

/// The client for these options: all that talk alike share connections.
pub(in crate::remote) fn client(options: &HttpOptions) -> Result<Client> {
    static CLIENTS: Mutex<Vec<(HttpOptions, Client)>> = Mutex::new(Vec::new());
    let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, client)) = clients.iter().find(|(known, _)| known == options) {
        return Ok(client.clone());
    }
    let client = build(options)?;
    clients.push((options.clone(), client.clone()));
    Ok(client)
}

fn build(options: &HttpOptions) -> Result<Client> {
    /// What a connection of HTTP/2 may have under way: more than the fastest links hold.
    const CONNECTION_WINDOW: u32 = 32 << 20;
    const STREAM_WINDOW: u32 = 4 << 20;
    // Whoever was first has chosen the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("casync/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(options.connect_timeout)
        .pool_max_idle_per_host(options.in_flight_max)
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .tcp_nodelay(true);
    let read = |path: &std::path::Path| std::fs::read(path).context(|| format!("read {path:?}"));
    for path in &options.ca {
        let certificates = Certificate::from_pem_bundle(&read(path)?).ok().filter(|found| !found.is_empty());
        let certificates =
            certificates.ok_or_else(|| Error::new(Errno::INVAL, format!("{path:?} has no certificates in PEM")))?;
        builder = builder.tls_certs_merge(certificates);
    }
    if let Some(path) = &options.client_certificate {
        let mut pem = read(path)?;
        if let Some(key) = &options.client_key {
            pem.push(b'\n');
            pem.extend(read(key)?);
        }
        let identity = Identity::from_pem(&pem)
            .map_err(|_| Error::new(Errno::INVAL, format!("{path:?} has no certificate and key in PEM")))?;
        builder = builder.identity(identity);
    }
    builder = proxy::applied(builder, options)?;
    builder.build().map_err(|error| {
        use std::error::Error as _;
        let why = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        Error::new(Errno::INVAL, format!("cannot make connections: {why}"))
    })
}
