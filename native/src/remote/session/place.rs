//! What a locator says about the process that serves it, and the command line that starts it (spec: remote.md 2).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::process::Command;

use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::locator;
use crate::ui::log;

/// Where the C program's distributions put its helpers.
const PROTOCOL_PATH: &str = "/usr/lib/casync/protocols";

/// The way to another process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// `casync` on this host or `USER@HOST`, by ssh.
    Ssh(OsString),
    /// `casync-SCHEME` on this host, for one host of that scheme.
    Helper {
        /// The scheme.
        scheme: String,
        /// The URL up to the end of the host, which is what objects must share for one process.
        prefix: Vec<u8>,
    },
}

/// What is wanted from the process.
#[derive(Clone, Debug, Default)]
pub(super) struct Operands {
    pub(super) archive: Option<OsString>,
    pub(super) index: Option<OsString>,
    pub(super) store: Option<OsString>,
}

/// What the process is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Pull,
    Push,
}

impl Way {
    /// The way to what a locator names, and what it is called there.
    ///
    /// # Errors
    ///
    /// For hosts and users that ssh would take for options, and URLs that no helper can be told.
    pub(super) fn of(text: &OsStr) -> Result<(Self, OsString)> {
        let bytes = text.as_bytes();
        let shown = || locator::without_secrets(&text.to_string_lossy());
        if let Some(scheme) = text.to_str().and_then(locator::scheme) {
            let host = scheme.len() + 3;
            let end = bytes[host..].iter().position(|byte| b"/;?".contains(byte)).unwrap_or(bytes.len() - host);
            let prefix = bytes[..host + end].to_vec();
            return Ok((Self::Helper { scheme: scheme.to_owned(), prefix }, text.to_owned()));
        }
        let colon = bytes.iter().position(|&byte| byte == b':').unwrap_or(bytes.len());
        let (host, path) = (&bytes[..colon], bytes.get(colon + 1..).unwrap_or_default());
        if path.is_empty() || path.contains(&0) {
            return Err(Error::new(Errno::INVAL, format!("{:?} names nothing on another host", shown())));
        }
        if host.split(|&byte| byte == b'@').any(|part| part.is_empty() || part.starts_with(b"-")) {
            let why = format!("{:?}: a user or host that begins with - would be taken for an option", shown());
            return Err(Error::new(Errno::INVAL, why));
        }
        // A path that looks like an option, or like nothing, is named in another way.
        let path = if path.starts_with(b"-") { [b"./", path].concat() } else { path.to_vec() };
        Ok((Self::Ssh(OsString::from_vec(host.to_vec())), OsString::from_vec(path)))
    }

    /// What people call the other side.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Ssh(host) => format!("casync on {}", host.to_string_lossy()),
            Self::Helper { scheme, .. } => format!("casync-{scheme}"),
        }
    }

    /// The program that is run here.
    pub(super) fn program(&self) -> OsString {
        match self {
            Self::Ssh(_) => ssh_program(),
            Self::Helper { scheme, .. } => {
                let mut path = set("CASYNC_PROTOCOL_PATH").unwrap_or_else(|| OsString::from(PROTOCOL_PATH));
                path.push(format!("/casync-{scheme}"));
                path
            }
        }
    }

    /// The whole command.
    pub(super) fn command(&self, verb: Verb, operands: &Operands, rate_limit_bps: Option<u64>) -> Command {
        let mut command = Command::new(self.program());
        let mut arguments: Vec<OsString> = Vec::new();
        if let Self::Ssh(host) = self {
            command.arg(host);
            arguments.push(std::env::var_os("CASYNC_REMOTE_PATH").unwrap_or_else(|| OsString::from("casync")));
        }
        // compat: the option goes with indexes only, the limit not with archives. Old helpers do not know the option; they
        // get the level by the environment.
        let is_ssh = matches!(self, Self::Ssh(_));
        if let Some(level) = log::asked_level().filter(|_| is_ssh && operands.index.is_some()) {
            arguments.push(format!("--log-level={level}").into());
        }
        if let Some(limit) = rate_limit_bps.filter(|_| operands.archive.is_none()) {
            arguments.push(format!("--rate-limit-bps={limit}").into());
        }
        arguments.push(OsString::from(if verb == Verb::Pull { "pull" } else { "push" }));
        arguments.push(OsString::from("-"));
        for operand in [&operands.archive, &operands.index, &operands.store] {
            arguments.push(operand.clone().unwrap_or_else(|| OsString::from("-")));
        }
        match self {
            // They are joined there, and read by a shell.
            Self::Ssh(_) => command.args(arguments.iter().map(|argument| quoted(argument))),
            Self::Helper { .. } => command.args(arguments),
        };
        if let Some(level) = log::asked_level() {
            command.env("CASYNC_LOG_LEVEL", level.to_string());
        }
        if log::is_verbose() {
            command.env("CASYNC_VERBOSE", "1")
        } else {
            command.env_remove("CASYNC_VERBOSE")
        };
        command
    }
}

/// What is run to reach other hosts.
pub(in crate::remote) fn ssh_program() -> OsString {
    set("CASYNC_SSH_PATH").unwrap_or_else(|| OsString::from("ssh"))
}

/// A variable that says something.
fn set(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// An argument for a shell. One that needs no quotes gets none: a stand-in for ssh may have no shell, and `~/` stays what it
/// is.
pub(super) fn quoted(argument: &OsStr) -> OsString {
    let bytes = argument.as_bytes();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_./~@%+=:,-".contains(byte);
    if !bytes.is_empty() && bytes.iter().all(plain) {
        return argument.to_owned();
    }
    let mut quoted = vec![b'\''];
    for &byte in bytes {
        if byte == b'\'' { quoted.extend_from_slice(b"'\\''") } else { quoted.push(byte) }
    }
    quoted.push(b'\'');
    OsString::from_vec(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(locator: &str, verb: Verb, rate: Option<u64>) -> Vec<String> {
        let (way, index) = Way::of(OsStr::new(locator)).unwrap();
        let store = Some(OsString::from("my store"));
        let command = way.command(verb, &Operands { archive: None, index: Some(index), store }, rate);
        command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn command_lines_are_upstreams_and_quoted_where_a_shell_would_read_more() {
        assert_eq!(
            line("u@h:srv/t.caidx", Verb::Pull, Some(1 << 20)),
            ["u@h", "casync", "--rate-limit-bps=1048576", "pull", "-", "-", "srv/t.caidx", "'my store'"]
        );
        assert_eq!(line("h:~/a;b'.caidx", Verb::Push, None)[5..], ["'~/a;b'\\''.caidx'", "'my store'"]);
        assert_eq!(line("h:-rf.caidx", Verb::Pull, None)[5], "./-rf.caidx");
        assert_eq!(
            line("foo://h/a b.caidx?x", Verb::Pull, None),
            ["pull", "-", "-", "foo://h/a b.caidx?x", "my store"]
        );
    }

    #[test]
    fn nothing_becomes_an_option_of_ssh() {
        for locator in ["-oProxyCommand=x:y", "-h:x", "u@-h:x", "-u@h:x"] {
            let refused = Way::of(OsStr::new(locator)).unwrap_err().to_string();
            assert!(refused.contains("would be taken for an option"), "{refused}");
        }
    }
}
