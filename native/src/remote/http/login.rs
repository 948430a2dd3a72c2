//! Who asks: names, passwords, tokens and headers, none of which is ever shown.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use rustix::io::Errno;

use super::address::{Address, Credentials};
use crate::error::{Context as _, Error, Result};
use crate::remote::settings::{HttpOptions, Login};

/// What to put into `Authorization:`, if anything.
///
/// # Errors
///
/// If a file that was named cannot be read, or has nothing usable.
pub(in crate::remote) fn authorization(address: &Address, options: &HttpOptions) -> Result<Option<HeaderValue>> {
    match &options.login {
        Login::Bearer(path) if address.credentials.is_none() => {
            let text = read(path)?;
            secret(format!("Bearer {}", text.trim())).context(|| format!("use the token in {path:?}")).map(Some)
        }
        // What cannot be sent from a file that belongs to other programs, too, is no reason to fail.
        Login::Netrc if address.credentials.is_none() => {
            Ok(credentials(address, options)?.and_then(|found| basic(&found).ok()))
        }
        _ => credentials(address, options)?.as_ref().map(basic).transpose(),
    }
}

/// The name and password to use, if there are any.
///
/// # Errors
///
/// As [`authorization`].
pub(in crate::remote) fn credentials(address: &Address, options: &HttpOptions) -> Result<Option<Credentials>> {
    if let Some(credentials) = &address.credentials {
        return Ok(Some(credentials.clone()));
    }
    let host = address.url.host_str().unwrap_or_default();
    match &options.login {
        // It belongs to other programs, too: whatever is wrong with it is no reason to fail.
        Login::Netrc => Ok(standard_netrc().and_then(|path| in_netrc(&read(&path).ok()?, host))),
        Login::NetrcIn(path) => Ok(in_netrc(&read(path)?, host)),
        Login::Bearer(_) => Ok(None),
        Login::Basic(path) => credentials_in(path).map(Some),
    }
}

/// The name and password in a file: `NAME:PASSWORD`.
///
/// # Errors
///
/// If it cannot be read or has no colon.
pub(super) fn credentials_in(path: &Path) -> Result<Credentials> {
    let text = read(path)?;
    let (user, password) = text
        .trim_end_matches(['\r', '\n'])
        .split_once(':')
        .ok_or_else(|| Error::new(Errno::INVAL, format!("{path:?} should have a name, a colon and a password")))?;
    Ok(Credentials { user: user.to_owned(), password: password.to_owned() })
}

/// The headers in a file, one a line: `NAME: VALUE`. Empty lines and those that begin with `#` do not count.
///
/// # Errors
///
/// If it cannot be read or a line is no header.
pub(in crate::remote) fn headers(path: &Path) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (number, line) in read(path)?.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let header = line.split_once(':').and_then(|(name, value)| {
            let mut value = HeaderValue::from_str(value.trim()).ok()?;
            value.set_sensitive(true);
            Some((HeaderName::from_bytes(name.trim().as_bytes()).ok()?, value))
        });
        let no_header = || Error::new(Errno::INVAL, format!("line {} of {path:?} is no header", number + 1));
        let (name, value) = header.ok_or_else(no_header)?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// Name and password as a header has them.
pub(in crate::remote) fn basic(credentials: &Credentials) -> Result<HeaderValue> {
    secret(format!("Basic {}", STANDARD.encode(format!("{}:{}", credentials.user, credentials.password))))
}

/// A header that is not shown.
pub(in crate::remote) fn secret(text: String) -> Result<HeaderValue> {
    let value = HeaderValue::from_str(&text).map_err(|_| Error::new(Errno::INVAL, "it cannot be sent in a header"));
    value.map(|mut value| {
        value.set_sensitive(true);
        value
    })
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).context(|| format!("read {path:?}"))
}

fn standard_netrc() -> Option<PathBuf> {
    let named = std::env::var_os("NETRC").map(PathBuf::from);
    named.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".netrc"))).filter(|path| path.is_file())
}

/// What a netrc file has for a host.
fn in_netrc(text: &str, host: &str) -> Option<Credentials> {
    // A macro goes on to the next empty line.
    let mut in_macro = false;
    let words = text.lines().flat_map(|line| {
        in_macro = (in_macro || line.trim_start().starts_with("macdef")) && !line.trim().is_empty();
        let line = if in_macro || line.trim_start().starts_with('#') { "" } else { line };
        line.split_whitespace()
    });
    let mut words = words.collect::<Vec<_>>().into_iter();
    let (mut fits, mut user, mut password) = (false, None, None);
    while let Some(word) = words.next() {
        match word {
            "machine" | "default" if fits && (user.is_some() || password.is_some()) => break,
            "machine" => fits = words.next() == Some(host),
            "default" => fits = true,
            "login" if fits => user = words.next(),
            "password" if fits => password = words.next(),
            "login" | "password" | "account" => drop(words.next()),
            _ => {}
        }
    }
    let text = |word: Option<&str>| word.unwrap_or_default().to_owned();
    (user.is_some() || password.is_some()).then(|| Credentials { user: text(user), password: text(password) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn netrc_files() {
        let text = "# me\nmachine a login x password y\nmacdef init\n machine b login no\n\nmachine b\n  login z\n  \
                    password w\ndefault login d password e\n";
        let found = |host: &str| in_netrc(text, host).map(|found| (found.user, found.password));
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(found("a"), pair("x", "y"));
        assert_eq!(found("b"), pair("z", "w"));
        assert_eq!(found("c"), pair("d", "e"));
        assert_eq!(in_netrc("machine a login x", "b").map(|found| found.user), None);
    }
}
