//! What a service manager is told: that work begins, and how far it is (spec: commands.md 12).
//!
//! The protocol is a datagram to the socket that `NOTIFY_SOCKET` names. That it cannot be sent is no failure of the job.

use std::ffi::OsString;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Whether anybody wants to know.
pub(super) fn is_wanted() -> bool {
    socket().is_some()
}

/// The work is about to begin.
pub fn ready() {
    send("READY=1");
}

/// The same, with more to tell: lines of `NAME=VALUE`.
pub fn ready_with(more: impl std::fmt::Display) {
    send(&format!("READY=1\n{more}"));
}

/// No new work is taken.
pub(crate) fn stopping() {
    send("STOPPING=1");
}

/// The configuration is read again; [`ready`] says when that is done.
pub(crate) fn reloading() {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let microseconds = now.tv_sec.unsigned_abs() * 1_000_000 + now.tv_nsec.unsigned_abs() / 1000;
    send(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"));
}

/// How far it is; one line.
pub(super) fn status(text: &str) {
    send(&format!("STATUS={text}"));
}

fn socket() -> Option<OsString> {
    std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty())
}

fn send(message: &str) {
    let _ = socket().map(|name| {
        let address = match name.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            _ => SocketAddr::from_pathname(&name)?,
        };
        let socket = UnixDatagram::unbound()?;
        // A manager that does not read does not stop the work.
        socket.set_nonblocking(true)?;
        socket.send_to_addr(message.as_bytes(), &address)
    });
}
