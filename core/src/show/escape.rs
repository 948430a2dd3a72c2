//! Bytes as text that keeps to one line and one column.

use core::fmt;

/// Shows bytes: everything up to space, from DEL on, `\` and `#` as a backslash and three octal digits.
///
/// ```
/// assert_eq!(casync_core::show::Escaped(b"new\nline#1").to_string(), r"new\012line\0431");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let special = |byte: u8| byte <= b' ' || byte >= 0x7f || matches!(byte, b'\\' | b'#');
        let mut rest = self.0;
        while let Some(at) = rest.iter().position(|&byte| special(byte)) {
            f.write_str(plain(&rest[..at]))?;
            write!(f, "\\{:03o}", rest[at])?;
            rest = &rest[at + 1..];
        }
        f.write_str(plain(rest))
    }
}

fn plain(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).expect("because everything outside of ASCII is escaped")
}

/// Shows a path from the root of an archive; the root itself as `.`.
#[derive(Clone, Copy, Debug)]
pub struct ShownPath<'a>(pub &'a [u8]);

impl fmt::Display for ShownPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str(".") } else { Escaped(self.0).fmt(f) }
    }
}
