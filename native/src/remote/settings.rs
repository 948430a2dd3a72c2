//! What connections of a run are to respect, and how they show who they are.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::rate::Rate;

/// What all connections of a run are to respect.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Bytes a second, over all connections; `None` is no limit.
    pub rate_limit_bps: Option<u64>,
    /// How to talk HTTP to those of which [`Self::places`] says nothing.
    pub http: HttpOptions,
    /// How to talk HTTP to what lies below a URL. The longest that fits counts.
    pub places: Vec<(String, HttpOptions)>,
}

impl Settings {
    /// Nothing but what the environment says: `CASYNC_HTTP_TIMEOUT` (seconds of silence) and `CASYNC_HTTP_RETRIES`.
    pub fn from_environment() -> Self {
        let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
        let mut settings = Self::default();
        if let Some(seconds) = number("CASYNC_HTTP_TIMEOUT").filter(|seconds| *seconds > 0) {
            settings.http.silence_timeout = Duration::from_secs(seconds.into());
        }
        if let Some(retries) = number("CASYNC_HTTP_RETRIES") {
            settings.http.retries = retries;
        }
        settings
    }

    /// How to talk HTTP to what a URL names.
    pub fn http_for(&self, url: &str) -> &HttpOptions {
        let below = |prefix: &str| {
            let rest = url.strip_prefix(prefix.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', ';']))
        };
        let places = self.places.iter().filter(|(prefix, _)| below(prefix));
        places.max_by_key(|(prefix, _)| prefix.trim_end_matches('/').len()).map_or(&self.http, |(_, options)| options)
    }

    /// The limit that all connections share, if there is one.
    pub fn rate(&self) -> Option<Arc<Rate>> {
        self.rate_limit_bps.map(Rate::of_run)
    }
}

/// How to talk to HTTP servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpOptions {
    /// Files of certificates (PEM) to trust besides those of the system.
    pub ca: Vec<PathBuf>,
    /// File of a certificate, and of its key unless [`Self::client_key`] names that (PEM).
    pub client_certificate: Option<PathBuf>,
    /// File of the key of the certificate (PEM).
    pub client_key: Option<PathBuf>,
    /// Who asks; a name and password in the URL come first.
    pub login: Login,
    /// File of headers to send, one a line. Nobody but the host that was named gets them.
    pub headers: Option<PathBuf>,
    /// Who stands between.
    pub proxy: Proxy,
    /// File of `NAME:PASSWORD` for that one.
    pub proxy_password: Option<PathBuf>,
    /// How often to try again what may succeed later.
    pub retries: u32,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// How long a server may be silent.
    pub silence_timeout: Duration,
    /// Requests under way at the same time, at most.
    pub in_flight_max: usize,
}

impl HttpOptions {
    /// Requests under way at the same time, unless somebody says otherwise.
    pub const IN_FLIGHT_MAX: usize = 128;
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            ca: Vec::new(),
            client_certificate: None,
            client_key: None,
            login: Login::default(),
            headers: None,
            proxy: Proxy::default(),
            proxy_password: None,
            retries: 6,
            connect_timeout: Duration::from_secs(20),
            silence_timeout: Duration::from_secs(30),
            in_flight_max: Self::IN_FLIGHT_MAX,
        }
    }
}

/// Who is asked in the place of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Proxy {
    /// Whom `HTTPS_PROXY`, `HTTP_PROXY` and `ALL_PROXY` name.
    #[default]
    Environment,
    /// Nobody, whatever they say.
    None,
    /// This one: `http://`, `https://`, `socks4://`, `socks4a://`, `socks5://`, `socks5h://`. What `NO_PROXY` names is asked
    /// itself.
    Url(String),
}

/// How to show who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Login {
    /// As `~/.netrc` says, or the file that `$NETRC` names, if it has something for the host.
    #[default]
    Netrc,
    /// As a netrc file elsewhere says.
    NetrcIn(PathBuf),
    /// With the token in this file.
    Bearer(PathBuf),
    /// With `NAME:PASSWORD` in this file.
    Basic(PathBuf),
}
