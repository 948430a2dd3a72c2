//! Packets of SFTP, version 3: what is asked, and what is answered.
//!
//! ```text
//! size:u32 type:u8 id:u32 body
//! ```
//!
//! What is asked is packed by `openssh-sftp-protocol`. Of the answers those are read here that can hold what is no text, or
//! announce more than comes: names, messages and data.

use std::io;

use bytes::Bytes;
use openssh_sftp_protocol::constants::{
    SSH_FXP_ATTRS, SSH_FXP_DATA, SSH_FXP_HANDLE, SSH_FXP_NAME, SSH_FXP_STATUS, SSH2_FILEXFER_VERSION,
};
use openssh_sftp_protocol::file_attrs::FileAttrs;
use openssh_sftp_protocol::request::{Hello, Request, RequestInner};
use openssh_sftp_protocol::response::{Extensions, Response, ResponseInner, ServerVersion};
use openssh_sftp_protocol::serde::Deserialize as _;
use openssh_sftp_protocol::{Handle, HandleOwned};
use rustix::io::Errno;
use ssh_format::{Deserializer, Serializer};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::error::{Error, Result};

/// The largest packet that is taken. What is asked for has at most a quarter of it.
const PACKET_MAX: u32 = 1 << 20;

/// What a server says.
#[derive(Debug)]
pub(super) enum Answer {
    /// What was asked for has a handle.
    Handle(HandleOwned),
    Data(Bytes),
    Names(Vec<Name>),
    Attributes(FileAttrs),
    /// It is done, or it is not.
    Status(Status, String),
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Done,
    /// Nothing is left to be read.
    End,
    NoSuchFile,
    Denied,
    Unsupported,
    Failed,
}

/// An entry of a directory.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) name: Vec<u8>,
    pub(super) attributes: FileAttrs,
}

fn broken(why: impl std::fmt::Display) -> Error {
    Error::new(Errno::BADMSG, format!("what comes is not SFTP: {why}"))
}

/// What a client says first.
pub(super) fn hello() -> Result<Vec<u8>> {
    ssh_format::to_bytes(&Hello { version: SSH2_FILEXFER_VERSION }).map_err(broken)
}

/// What a server knows, from what it says first.
pub(super) fn version(packet: &[u8]) -> Result<Extensions> {
    let server = ServerVersion::deserialize(&mut Deserializer::from_bytes(packet)).map_err(broken)?;
    if server.version != SSH2_FILEXFER_VERSION {
        return Err(broken(format_args!("version {} was chosen", server.version)));
    }
    Ok(server.extensions)
}

/// A packet that asks for something.
pub(super) fn question(request_id: u32, inner: RequestInner<'_>) -> Result<Vec<u8>> {
    ssh_format::to_bytes(&Request { request_id, inner }).map_err(broken)
}

/// A packet with data to be written.
pub(super) fn write(request_id: u32, handle: &Handle, offset: u64, data: &[u8]) -> Result<Vec<u8>> {
    let length = u32::try_from(data.len()).map_err(broken)?;
    // Room for the size, which is known when all before the data is there.
    let mut packet = vec![0; 4];
    packet.reserve(64 + data.len());
    let mut serializer = Serializer::new(packet);
    let handle = std::borrow::Cow::Borrowed(handle);
    let size = Request::serialize_write_request(&mut serializer, request_id, handle, offset, length).map_err(broken)?;
    let mut packet = serializer.output;
    packet[..4].copy_from_slice(&size);
    packet.extend_from_slice(data);
    Ok(packet)
}

/// Reads a packet, without its size.
pub(super) async fn packet(pipe: &mut (impl AsyncRead + Unpin)) -> io::Result<Bytes> {
    let size = pipe.read_u32().await?;
    if !(1..=PACKET_MAX).contains(&size) {
        return Err(io::Error::other(broken(format_args!("a packet of {size} bytes"))));
    }
    let mut packet = vec![0; size as usize];
    pipe.read_exact(&mut packet).await?;
    Ok(packet.into())
}

/// Takes a packet apart: which question is answered, and how.
pub(super) fn answer(packet: &Bytes) -> Result<(u32, Answer)> {
    let mut rest = Deserializer::from_bytes(packet);
    let kind = u8::deserialize(&mut rest).map_err(broken)?;
    let id = u32::deserialize(&mut rest).map_err(broken)?;
    let answer = match kind {
        SSH_FXP_DATA => {
            let data = <&[u8]>::deserialize(&mut rest).map_err(broken)?;
            Answer::Data(packet.slice_ref(data))
        }
        SSH_FXP_STATUS => {
            let code = u32::deserialize(&mut rest).map_err(broken)?;
            // Servers of the first drafts say no more.
            let message = <&[u8]>::deserialize(&mut rest).unwrap_or_default();
            Answer::Status(Status::of(code), String::from_utf8_lossy(message).into_owned())
        }
        SSH_FXP_NAME => {
            let count = u32::deserialize(&mut rest).map_err(broken)?;
            let mut names = Vec::new();
            for _ in 0..count {
                let name = <&[u8]>::deserialize(&mut rest).map_err(broken)?.to_vec();
                // A line for people.
                <&[u8]>::deserialize(&mut rest).map_err(broken)?;
                names.push(Name { name, attributes: FileAttrs::deserialize(&mut rest).map_err(broken)? });
            }
            Answer::Names(names)
        }
        SSH_FXP_HANDLE | SSH_FXP_ATTRS => match ssh_format::from_bytes::<Response>(packet).map_err(broken)?.0 {
            Response { response_inner: ResponseInner::Handle(handle), .. } => Answer::Handle(handle),
            Response { response_inner: ResponseInner::Attrs(attributes), .. } => Answer::Attributes(attributes),
            _ => return Err(broken("an answer of another kind")),
        },
        kind => return Err(broken(format_args!("an answer of kind {kind}"))),
    };
    Ok((id, answer))
}

impl Status {
    const fn of(code: u32) -> Self {
        match code {
            0 => Self::Done,
            1 => Self::End,
            2 => Self::NoSuchFile,
            3 => Self::Denied,
            8 => Self::Unsupported,
            _ => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> Vec<u8> {
        [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
    }

    #[test]
    fn answers_are_taken_apart() {
        let data = Bytes::from([&[SSH_FXP_DATA, 0, 0, 0, 7][..], &text(b"abc")].concat());
        assert!(matches!(answer(&data), Ok((7, Answer::Data(bytes))) if bytes == "abc"));
        let status =
            Bytes::from([&[SSH_FXP_STATUS, 0, 0, 0, 7, 0, 0, 0, 2][..], &text(b"\xff no"), &text(b"")].concat());
        assert!(matches!(answer(&status), Ok((7, Answer::Status(Status::NoSuchFile, _)))));
        let short = Bytes::from_static(&[SSH_FXP_STATUS, 0, 0, 0, 7, 0, 0, 0, 1]);
        assert!(matches!(answer(&short), Ok((7, Answer::Status(Status::End, _)))));
        let names =
            [&[SSH_FXP_NAME, 0, 0, 0, 7, 0, 0, 0, 1][..], &text(b"\xffx"), &text(b"-rw"), &[0, 0, 0, 0]].concat();
        assert!(matches!(answer(&names.into()), Ok((7, Answer::Names(names))) if names[0].name == b"\xffx"));
    }

    #[test]
    fn more_is_announced_than_comes() {
        let names = Bytes::from_static(&[SSH_FXP_NAME, 0, 0, 0, 7, 255, 255, 255, 255]);
        assert!(answer(&names).is_err());
        let data = Bytes::from_static(&[SSH_FXP_DATA, 0, 0, 0, 7, 255, 255, 255, 255, 1]);
        assert!(answer(&data).is_err());
        assert!(answer(&Bytes::from_static(&[1])).is_err() && answer(&Bytes::from_static(&[200, 0, 0, 0, 1])).is_err());
    }

    #[test]
    fn writes_are_packed_as_any_other_question() {
        let handle = Bytes::from([&[SSH_FXP_HANDLE, 0, 0, 0, 7][..], &text(&[0, 0, 0, 200])].concat());
        let Ok((7, Answer::Handle(handle))) = answer(&handle) else { panic!("it is a handle") };
        let handle: &Handle = &handle;
        let whole = RequestInner::Write {
            handle: std::borrow::Cow::Borrowed(handle),
            offset: 5,
            data: std::borrow::Cow::Borrowed(&b"abc"[..]),
        };
        assert_eq!(write(9, handle, 5, b"abc").unwrap(), question(9, whole).unwrap());
    }
}
