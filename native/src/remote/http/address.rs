//! URLs without the secrets in them.

use reqwest::Url;
use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::locator;

/// Where something is on a web server.
#[derive(Clone, Debug)]
pub(in crate::remote) struct Address {
    /// What is asked for. The name and password are not in it.
    pub(in crate::remote) url: Url,
    /// What people are shown.
    pub(in crate::remote) name: String,
    /// Name and password from the URL.
    pub(in crate::remote) credentials: Option<Credentials>,
}

/// A name and a password.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::remote) struct Credentials {
    pub(in crate::remote) user: String,
    pub(in crate::remote) password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials")
    }
}

impl Address {
    /// Takes a URL apart.
    pub(in crate::remote) fn parse(text: &str) -> Result<Self> {
        let name = locator::without_secrets(text);
        let refused = |why: String| Error::new(Errno::INVAL, format!("{name:?} is no valid URL: {why}"));
        let mut url = Url::parse(text).map_err(|error| refused(error.to_string()))?;
        let decoded = |text: &str| String::from_utf8(locator::percent_decoded(text.as_bytes()));
        let no_text = |_| refused("its user name or password is no text".to_owned());
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => Some(Credentials {
                user: decoded(user).map_err(no_text)?,
                password: decoded(password.unwrap_or_default()).map_err(no_text)?,
            }),
        };
        // Neither fails for URLs that have a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_fragment(None);
        Ok(Self { url, name, credentials })
    }

    /// What lies at a path below it: the path follows whatever is before the first `?` or `;`.
    pub(in crate::remote) fn below(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_query(None);
        let base = url.path();
        let base = base.split_once(';').map_or(base, |(base, _)| base).trim_end_matches('/');
        let whole = format!("{base}/{path}");
        url.set_path(&whole);
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out() {
        let address = Address::parse("https://me:p%40ss@h:8443/a/b.caidx?sig=secret").unwrap();
        assert_eq!(address.url.as_str(), "https://h:8443/a/b.caidx?sig=secret");
        assert_eq!(address.name, "https://h:8443/a/b.caidx?...");
        let credentials = address.credentials.as_ref().unwrap();
        assert_eq!((credentials.user.as_str(), credentials.password.as_str()), ("me", "p@ss"));
        assert!(!format!("{address:?}").contains("p@ss"));
        let error = Address::parse("http://me:hidden@h:port/x").unwrap_err();
        assert!(!error.report().contains("hidden"), "{error}");
    }

    #[test]
    fn chunks_lie_below_a_store() {
        for (store, chunk) in [
            ("http://h/s", "http://h/s/ab/c"),
            ("http://h/s/", "http://h/s/ab/c"),
            ("http://h", "http://h/ab/c"),
            ("http://h/s?x=y", "http://h/s/ab/c"),
            ("http://h/s;x=y/z", "http://h/s/ab/c"),
        ] {
            assert_eq!(Address::parse(store).unwrap().below("ab/c").as_str(), chunk, "{store}");
        }
    }
}
