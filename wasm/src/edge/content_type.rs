//! Types of files by the ends of their names.

/// Types and the ends of names that they go with.
const TYPES: [(&str, &str); 27] = [
    ("application/gzip", "gz tgz"),
    ("application/javascript", "js mjs"),
    ("application/json", "json map"),
    ("application/octet-stream", "bin img iso"),
    ("application/pdf", "pdf"),
    ("application/wasm", "wasm"),
    ("application/xml", "xml"),
    ("application/zip", "zip"),
    ("application/zstd", "zst"),
    ("audio/mpeg", "mp3"),
    ("audio/ogg", "ogg opus"),
    ("font/ttf", "ttf"),
    ("font/woff2", "woff2"),
    ("image/avif", "avif"),
    ("image/gif", "gif"),
    ("image/jpeg", "jpg jpeg"),
    ("image/png", "png"),
    ("image/svg+xml", "svg"),
    ("image/webp", "webp"),
    ("image/x-icon", "ico"),
    ("text/css", "css"),
    ("text/csv", "csv"),
    ("text/html", "html htm"),
    ("text/markdown", "md"),
    ("text/plain", "txt log conf ini sh toml yaml yml"),
    ("video/mp4", "mp4"),
    ("video/webm", "webm"),
];

/// The type of a file; what is not known are bytes.
pub fn content_type(path: &[u8]) -> String {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let end = name.iter().rposition(|&byte| byte == b'.').map_or(&[][..], |dot| &name[dot + 1..]).to_ascii_lowercase();
    let found = TYPES.iter().find(|(_, ends)| ends.split(' ').any(|known| known.as_bytes() == end));
    let found = found.map_or("application/octet-stream", |(name, _)| name);
    let is_text = found.starts_with("text/") || found == "application/javascript";
    if is_text { format!("{found}; charset=utf-8") } else { found.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types() {
        for (path, expected) in [
            ("a/b.html", "text/html; charset=utf-8"),
            ("A.JPEG", "image/jpeg"),
            ("a.tar.gz", "application/gzip"),
            ("html", "application/octet-stream"),
            ("a.html/b", "application/octet-stream"),
            ("", "application/octet-stream"),
            ("a.", "application/octet-stream"),
        ] {
            assert_eq!(content_type(path.as_bytes()), expected, "{path}");
        }
    }
}
