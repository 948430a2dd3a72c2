//! Real servers, each on a port and a directory of its own, gone when the test is over.

mod azurite;
mod ftp;
mod garage;
mod registry;
mod s3;
mod sftp;
mod tokens;

pub use azurite::Azurite;
pub use ftp::{Ftp, Vsftpd};
pub use garage::Garage;
pub use registry::Registry;
pub use s3::S3;
pub use sftp::Sftp;
pub use tokens::{Policy, Tokens};

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// A server that runs until this is dropped.
#[derive(Debug)]
struct Server {
    child: Child,
}

/// How long a server may take to listen: far more than any needs, even on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

impl Server {
    /// Starts a program and waits until it says where it listens: with a line that has `before` in it, followed by that.
    fn start(command: &mut Command, before: &'static str) -> (Self, String) {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let what = format!("{command:?}");
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{what}: {error}"));
        let (send, lines) = mpsc::channel();
        let streams: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().expect("it is piped")), Box::new(child.stderr.take().expect("it is piped"))];
        for stream in streams {
            let send = send.clone();
            // Reads on after the line was found: a full pipe would stop the server.
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _ = send.send(line);
                }
            });
        }
        drop(send);
        let server = Self { child };
        let mut said = String::new();
        loop {
            let line = lines.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("{what} does not say {before:?}: {said}"));
            if let Some((_, rest)) = line.split_once(before) {
                let end = rest.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(rest.len());
                return (server, rest[..end].to_owned());
            }
            said = said + &line + "\n";
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
