//! What an `sftp:` URL says, and the command line that leads there.

use std::process::Command;

use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::locator::{self, percent_decoded};
use crate::remote::session::ssh_program;

/// A file or directory on another host.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) destination: Destination,
    /// From the root, or from where a login begins.
    pub(super) path: String,
    /// What people call it.
    pub(super) name: String,
}

/// Where ssh connects to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Destination {
    user: Option<String>,
    host: String,
    port: Option<u16>,
}

impl Place {
    /// Takes a URL apart. As the C program's helper has it, `/~/` at the beginning of the path is where a login begins.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let name = locator::without_secrets(text);
        let refused = |why: &str| Error::new(Errno::INVAL, format!("{name:?} {why}"));
        let rest = text.strip_prefix("sftp://").ok_or_else(|| refused("is no URL of sftp"))?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains(['?', ';']) || path.contains('?') {
            return Err(
                refused("has a query, of which SFTP knows nothing").hint("a question mark in a path is written as %3F")
            );
        }
        let decoded = |text: &str| {
            let text = String::from_utf8(percent_decoded(text.as_bytes())).ok();
            text.filter(|text| !text.contains('\0')).ok_or_else(|| refused("has a name that is no text"))
        };
        let (login, host) = authority.rsplit_once('@').map_or((None, authority), |(login, host)| (Some(login), host));
        let user = login.map(|login| {
            if login.contains(':') {
                return Err(refused("has a password in it").hint("ssh takes keys, and asks for passwords itself"));
            }
            decoded(login)
        });
        let user = user.transpose()?;
        let (host, port) = split_port(host).ok_or_else(|| refused("has no valid port"))?;
        if user
            .as_deref()
            .is_some_and(|user| user.is_empty() || user.starts_with('-') || user.contains(char::is_control))
            || host.starts_with('-')
        {
            return Err(refused("has a user or host that ssh would take for something else"));
        }
        if !is_host(&host) {
            return Err(refused("names no host"));
        }
        let path = decoded(path)?;
        let path = match path.strip_prefix("/~") {
            Some("" | "/") => ".",
            Some(below) if below.starts_with('/') => below.trim_start_matches('/'),
            _ => &path,
        };
        if path.is_empty() {
            return Err(refused("names nothing on that host"));
        }
        let path = path.to_owned();
        Ok(Self { destination: Destination { user, host, port }, path, name })
    }
}

/// A host without the brackets around an address, and the port behind it.
fn split_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        None => return None,
        Some("") => None,
        Some(port) => Some(port.parse().ok().filter(|&port| port > 0)?),
    };
    Some((host.to_owned(), port))
}

fn is_host(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-:%".contains(&byte))
}

impl Destination {
    /// What people call it.
    pub(super) fn name(&self) -> String {
        format!("sftp on {}", self.host)
    }

    /// The command that connects its pipes with the server's.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(ssh_program());
        command.arg("-s");
        if let Some(port) = self.port {
            command.arg("-p").arg(port.to_string());
        }
        match &self.user {
            Some(user) => command.arg(format!("{user}@{}", self.host)),
            None => command.arg(&self.host),
        };
        command.arg("sftp");
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(url: &str) -> (String, String) {
        let place = Place::parse(url).unwrap();
        let command = place.destination.command();
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect();
        (arguments.join(" "), place.path)
    }

    #[test]
    fn places() {
        for (url, arguments, path) in [
            ("sftp://h/srv/a.caidx", "-s h sftp", "/srv/a.caidx"),
            ("sftp://h/~/a%20b/c", "-s h sftp", "a b/c"),
            ("sftp://h/~", "-s h sftp", "."),
            ("sftp://h/~x/y", "-s h sftp", "/~x/y"),
            ("sftp://me@h:2222/x", "-s -p 2222 me@h sftp", "/x"),
            ("sftp://me%40there@h/x", "-s me@there@h sftp", "/x"),
            ("sftp://[::1]:22/-x", "-s -p 22 ::1 sftp", "/-x"),
        ] {
            assert_eq!(line(url), (arguments.to_owned(), path.to_owned()), "{url}");
        }
    }

    #[test]
    fn refused() {
        for url in [
            "sftp://h",
            "sftp:///x",
            "sftp://-oProxyCommand=x/y",
            "sftp://-l@h/x",
            "sftp://@h/x",
            "sftp://%2Dl@h/x",
            "sftp://h:0/x",
            "sftp://h:x/y",
            "sftp://h/x?y",
            "sftp://[::1/x",
            "sftp://h/%00",
            "sftp://a b/x",
        ] {
            assert!(Place::parse(url).is_err(), "{url}");
        }
        let error = Place::parse("sftp://me:hidden@h/x").unwrap_err();
        assert!(!error.report().contains("hidden"), "{error}");
    }
}
