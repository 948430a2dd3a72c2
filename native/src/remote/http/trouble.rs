//! What goes wrong on the way, and what of it may go better later.

use std::io;
use std::time::{Duration, SystemTime};

use reqwest::header::RETRY_AFTER;
use reqwest::{Response, StatusCode};
use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::sys::random_u64;
use crate::ui::log;

/// Why a request has failed.
#[derive(Debug)]
pub(in crate::remote) enum Trouble {
    /// It may work later.
    Passing {
        error: Error,
        /// When the server wants to be asked again.
        after: Option<Duration>,
        /// Whether the server or the way to it has too much to do.
        overload: bool,
    },
    /// It will not.
    Lasting(Error),
}

impl Trouble {
    /// Something that may be right the next time.
    pub(in crate::remote) const fn passing(error: Error) -> Self {
        Self::Passing { error, after: None, overload: false }
    }

    /// An answer that is no success.
    pub(in crate::remote) fn status(response: &Response, name: &str) -> Self {
        let status = response.status();
        let errno = match status {
            StatusCode::NOT_FOUND | StatusCode::GONE => Errno::NOMEDIUM,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                Errno::ACCESS
            }
            _ => Errno::BADR,
        };
        let by_proxy = status == StatusCode::PROXY_AUTHENTICATION_REQUIRED;
        let who = if by_proxy { "proxy" } else { "server" };
        let mut error = Error::new(errno, format!("{name}: the {who} answers {status}"));
        if errno == Errno::NOMEDIUM {
            error = error.headed("File, URL or resource not found.");
        }
        if by_proxy {
            error = error.hint(PROXY_LOGIN);
        } else if errno == Errno::ACCESS {
            error = error.hint("a name and password can be in the URL or in ~/.netrc");
        }
        let overload = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        let passing = overload || status == StatusCode::REQUEST_TIMEOUT || status.is_server_error();
        let never = matches!(status, StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED);
        if passing && !never {
            return Self::Passing { error, after: retry_after(response), overload };
        }
        Self::Lasting(error)
    }

    /// Nothing has come for too long.
    pub(in crate::remote) fn silence(patience: Duration, name: &str) -> Self {
        let text = format!("{name}: nothing came for {} seconds", patience.as_secs());
        Self::passing(Error::new(Errno::TIMEDOUT, text))
    }

    /// A connection that did not come about, or was lost.
    pub(in crate::remote) fn transport(error: reqwest::Error, name: &str) -> Self {
        let error = error.without_url();
        let mut errno = if error.is_timeout() { Errno::TIMEDOUT } else { Errno::CONNRESET };
        let mut lasting = error.is_builder() || error.is_dns();
        let mut tls: Option<&rustls::Error> = None;
        let mut texts: Vec<String> = Vec::new();
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(inner) = cause {
            if let Some(io) = inner.downcast_ref::<io::Error>() {
                errno = Errno::from_io_error(io).unwrap_or(errno);
            }
            tls = tls.or_else(|| of_tls(inner));
            let text = inner.to_string();
            if !texts.iter().any(|known| known.contains(&text)) {
                texts.push(text);
            }
            cause = inner.source();
        }
        // Later on bytes may have been damaged on the way, unless the server says that it does not want us.
        lasting |= tls.is_some_and(|tls| error.is_connect() || matches!(tls, rustls::Error::AlertReceived(_)));
        if lasting {
            errno = Errno::IO;
        }
        // It will not let us through the next time either. The library has no type for this.
        let by_proxy = texts.iter().any(|text| PROXY_REFUSALS.iter().any(|refusal| text.ends_with(refusal)));
        if by_proxy {
            (errno, lasting) = (Errno::ACCESS, true);
        }
        // What the library was about to do is no news.
        let text = texts.last().map_or("", String::as_str);
        let text = if error.is_timeout() { "nothing came for too long" } else { text };
        let through_proxy =
            texts.iter().any(|text| text.starts_with("tunnel error") || text.starts_with("SOCKS error"));
        let what = if through_proxy {
            "cannot connect through the proxy"
        } else if error.is_connect() {
            "cannot connect"
        } else {
            "the connection was lost"
        };
        let mut error = Error::new(errno, format!("{name}: {what}: {text}"));
        if by_proxy {
            error = error.hint(PROXY_LOGIN);
        } else if matches!(tls, Some(rustls::Error::InvalidCertificate(_))) {
            error = error.hint(OWN_AUTHORITY);
        }
        if lasting {
            Self::Lasting(error)
        } else {
            Self::Passing { error, after: None, overload: errno == Errno::CONNRESET }
        }
    }

    /// Says more about it.
    pub(in crate::remote) fn context(self, what: String) -> Self {
        match self {
            Self::Lasting(error) => Self::Lasting(error.context(what)),
            Self::Passing { error, after, overload } => Self::Passing { error: error.context(what), after, overload },
        }
    }

    /// Whether the other side has too much to do.
    pub(in crate::remote) const fn is_overload(&self) -> bool {
        matches!(self, Self::Passing { overload: true, .. })
    }
}

/// What is wrong with TLS, which errors of input and output may hide, and those in others of them.
fn of_tls<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    error.downcast_ref().or_else(|| of_tls(error.downcast_ref::<io::Error>()?.get_ref()?))
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Lasting(error)
    }
}

/// Tries until it works, it cannot work, or it has been tried often enough.
///
/// # Errors
///
/// The last one.
pub(in crate::remote) async fn persist<T>(
    retries: u32,
    mut attempt: impl AsyncFnMut() -> Result<T, Trouble>,
) -> Result<T> {
    let mut tried = 0;
    loop {
        let (error, after) = match attempt().await {
            Ok(done) => return Ok(done),
            Err(Trouble::Lasting(error)) => return Err(error),
            Err(Trouble::Passing { error, after, .. }) => (error, after),
        };
        if tried == retries {
            return Err(if tried > 0 { error.context(format!("tried {} times", tried + 1)) } else { error });
        }
        match after {
            Some(after) if after > PATIENCE => {
                return Err(error.hint(format!("the server wants to be asked again in {} seconds", after.as_secs())));
            }
            Some(after) => sleep(after + jittered(FIRST_PAUSE), &error).await,
            None => pause(tried, &error).await,
        }
        tried += 1;
    }
}

/// Waits before what was lost on the way is asked for again. `losses`: how often that happened since something came last.
///
/// # Errors
///
/// `lost`, if that was often enough.
pub(in crate::remote) async fn go_on(losses: &mut u32, retries: u32, lost: Error) -> Result<()> {
    if *losses == retries {
        return Err(lost.context(format!("tried {} times", *losses + 1)));
    }
    pause(*losses, &lost).await;
    *losses += 1;
    Ok(())
}

/// Waits after something went wrong, longer each time.
async fn pause(times_before: u32, error: &Error) {
    sleep(jittered((FIRST_PAUSE * 2_u32.saturating_pow(times_before)).min(LONGEST_PAUSE)), error).await;
}

async fn sleep(pause: Duration, error: &Error) {
    log::verbose(format_args!("{error}; trying again in {} ms", pause.as_millis()));
    tokio::time::sleep(pause).await;
}

/// How the library says that a proxy wants to know who asks.
const PROXY_REFUSALS: [&str; 3] =
    ["proxy authorization required", "credentials not accepted", "server does not support user/pass authentication"];
/// What helps where a proxy wants to know who asks.
const PROXY_LOGIN: &str =
    "a name and password for the proxy can be in HTTPS_PROXY and the like, or in a proxy-password-file";
/// What helps where a certificate is of an authority that this host does not know.
const OWN_AUTHORITY: &str =
    "`ca` in the configuration file names certificate authorities of one's own, SSL_CERT_FILE those of the system";
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The longest pause that a server may ask for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between half and all of it: those who failed together do not come back together.
fn jittered(pause: Duration) -> Duration {
    let part = (random_u64() >> 32) as f64 / f64::from(u32::MAX);
    pause.mul_f64(0.5 + part / 2.0)
}

/// Seconds from now, or a date.
fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(SystemTime::from(date).duration_since(SystemTime::now()).unwrap_or_default())
}
