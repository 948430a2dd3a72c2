//! One configuration file, as it is written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::values::{size, time};
use crate::locator;
use crate::remote::{HttpOptions, Login, Proxy};

/// What a file says; what it does not say is absent.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct File {
    /// The directory of the cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_store: Option<PathBuf>,
    /// Bytes that may be in it.
    #[serde(deserialize_with = "size::deserialize", skip_serializing_if = "Option::is_none")]
    pub cache_store_size: Option<u64>,
    /// Whether no other host is asked for anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offline: Option<bool>,
    /// Bytes a second, over all connections.
    #[serde(deserialize_with = "size::deserialize", skip_serializing_if = "Option::is_none")]
    pub rate_limit_bps: Option<u64>,
    /// How to talk to all servers.
    #[serde(skip_serializing_if = "Http::is_empty")]
    pub http: Http,
    /// How to talk to those of what lies below a URL.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub place: BTreeMap<String, Http>,
    /// Groups of stores by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub group: BTreeMap<String, Group>,
}

/// How to talk to HTTP servers.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Http {
    /// Files of certificates (PEM) to trust besides those of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<Vec<PathBuf>>,
    /// File of a certificate, and perhaps of its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<PathBuf>,
    /// File of that key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_key: Option<PathBuf>,
    /// File of a bearer token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// File of `NAME:PASSWORD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// File in the form of netrc.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub netrc_file: Option<PathBuf>,
    /// File of headers to send, one a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header_file: Option<PathBuf>,
    /// URL of who is asked in the place of servers, or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// File of `NAME:PASSWORD` for that one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_password_file: Option<PathBuf>,
    /// How often to try again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
    /// Requests at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// How long a connection may take to come about.
    #[serde(with = "time", skip_serializing_if = "Option::is_none")]
    pub connect_timeout: Option<Duration>,
    /// How long a server may be silent.
    #[serde(with = "time", skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
}

/// Stores of which the first that can be reached is used.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Group {
    /// In the order of preference.
    pub stores: Vec<String>,
    /// How long one that failed is left alone at first.
    #[serde(default, with = "time", skip_serializing_if = "Option::is_none")]
    pub pause: Option<Duration>,
    /// And at last.
    #[serde(default, with = "time", skip_serializing_if = "Option::is_none")]
    pub pause_max: Option<Duration>,
}

impl File {
    /// Reads the text of a file in this directory.
    ///
    /// # Errors
    ///
    /// The line, and what is wrong there. Nothing of the line is repeated: there may be secrets in it by mistake.
    pub(super) fn parse(text: &str, directory: &Path) -> Result<Self, (usize, String)> {
        let mut file: Self = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start.min(text.len()));
            (line(text, start), first_line(error.message()))
        })?;
        file.check().map_err(|(at, message)| (line(text, text.find(&at).unwrap_or(0)), message))?;
        let (mut http, mut places) = (std::mem::take(&mut file.http), std::mem::take(&mut file.place));
        for http in places.values_mut().chain([&mut http]) {
            http.paths().for_each(|path| *path = resolved(path, directory));
        }
        (file.http, file.place) = (http, places);
        for store in file.group.values_mut().flat_map(|group| &mut group.stores) {
            if locator::classify(store.as_ref()) == Some(locator::Class::Path) {
                *store = resolved(Path::new(store), directory).to_string_lossy().into_owned();
            }
        }
        file.cache_store = file.cache_store.map(|path| resolved(&path, directory));
        Ok(file)
    }

    /// What no type says. An error has the text near which it is.
    fn check(&self) -> Result<(), (String, String)> {
        for prefix in self.place.keys() {
            if !prefix.contains("://") {
                return Err((prefix.clone(), "a place is a URL, as in \"https://example.com/\"".to_owned()));
            }
        }
        let everywhere = ("[http]".to_owned(), &self.http);
        for (near, http) in self.place.iter().map(|(prefix, http)| (prefix.clone(), http)).chain([everywhere]) {
            if http.logins() > 1 {
                return Err((near, "only one of token-file, password-file and netrc-file can be".to_owned()));
            }
            if let Some(wrong) = http.proxy.as_deref().and_then(wrong_proxy) {
                return Err(("proxy".to_owned(), wrong.to_owned()));
            }
        }
        for (name, group) in &self.group {
            if group.stores.is_empty() {
                return Err((format!("group.{name}"), "a group takes stores".to_owned()));
            }
            if group.stores.iter().any(|store| store.starts_with(super::GROUP)) {
                return Err((format!("group.{name}"), "a group cannot be in a group".to_owned()));
            }
        }
        Ok(())
    }

    /// This, and what only `other` says.
    pub(super) fn over(self, mut other: Self) -> Self {
        for (prefix, http) in self.place {
            let weaker = other.place.remove(&prefix).unwrap_or_default();
            other.place.insert(prefix, http.over(weaker));
        }
        other.group.extend(self.group);
        Self {
            cache_store: self.cache_store.or(other.cache_store),
            cache_store_size: self.cache_store_size.or(other.cache_store_size),
            offline: self.offline.or(other.offline),
            rate_limit_bps: self.rate_limit_bps.or(other.rate_limit_bps),
            http: self.http.over(other.http),
            place: other.place,
            group: other.group,
        }
    }
}

impl Http {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn logins(&self) -> usize {
        [&self.token_file, &self.password_file, &self.netrc_file].into_iter().flatten().count()
    }

    fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let single = [
            &mut self.client_certificate,
            &mut self.client_key,
            &mut self.token_file,
            &mut self.password_file,
            &mut self.netrc_file,
            &mut self.header_file,
            &mut self.proxy_password_file,
        ];
        self.ca.iter_mut().flatten().chain(single.into_iter().flatten())
    }

    fn over(self, other: Self) -> Self {
        // Of the three ways to show who asks only one can be in effect.
        let other = match self.logins() {
            0 => other,
            _ => Self { token_file: None, password_file: None, netrc_file: None, ..other },
        };
        Self {
            ca: self.ca.or(other.ca),
            client_certificate: self.client_certificate.or(other.client_certificate),
            client_key: self.client_key.or(other.client_key),
            token_file: self.token_file.or(other.token_file),
            password_file: self.password_file.or(other.password_file),
            netrc_file: self.netrc_file.or(other.netrc_file),
            header_file: self.header_file.or(other.header_file),
            // A password belongs to its proxy.
            proxy_password_file: self
                .proxy_password_file
                .or_else(|| other.proxy_password_file.filter(|_| self.proxy.is_none())),
            proxy: self.proxy.or(other.proxy),
            retries: self.retries.or(other.retries),
            concurrency: self.concurrency.or(other.concurrency),
            connect_timeout: self.connect_timeout.or(other.connect_timeout),
            timeout: self.timeout.or(other.timeout),
        }
    }

    /// Puts what is said in the place of what was.
    pub(super) fn apply(&self, options: &mut HttpOptions) {
        let login = match (&self.token_file, &self.password_file, &self.netrc_file) {
            (Some(path), _, _) => Some(Login::Bearer(path.clone())),
            (_, Some(path), _) => Some(Login::Basic(path.clone())),
            (_, _, Some(path)) => Some(Login::NetrcIn(path.clone())),
            (None, None, None) => None,
        };
        let set = |path: &Option<PathBuf>, option: &mut Option<PathBuf>| {
            if path.is_some() {
                option.clone_from(path);
            }
        };
        set(&self.client_certificate, &mut options.client_certificate);
        set(&self.client_key, &mut options.client_key);
        set(&self.header_file, &mut options.headers);
        if let Some(proxy) = &self.proxy {
            options.proxy = if proxy == NO_PROXY { Proxy::None } else { Proxy::Url(proxy.clone()) };
            options.proxy_password = None;
        }
        set(&self.proxy_password_file, &mut options.proxy_password);
        options.ca.extend(self.ca.iter().flatten().cloned());
        options.login = login.unwrap_or_else(|| options.login.clone());
        options.retries = self.retries.unwrap_or(options.retries);
        options.in_flight_max = self.concurrency.map_or(options.in_flight_max, |number| number.max(1) as usize);
        options.connect_timeout = self.connect_timeout.unwrap_or(options.connect_timeout);
        options.silence_timeout = self.timeout.unwrap_or(options.silence_timeout);
    }
}

/// What says that nobody stands between.
const NO_PROXY: &str = "none";

/// What is wrong with the name of a proxy.
fn wrong_proxy(proxy: &str) -> Option<&'static str> {
    const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];
    if proxy == NO_PROXY {
        return None;
    }
    match proxy.split_once("://") {
        Some((scheme, rest)) if SCHEMES.contains(&scheme) && !rest.is_empty() => {
            rest.contains('@').then_some("names and passwords belong into proxy-password-file")
        }
        _ => Some("a proxy is \"none\" or a URL: http, https, socks4, socks4a, socks5 or socks5h"),
    }
}

/// A name in a file: relative to its directory, or to the home of who runs the program.
fn resolved(path: &Path, directory: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::var_os("HOME")) {
        (Ok(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => directory.join(path),
    }
}

fn line(text: &str, offset: usize) -> usize {
    text.get(..offset).unwrap_or_default().matches('\n').count() + 1
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<File, (usize, String)> {
        File::parse(text, Path::new("/etc/casync"))
    }

    #[test]
    fn values() {
        let file = parse(
            "cache-store-size = \"1G\"\nrate-limit-bps = 1000\n[http]\ntimeout = \"2m\"\nca = [\"x.pem\", \"/y.pem\"]\n\
             [place.\"https://a/\"]\ntoken-file = \"token\"\n[group.g]\nstores = [\"a\", \"https://b\"]\npause = 5",
        );
        let file = file.unwrap();
        assert_eq!((file.cache_store_size, file.rate_limit_bps), (Some(1 << 30), Some(1000)));
        assert_eq!(file.http.timeout, Some(Duration::from_secs(120)));
        assert_eq!(file.http.ca.unwrap(), [Path::new("/etc/casync/x.pem"), Path::new("/y.pem")]);
        assert_eq!(file.place["https://a/"].token_file.as_deref(), Some(Path::new("/etc/casync/token")));
        assert_eq!(file.group["g"].pause, Some(Duration::from_secs(5)));
        assert_eq!(file.group["g"].stores, ["/etc/casync/a", "https://b"]);
    }

    #[test]
    fn mistakes_have_lines() {
        for (text, line, part) in [
            ("offline = true\nofline = true", 2, "unknown field `ofline`"),
            ("[http]\n\ntoken = \"secret\"", 3, "unknown field `token`"),
            ("cache-store-size = \"big\"", 1, "expected a size"),
            ("\n[http]\ntimeout = \"1 fortnight\"", 3, "expected a number with a unit"),
            ("[place.example]\nretries = 1", 1, "a place is a URL"),
            ("offline = false\n[place.\"https://a\"]\ntoken-file = \"a\"\nnetrc-file = \"b\"", 2, "only one of"),
            ("[group.x]\nstores = []", 1, "takes stores"),
            ("[group.x]\nstores = [\"group://y\"]", 1, "cannot be in a group"),
            ("offline = maybe", 1, ""),
            ("[http]\nproxy = \"secret\"", 2, "a proxy is"),
            ("[http]\nproxy = \"ftp://secret\"", 2, "a proxy is"),
            ("[place.\"https://a\"]\nretries = 1\nproxy = \"http://me:secret@h\"", 3, "proxy-password-file"),
        ] {
            let (at, message) = parse(text).unwrap_err();
            assert_eq!(at, line, "{text}: {message}");
            assert!(message.contains(part) && !message.contains("secret"), "{text}: {message}");
        }
    }

    #[test]
    fn the_stronger_file_counts() {
        let weak = parse("offline = true\n[http]\nretries = 1\ntoken-file = \"a\"\n[place.\"https://a\"]\nretries = 2")
            .unwrap();
        let strong =
            parse("offline = false\n[http]\nnetrc-file = \"b\"\n[place.\"https://a\"]\nconcurrency = 3").unwrap();
        let both = strong.over(weak);
        assert_eq!((both.offline, both.http.retries, both.http.token_file), (Some(false), Some(1), None));
        assert_eq!((both.place["https://a"].retries, both.place["https://a"].concurrency), (Some(2), Some(3)));
    }
}
