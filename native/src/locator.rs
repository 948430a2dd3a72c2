//! What operands name: paths, URLs, places on other hosts (spec: commands.md 2).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

/// A class of locator. Told by the text alone, nothing is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A path on this host.
    Path,
    /// A URL.
    Url,
    /// `HOST:PATH` or `USER@HOST:PATH`.
    Ssh,
}

/// Kinds of files by their suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suffix {
    /// `.catar`
    Archive,
    /// `.caidx`
    ArchiveIndex,
    /// `.caibx`
    BlobIndex,
    /// `.catab`
    SeedTable,
}

impl Suffix {
    const TABLE: [(&'static [u8], Self); 4] = [
        (b".catar", Self::Archive),
        (b".caidx", Self::ArchiveIndex),
        (b".caibx", Self::BlobIndex),
        (b".catab", Self::SeedTable),
    ];
}

/// The class of a locator; `None` for the empty text.
pub fn classify(text: &OsStr) -> Option<Class> {
    let bytes = text.as_bytes();
    if bytes.is_empty() {
        return None;
    }
    if bytes.starts_with(b"/") || bytes.starts_with(b"./") || bytes == b"." || bytes == b".." {
        return Some(Class::Path);
    }
    if url_rest(bytes).is_some() {
        return Some(Class::Url);
    }
    if ssh_rest(bytes).is_some() { Some(Class::Ssh) } else { Some(Class::Path) }
}

/// Turns `file:///PATH` and `file://localhost/PATH` into the path; anything else stays.
pub fn without_file_scheme(text: &OsStr) -> OsString {
    let bytes = text.as_bytes();
    let path = [b"file:///".as_slice(), b"file://localhost/"]
        .iter()
        .find(|prefix| bytes.starts_with(prefix))
        .map(|prefix| &bytes[prefix.len() - 1..]);
    match path {
        Some(path) => OsString::from_vec(percent_decoded(path)),
        None => text.to_owned(),
    }
}

/// A locator as people may see it: a URL without user name and password, and without its query, which may be a signature.
pub fn without_secrets(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let (rest, query) = rest.split_once('?').map_or((rest, ""), |(rest, _)| (rest, "?..."));
    let host = rest.find(['/', ';']).unwrap_or(rest.len());
    let rest = rest[..host].rfind('@').map_or(rest, |at| &rest[at + 1..]);
    format!("{scheme}://{rest}{query}")
}

/// The scheme of what is meant to be a URL: what is before `://`.
pub fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once("://")?;
    let starts = scheme.starts_with(|first: char| first.is_ascii_alphabetic());
    let goes_on = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte));
    (starts && goes_on).then_some(scheme)
}

/// The kind of file that a locator's suffix announces.
pub fn suffix(text: &OsStr) -> Option<Suffix> {
    let bytes = text.as_bytes();
    let name = match classify(text)? {
        Class::Url => {
            let end = bytes.iter().rposition(|&byte| byte == b'?');
            let end = end.or_else(|| bytes.iter().rposition(|&byte| byte == b';'));
            &bytes[..end.unwrap_or(bytes.len())]
        }
        Class::Path | Class::Ssh => bytes,
    };
    let component = name.rsplit(|&byte| byte == b'/').next().unwrap_or(name);
    let longer = |suffix: &[u8]| component.len() > suffix.len() && component.ends_with(suffix);
    Suffix::TABLE.iter().find(|(suffix, _)| longer(suffix)).map(|(_, kind)| *kind)
}

/// Whether a path is that of a tar file by its suffix.
pub fn is_tar(path: &OsStr) -> bool {
    let name = path.as_bytes().rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    name.len() > 4 && name.ends_with(b".tar")
}

/// The store beside an index: its locator with the last component replaced by `default.castr`.
pub fn default_store(index: &OsStr) -> OsString {
    const NAME: &[u8] = b"default.castr";
    let bytes = index.as_bytes();
    let beside = |bytes: &[u8], from: usize| {
        let slash = bytes[from..].iter().rposition(|&byte| byte == b'/');
        let mut store = bytes[..slash.map_or(from, |slash| from + slash + 1)].to_vec();
        store.extend_from_slice(NAME);
        OsString::from_vec(store)
    };
    match classify(index) {
        // In a registry the chunks of an index are in the same repository.
        Some(Class::Url) if is_registry(bytes) => {
            let host = url_rest(bytes).map_or(0, |rest| bytes.len() - rest.len());
            let end = bytes[host..].iter().rposition(|byte| matches!(byte, b'/' | b':'));
            OsString::from_vec(bytes[..end.map_or(bytes.len(), |end| host + end)].to_vec())
        }
        Some(Class::Url) => {
            let host = url_rest(bytes).map_or(0, |rest| bytes.len() - rest.len());
            let end = bytes[host..].iter().position(|byte| matches!(byte, b';' | b'?'));
            let mut url = bytes[..end.map_or(bytes.len(), |end| host + end)].to_vec();
            if url.len() == host {
                url.push(b'/');
            }
            beside(&url, host)
        }
        Some(Class::Ssh) => beside(bytes, ssh_rest(bytes).map_or(0, |rest| bytes.len() - rest.len())),
        Some(Class::Path) | None => beside(bytes, 0),
    }
}

fn is_registry(url: &[u8]) -> bool {
    [&b"oci://"[..], b"oci+http://", b"oci+https://"].iter().any(|scheme| url.starts_with(scheme))
}

/// A locator as a path.
pub fn to_path(text: &OsStr) -> PathBuf {
    PathBuf::from(text)
}

/// What follows the host of a URL; `None` if the text is none.
fn url_rest(bytes: &[u8]) -> Option<&[u8]> {
    let (first, rest) = bytes.split_first()?;
    if !first.is_ascii_lowercase() {
        return None;
    }
    let scheme = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+.-".contains(byte);
    let rest = skip(rest, scheme).strip_prefix(b"://")?;
    let after = skip(rest, |byte| byte.is_ascii_alphanumeric() || b"-._%@:[]".contains(byte));
    (after.len() < rest.len() && matches!(after.first(), None | Some(b'/' | b';' | b'?'))).then_some(after)
}

/// The path of an ssh locator; `None` if the text is none.
fn ssh_rest(bytes: &[u8]) -> Option<&[u8]> {
    let name = |byte: &u8| byte.is_ascii_alphanumeric() || b"._%-".contains(byte);
    let after = skip(bytes, name);
    if after.len() == bytes.len() {
        return None;
    }
    let rest = match after {
        [b':', rest @ ..] => rest,
        [b'@', host @ ..] => match skip(host, name) {
            after if after.len() == host.len() => return None,
            [b':', rest @ ..] => rest,
            _ => return None,
        },
        _ => return None,
    };
    (!rest.is_empty()).then_some(rest)
}

fn skip(bytes: &[u8], of: impl Fn(&u8) -> bool) -> &[u8] {
    &bytes[bytes.iter().take_while(|byte| of(byte)).count()..]
}

/// Bytes with `%XX` decoded; what is no valid escape stays.
pub(crate) fn percent_decoded(path: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [first, tail @ ..] = rest {
        if let (b'%', [high, low, after @ ..]) = (first, tail)
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            decoded.push((high << 4 | low) as u8);
            rest = after;
        } else {
            decoded.push(*first);
            rest = tail;
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn os(text: &str) -> &OsStr {
        OsStr::new(text)
    }

    #[test]
    fn classes() {
        for (text, class) in [
            ("/a", Class::Path),
            ("a", Class::Path),
            (".", Class::Path),
            ("..", Class::Path),
            ("./a:b", Class::Path),
            ("../x:y", Class::Path),
            ("..x:y", Class::Ssh),
            ("a:b.catar", Class::Ssh),
            ("user@host:x", Class::Ssh),
            ("host:", Class::Path),
            ("http://host/a", Class::Url),
            ("http://host", Class::Url),
            ("http://host?q", Class::Url),
            ("http://", Class::Ssh),
            ("Http://host/a", Class::Ssh),
            ("@host:x", Class::Path),
        ] {
            assert_eq!(classify(os(text)), Some(class), "{text}");
        }
        assert_eq!(classify(os("")), None);
    }

    #[test]
    fn suffixes() {
        for (text, expected) in [
            ("x.catar", Some(Suffix::Archive)),
            (".catar", None),
            ("dir/.catar", None),
            ("host:.caidx", Some(Suffix::ArchiveIndex)),
            ("http://h/x.caibx?a=b.catar", Some(Suffix::BlobIndex)),
            ("http://h/x.caibx;a", Some(Suffix::BlobIndex)),
            ("x.CATAR", None),
            ("x.catar/y", None),
        ] {
            assert_eq!(suffix(os(text)), expected, "{text}");
        }
    }

    #[test]
    fn stores_beside_indexes() {
        for (index, store) in [
            ("x.caidx", "default.castr"),
            ("dir/x.caidx", "dir/default.castr"),
            ("/x.caidx", "/default.castr"),
            ("http://host/a/x.caidx?q;r", "http://host/a/default.castr"),
            ("http://host", "http://host/default.castr"),
            ("https://h:8/x/a.caidx?k=v", "https://h:8/x/default.castr"),
            ("s3://bucket/a/x.caidx?layout=flat", "s3://bucket/a/default.castr"),
            ("oci://h:5000/a/b/x.caidx", "oci://h:5000/a/b"),
            ("oci+https://h/a:x.caidx", "oci+https://h/a"),
            ("host:a/x.caidx", "host:a/default.castr"),
            ("host:x.caidx", "host:default.castr"),
        ] {
            assert_eq!(default_store(os(index)), os(store), "{index}");
        }
    }

    #[test]
    fn file_urls_become_paths() {
        assert_eq!(without_file_scheme(os("file:///a%20b")), os("/a b"));
        assert_eq!(without_file_scheme(os("file://localhost/%78.catar")), os("/x.catar"));
        assert_eq!(without_file_scheme(os("file://other/x")), os("file://other/x"));
        assert_eq!(without_file_scheme(os("x%20")), os("x%20"));
    }
}
