//! What a URL of an object store says.
//!
//! ```text
//! s3://BUCKET/KEY  s3+https://HOST/BUCKET/KEY  s3+http://HOST/BUCKET/KEY
//! gs://BUCKET/KEY  az://CONTAINER/KEY          each with ?OPTION=VALUE&...
//! ```
//!
//! `KEY` is percent-decoded. Options: `layout`, and for S3 also `region`, `endpoint` and `lookup`. They say how to get there;
//! no key and no name of a chunk is made of them.

use object_store::path::Path;
use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::locator::percent_decoded;

/// An object, or what all objects of a store begin with.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) service: Service,
    pub(super) bucket: String,
    pub(super) key: Path,
    /// The URL without options.
    pub(super) name: String,
    pub(super) style: Option<KeyStyle>,
    pub(super) region: Option<String>,
    /// Where the service is, if not at its usual place.
    pub(super) endpoint: Option<String>,
    /// Whether the bucket is part of the host's name.
    pub(super) virtual_hosted: Option<bool>,
}

/// Whose protocol is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    S3,
    Google,
    Azure,
}

/// Whether chunks lie in directories named after the beginnings of their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyStyle {
    /// `iiii/I.cacnk`, as in a directory.
    Prefixed,
    /// `I.cacnk`
    Flat,
}

/// Schemes, and whose they are; `true`: a host comes before the bucket.
const SCHEMES: [(&str, Service, bool); 5] = [
    ("s3", Service::S3, false),
    ("s3+https", Service::S3, true),
    ("s3+http", Service::S3, true),
    ("gs", Service::Google, false),
    ("az", Service::Azure, false),
];

/// Whether URLs of this scheme name places in object stores.
pub(in crate::remote) fn is_scheme(scheme: &str) -> bool {
    SCHEMES.iter().any(|(known, ..)| *known == scheme)
}

impl Place {
    /// Reads a URL. Its text is not repeated in errors beyond what surely is no secret.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let (scheme, rest) = text.split_once("://").ok_or_else(|| invalid("it is no URL"))?;
        let known = SCHEMES.iter().find(|(known, ..)| *known == scheme);
        let (_, service, hosted) = known.ok_or_else(|| invalid("it is no URL of an object store"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        if rest.split('/').next().is_some_and(|host| host.contains('@')) {
            return Err(invalid(format!("credentials do not belong into {scheme}: URLs"))
                .hint("use the environment or the files of the service's own tools"));
        }
        let name = format!("{scheme}://{}", rest.trim_end_matches('/'));
        let (endpoint, rest) = match (hosted, rest.split_once('/')) {
            (false, _) => (None, rest),
            (true, Some((host, rest))) => (Some(format!("{}://{host}", &scheme["s3+".len()..])), rest),
            (true, None) => return Err(invalid(format!("{name:?} names no bucket"))),
        };
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(invalid(format!("{name:?} names no bucket")));
        }
        let key = String::from_utf8(percent_decoded(key.as_bytes()))
            .map_err(|_| invalid(format!("the key in {name:?} is not UTF-8")))?;
        let key = Path::parse(key.trim_matches('/'))
            .map_err(|error| invalid(format!("the key in {name:?} cannot be used: {error}")))?;
        let mut place = Self {
            service: *service,
            bucket: bucket.to_owned(),
            key,
            name,
            style: None,
            region: None,
            endpoint,
            virtual_hosted: None,
        };
        query.split('&').filter(|option| !option.is_empty()).try_for_each(|option| place.option(option))?;
        Ok(place)
    }

    fn option(&mut self, option: &str) -> Result<()> {
        let (key, value) = option.split_once('=').unwrap_or((option, ""));
        let text = || String::from_utf8_lossy(&percent_decoded(value.as_bytes())).into_owned();
        match (key, value, self.service) {
            ("layout", "flat", _) => self.style = Some(KeyStyle::Flat),
            ("layout", "prefix", _) => self.style = Some(KeyStyle::Prefixed),
            ("region", _, Service::S3) => self.region = Some(text()),
            ("endpoint", _, Service::S3) => self.endpoint = Some(text()),
            ("lookup", "path", Service::S3) => self.virtual_hosted = Some(false),
            ("lookup", "dns", Service::S3) => self.virtual_hosted = Some(true),
            _ => {
                let hint =
                    "layout=prefix and layout=flat are known; for S3 also region=, endpoint=, lookup=path, lookup=dns";
                return Err(invalid(format!("{:?} has an option {key:?} that is not known", self.name)).hint(hint));
            }
        }
        Ok(())
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Errno::INVAL, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Place> {
        Place::parse(url)
    }

    #[test]
    fn places() {
        for (url, bucket, key, name, endpoint) in [
            ("s3://b", "b", "", "s3://b", None),
            ("s3://b/", "b", "", "s3://b", None),
            ("s3://b/a%20b/c/?layout=flat", "b", "a b/c", "s3://b/a%20b/c", None),
            ("gs://b/x.caidx", "b", "x.caidx", "gs://b/x.caidx", None),
            ("az://c/p/x.caidx", "c", "p/x.caidx", "az://c/p/x.caidx", None),
            ("s3+http://h:9000/b/p", "b", "p", "s3+http://h:9000/b/p", Some("http://h:9000")),
            ("s3://b/p?endpoint=https%3A%2F%2Fh", "b", "p", "s3://b/p", Some("https://h")),
        ] {
            let place = parse(url).unwrap();
            assert_eq!(place.bucket, bucket, "{url}");
            assert_eq!(place.key.as_ref(), key, "{url}");
            assert_eq!(place.name, name, "{url}");
            assert_eq!(place.endpoint.as_deref(), endpoint, "{url}");
        }
        assert_eq!(parse("s3://b/p?layout=flat").unwrap().style, Some(KeyStyle::Flat));
    }

    #[test]
    fn refused() {
        for url in
            ["s3://", "s3+http://h", "s3://b/a/../b", "s3://b?x=1", "gs://b?region=x", "s3://b?layout=z", "http://h/b"]
        {
            assert!(parse(url).is_err(), "{url}");
        }
        let error = parse("s3://KEY:SECRET@b/p").unwrap_err();
        assert!(!format!("{error:?}").contains("SECRET"), "{error:?}");
    }
}
