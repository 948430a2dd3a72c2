//! What the path of a request names. Nothing is looked up here, and nothing that is refused here gets near a file system.
//!
//! ```text
//! /[DIRS/]STORE/IIII/ID.cacnk     a chunk, as a compressed frame (or ID alone: its plain bytes)
//! /[DIRS/]NAME.caidx              an index or archive (.caibx .caidx .catab .catar)
//! /[DIRS/]                        what there is, as JSON
//! /metrics                        numbers for Prometheus
//! ```

use std::ffi::CString;

use casync_core::chunk::ChunkId;

use crate::locator;
use crate::store::Form;

/// Bytes in the path of a request: no honest one comes near.
const PATH_MAX: usize = 2048;
/// Bytes in a component, the limit of file systems.
const NAME_MAX: usize = 255;

/// What a path names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// A chunk of the store.
    Chunk(ChunkId, Form),
    /// A file below the directory of indexes: the directories that lead there, and its name.
    File(Vec<CString>, CString),
    /// A directory below that of indexes.
    Directory(Vec<CString>),
    /// Numbers.
    Metrics,
}

/// Why a path names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is longer than any that means something.
    TooLong,
    /// It tries to lead elsewhere, or is no path.
    Malformed,
    /// It is a path, but of nothing that is served.
    NotFound,
}

/// Finds out what a path names. `stores` are the names under which the store is served, `suffix` that of compressed chunks.
pub(super) fn route(path: &str, stores: &[String], suffix: &str) -> Result<Route, Refusal> {
    if path.len() > PATH_MAX {
        return Err(Refusal::TooLong);
    }
    let path = path.strip_prefix('/').ok_or(Refusal::Malformed)?;
    if path == "metrics" {
        return Ok(Route::Metrics);
    }
    let mut components: Vec<Vec<u8>> = path.split('/').map(component).collect::<Result<_, _>>()?;
    let name = components.pop().unwrap_or_default();
    // Only the last may be empty: that is a directory.
    if components.iter().any(Vec::is_empty) {
        return Err(Refusal::Malformed);
    }
    if let [.., store, prefix] = &components[..]
        && stores.iter().any(|known| known.as_bytes() == store)
    {
        return chunk(prefix, &name, suffix);
    }
    // Names that begin with a point are those of files that are not complete, or not meant for others.
    if components.iter().chain([&name]).any(|component| component.starts_with(b".")) {
        return Err(Refusal::NotFound);
    }
    let directories: Vec<CString> = components.into_iter().map(c_string).collect::<Result<_, _>>()?;
    if name.is_empty() {
        return Ok(Route::Directory(directories));
    }
    let name = c_string(name)?;
    if locator::suffix(std::os::unix::ffi::OsStrExt::from_bytes(&[b"./", name.as_bytes()].concat())).is_none() {
        return Err(Refusal::NotFound);
    }
    Ok(Route::File(directories, name))
}

fn chunk(prefix: &[u8], name: &[u8], suffix: &str) -> Result<Route, Refusal> {
    let (id, form) = match name.strip_suffix(suffix.as_bytes()) {
        Some(id) => (id, Form::Compressed),
        None => (name, Form::Plain),
    };
    let id: ChunkId = std::str::from_utf8(id).ok().and_then(|id| id.parse().ok()).ok_or(Refusal::NotFound)?;
    if format!("{:04x}", id.prefix()).as_bytes() != prefix {
        return Err(Refusal::NotFound);
    }
    Ok(Route::Chunk(id, form))
}

/// Decodes one component, and refuses what could lead out of its directory.
fn component(text: &str) -> Result<Vec<u8>, Refusal> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16)).ok_or(Refusal::Malformed);
        let (high, low) = (digit()?, digit()?);
        decoded.push((high << 4 | low) as u8);
    }
    if decoded.len() > NAME_MAX {
        return Err(Refusal::TooLong);
    }
    let forbidden = |byte: &u8| *byte == b'/' || byte.is_ascii_control();
    if matches!(&decoded[..], b"." | b"..") || decoded.iter().any(forbidden) {
        return Err(Refusal::Malformed);
    }
    Ok(decoded)
}

fn c_string(bytes: Vec<u8>) -> Result<CString, Refusal> {
    CString::new(bytes).map_err(|_| Refusal::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "c672b8d1ef56ed28ab87c3622c5114069bdd3ad7b8f9737498d0c01ecef0967a";

    fn of(path: &str) -> Result<Route, Refusal> {
        route(path, &["default.castr".to_owned(), "my.castr".to_owned()], ".cacnk")
    }

    #[test]
    fn chunks() {
        let id: ChunkId = ID.parse().unwrap();
        let compressed = Ok(Route::Chunk(id, Form::Compressed));
        assert_eq!(of(&format!("/default.castr/c672/{ID}.cacnk")), compressed);
        assert_eq!(of(&format!("/my.castr/c672/{ID}.cacnk")), compressed);
        assert_eq!(of(&format!("/images/2026/my.castr/c672/{ID}.cacnk")), compressed);
        assert_eq!(of(&format!("/my%2ecastr/c672/{ID}.cacnk")), compressed);
        assert_eq!(of(&format!("/my.castr/c672/{ID}")), Ok(Route::Chunk(id, Form::Plain)));
        for path in [
            format!("/my.castr/c673/{ID}.cacnk"),
            format!("/my.castr/C672/{}.cacnk", ID.to_uppercase()),
            format!("/my.castr/c672/{ID}.tmp"),
            format!("/my.castr/c672/{}.cacnk", &ID[1..]),
            format!("/other.castr/c672/{ID}.cacnk"),
            format!("/c672/{ID}.cacnk"),
        ] {
            assert_eq!(of(&path), Err(Refusal::NotFound), "{path}");
        }
    }

    #[test]
    fn files_and_directories() {
        let text = |text: &str| CString::new(text).unwrap();
        assert_eq!(of("/x.caidx"), Ok(Route::File(vec![], text("x.caidx"))));
        assert_eq!(of("/a/b%20c/x.catar"), Ok(Route::File(vec![text("a"), text("b c")], text("x.catar"))));
        assert_eq!(of("/h:x.caibx"), Ok(Route::File(vec![], text("h:x.caibx"))));
        assert_eq!(of("/"), Ok(Route::Directory(vec![])));
        assert_eq!(of("/a/"), Ok(Route::Directory(vec![text("a")])));
        assert_eq!(of("/metrics"), Ok(Route::Metrics));
        for path in ["/x.txt", "/.#x.caidx0123456789abcdef", "/.git/x.caidx", "/.caidx", "/passwd", "/...caidx"] {
            assert_eq!(of(path), Err(Refusal::NotFound), "{path}");
        }
    }

    #[test]
    fn tricks() {
        for path in [
            "",
            "x.caidx",
            "//x.caidx",
            "/a//x.caidx",
            "//etc/x.caidx",
            "/../x.caidx",
            "/a/../x.caidx",
            "/./x.caidx",
            "/%2e%2e/x.caidx",
            "/%2e./x.caidx",
            "/..%2fx.caidx",
            "/..%2f..%2fetc%2fpasswd",
            "/a%2f%2fx.caidx",
            "/%2fetc/x.caidx",
            "/x%00.caidx",
            "/x.caidx%00",
            "/x%0a.caidx",
            "/x%.caidx",
            "/x%2",
            "/x%zz.caidx",
            "/a/..",
            "/a/.",
        ] {
            assert_eq!(of(path), Err(Refusal::Malformed), "{path}");
        }
        assert_eq!(of(&format!("/{}.caidx", "x".repeat(250))), Err(Refusal::TooLong));
        assert_eq!(of(&format!("/{}x.caidx", "a/".repeat(1100))), Err(Refusal::TooLong));
    }
}
