//! What an `oci:` URL says.

use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::locator;

/// A repository, and perhaps something in it.
#[derive(Debug)]
pub(super) struct Place {
    /// `https://HOST/v2/REPOSITORY`, with name and password if the URL has them.
    pub(super) url: String,
    /// `HOST`, with port.
    pub(super) host: String,
    /// What people call it.
    pub(super) name: String,
    /// The tag, unless it is a store.
    pub(super) tag: Option<String>,
}

impl Place {
    /// The repository of a store.
    pub(super) fn store(text: &str) -> Result<Self> {
        Self::parse(text, false)
    }

    /// The place of an index or archive.
    pub(super) fn file(text: &str) -> Result<Self> {
        Self::parse(text, true)
    }

    fn parse(text: &str, tagged: bool) -> Result<Self> {
        let shown = locator::without_secrets(text);
        let refused = |why: &str| Err(Error::new(Errno::INVAL, format!("{shown:?} {why}")));
        let Some((scheme, rest)) = text.split_once("://") else { return refused("is no URL") };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let protocol = match scheme {
            "oci+http" => "http",
            "oci" if is_here(host) => "http",
            _ => "https",
        };
        if path.contains(['?', ';', '#', '%']) {
            return refused("has characters that names in registries cannot have");
        }
        let path = path.trim_end_matches('/');
        let (repository, tag) = match (tagged, path.rsplit_once([':', '/'])) {
            (false, _) => (path, None),
            (true, Some((repository, tag))) => (repository, Some(tag.to_owned())),
            (true, None) => {
                return refused("names no tag").map_err(|error| error.hint("oci://HOST/REPOSITORY/NAME does"));
            }
        };
        if !is_repository(repository) {
            return refused("names no repository")
                .map_err(|error| error.hint("names are of lower-case letters, digits, and single . _ - between them"));
        }
        if tag.as_deref().is_some_and(|tag| !is_tag(tag)) {
            return refused("names no tag").map_err(|error| {
                error.hint("tags are of letters, digits, . _ and -, and have at most 128 characters")
            });
        }
        let name = format!("{scheme}://{host}/{path}");
        Ok(Self { url: format!("{protocol}://{authority}/v2/{repository}"), host: host.to_owned(), name, tag })
    }
}

/// Whether a host is this machine, by its name alone.
fn is_here(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(_) => host.split_inclusive(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name == "[::1]" || name.starts_with("127.")
}

fn is_repository(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    !name.is_empty()
        && name.split('/').all(|part| {
            part.bytes().all(|byte| inner(byte) || b"._-".contains(&byte))
                && part.bytes().next().is_some_and(inner)
                && part.bytes().last().is_some_and(inner)
                && !part.contains("..")
        })
}

fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=128).contains(&tag.len())
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|byte| word(byte) || b".-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_and_files() {
        let store = Place::store("oci://ghcr.io/me/store").unwrap();
        assert_eq!((store.url.as_str(), store.tag), ("https://ghcr.io/v2/me/store", None));
        assert_eq!(store.name, "oci://ghcr.io/me/store");
        for (url, repository, tag) in [
            ("oci://127.0.0.1:5000/s:x.caidx", "http://127.0.0.1:5000/v2/s", "x.caidx"),
            ("oci://localhost/a/s/x.caidx", "http://localhost/v2/a/s", "x.caidx"),
            ("oci+https://[::1]:1/s/x", "https://[::1]:1/v2/s", "x"),
            ("oci+http://h/s/v1", "http://h/v2/s", "v1"),
        ] {
            let file = Place::file(url).unwrap();
            assert_eq!((file.url.as_str(), file.tag.as_deref()), (repository, Some(tag)), "{url}");
        }
    }

    #[test]
    fn refused() {
        for url in ["oci://h", "oci://h/", "oci://h/A", "oci://h/a..b", "oci://h/../a", "oci://h/a?x", "oci://h/a/%2e"]
        {
            assert!(Place::store(url).is_err(), "{url}");
        }
        for url in ["oci://h/a", "oci://h/a:", "oci://h/a:-x", "oci://h/a/x y"] {
            assert!(Place::file(url).is_err(), "{url}");
        }
        let error = Place::store("oci://me:hidden@h/A").unwrap_err();
        assert!(!error.report().contains("hidden"), "{error}");
        assert!(!Place::store("oci://me:hidden@h/a").unwrap().name.contains("hidden"));
    }
}
