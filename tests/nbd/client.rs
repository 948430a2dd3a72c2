//! A client that says just what a test wants.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// One connection.
pub(crate) struct Client(UnixStream);

/// An answer to an option: its kind and what comes with it.
pub(crate) type Answer = (u32, Vec<u8>);

pub(crate) const ACK: u32 = 1;
pub(crate) const GO: u32 = 7;
pub(crate) const STRUCTURED: u32 = 8;

impl Client {
    /// Connects, and takes in what the server says first.
    pub(crate) fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).expect("a server");
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut client = Self(stream);
        let hello = client.read(18).unwrap();
        assert_eq!(hello, *b"NBDMAGICIHAVEOPT\0\x03");
        client
    }

    /// The same, with the flags that a client of today sends.
    pub(crate) fn begin(socket: &Path) -> Self {
        let mut client = Self::connect(socket);
        client.write(&3_u32.to_be_bytes()).unwrap();
        client
    }

    /// The same, ready for requests to the first export.
    pub(crate) fn ready(socket: &Path, structured: bool) -> Self {
        let mut client = Self::begin(socket);
        if structured {
            client.option(STRUCTURED, b"").unwrap();
            assert_eq!(client.answer().unwrap(), (ACK, Vec::new()));
        }
        client.option(GO, &[0; 6]).unwrap();
        while client.answer().unwrap().0 != ACK {}
        client
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    pub(crate) fn read(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).map(|()| bytes)
    }

    pub(crate) fn option(&mut self, number: u32, data: &[u8]) -> io::Result<()> {
        self.write(&[b"IHAVEOPT", &number.to_be_bytes()[..], &(data.len() as u32).to_be_bytes(), data].concat())
    }

    pub(crate) fn answer(&mut self) -> io::Result<Answer> {
        let head = self.read(20)?;
        assert_eq!(head[..8], 0x0003_e889_0455_65a9_u64.to_be_bytes());
        let number = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().unwrap());
        Ok((number(12), self.read(number(16) as usize)?))
    }

    pub(crate) fn request(&mut self, command: u16, cookie: u64, offset: u64, length: u32) -> io::Result<()> {
        let head =
            [&0x2560_9513_u32.to_be_bytes()[..], &[0, 0], &command.to_be_bytes(), &cookie.to_be_bytes()].concat();
        self.write(&[&head[..], &offset.to_be_bytes(), &length.to_be_bytes()].concat())
    }

    /// The number and cookie of a simple answer; the data of a read follows if there is no error.
    pub(crate) fn simple(&mut self) -> io::Result<(u32, u64)> {
        let head = self.read(16)?;
        assert_eq!(head[..4], 0x6744_6698_u32.to_be_bytes());
        let number = u32::from_be_bytes(head[4..8].try_into().unwrap());
        Ok((number, u64::from_be_bytes(head[8..].try_into().unwrap())))
    }

    /// Flags, kind and body of a part of a structured answer.
    pub(crate) fn part(&mut self) -> io::Result<(u16, u16, Vec<u8>)> {
        let head = self.read(20)?;
        assert_eq!(head[..4], 0x668e_33ef_u32.to_be_bytes());
        let number = |at: usize| u16::from_be_bytes(head[at..at + 2].try_into().unwrap());
        let length = u32::from_be_bytes(head[16..].try_into().unwrap());
        Ok((number(4), number(6), self.read(length as usize)?))
    }

    /// Whether the server hangs up now.
    pub(crate) fn is_cut_off(&mut self) -> bool {
        matches!(self.0.read(&mut [0]), Ok(0) | Err(_))
    }
}
