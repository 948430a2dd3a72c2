//! Families of generic netlink: how the kernel's parts take messages.

use std::io;

use netlink_packet_core::{
    DecodeError, DefaultNla, Emitable, NLA_F_NESTED, NLM_F_ACK, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
    NlasIterator, ParseableParametrized,
};
use netlink_packet_generic::{GenlFamily, GenlHeader, GenlMessage};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_GENERIC};
use rustix::io::Errno;

use crate::error::{Error, Result};

/// The family that knows the others.
const CONTROLLER: u16 = 16;
/// `CTRL_CMD_GETFAMILY`, `CTRL_ATTR_FAMILY_ID`, `CTRL_ATTR_FAMILY_NAME`
const GET_FAMILY: u8 = 3;
const FAMILY_ID: u16 = 1;
const FAMILY_NAME: u16 = 2;

/// An attribute of a message: its number and value.
pub(super) type Attribute = DefaultNla;

/// A family, and a way to talk to it.
#[derive(Debug)]
pub(super) struct Family {
    socket: Socket,
    id: u16,
}

impl Family {
    /// Finds the family of a name; `None` if the kernel has none.
    pub(super) fn find(name: &str) -> Result<Option<Self>> {
        let mut socket = Socket::new(NETLINK_GENERIC)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        let controller = Self { socket, id: CONTROLLER };
        let answer = match controller.ask(GET_FAMILY, vec![attribute(FAMILY_NAME, &with_nul(name))]) {
            Err(error) if error.is_not_found() => return Ok(None),
            answer => answer?,
        };
        let id = answer.iter().find(|(number, _)| *number == FAMILY_ID).and_then(|(_, value)| value.first_chunk());
        let id = u16::from_ne_bytes(*id.ok_or_else(malformed)?);
        Ok(Some(Self { id, ..controller }))
    }

    /// Sends a message and waits until it was acted upon; returns the attributes of the answers.
    pub(super) fn ask(&self, command: u8, attributes: Vec<Attribute>) -> Result<Vec<(u16, Vec<u8>)>> {
        let message = GenlMessage::new(
            GenlHeader { cmd: command, version: Plain::VERSION },
            Plain { command, attributes, read: Vec::new() },
            self.id,
        );
        let mut message = NetlinkMessage::from(message);
        message.header.flags = NLM_F_REQUEST | NLM_F_ACK;
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        self.socket.send(&bytes, 0)?;
        let mut told = Vec::new();
        loop {
            let (bytes, _) = self.receive()?;
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let message =
                    NetlinkMessage::<GenlMessage<Plain>>::deserialize(rest).map_err(|error| unreadable(&error))?;
                let length = (message.header.length as usize).next_multiple_of(4).min(rest.len());
                rest = &rest[length.max(1)..];
                match message.payload {
                    NetlinkPayload::Error(error) => {
                        return match error.code {
                            // An error of no error: it is done.
                            None => Ok(told),
                            Some(code) => Err(Errno::from_raw_os_error(code.get().saturating_neg()).into()),
                        };
                    }
                    NetlinkPayload::InnerMessage(inner) => told.extend(inner.payload.read),
                    _ => {}
                }
            }
        }
    }

    fn receive(&self) -> io::Result<(Vec<u8>, SocketAddr)> {
        loop {
            match self.socket.recv_from_full() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                received => return received,
            }
        }
    }
}

/// An attribute with a value.
pub(super) fn attribute(number: u16, value: &[u8]) -> Attribute {
    DefaultNla::new(number, value.to_vec())
}

/// An attribute that consists of others.
pub(super) fn nested(number: u16, attributes: &[Attribute]) -> Attribute {
    let mut bytes = vec![0; attributes.buffer_len()];
    attributes.emit(&mut bytes);
    DefaultNla::new(number | NLA_F_NESTED, bytes)
}

fn with_nul(text: &str) -> Vec<u8> {
    text.bytes().chain([0]).collect()
}

fn malformed() -> Error {
    Error::new(Errno::BADMSG, "the kernel's answer makes no sense")
}

fn unreadable(error: &DecodeError) -> Error {
    Error::new(Errno::BADMSG, format!("the kernel's answer makes no sense: {error}"))
}

/// A message of any family: a command and attributes.
#[derive(Debug)]
struct Plain {
    command: u8,
    /// Of a message that is sent.
    attributes: Vec<Attribute>,
    /// Of one that came.
    read: Vec<(u16, Vec<u8>)>,
}

impl Plain {
    /// What all families here have.
    const VERSION: u8 = 1;
}

impl GenlFamily for Plain {
    fn family_name() -> &'static str {
        // Numbers are looked up by `Family::find`.
        ""
    }

    fn command(&self) -> u8 {
        self.command
    }

    fn version(&self) -> u8 {
        Self::VERSION
    }
}

impl Emitable for Plain {
    fn buffer_len(&self) -> usize {
        self.attributes.as_slice().buffer_len()
    }

    fn emit(&self, buffer: &mut [u8]) {
        self.attributes.as_slice().emit(buffer);
    }
}

impl ParseableParametrized<[u8], GenlHeader> for Plain {
    fn parse_with_param(bytes: &[u8], header: GenlHeader) -> Result<Self, DecodeError> {
        let read = NlasIterator::new(bytes)
            .map(|attribute| attribute.map(|attribute| (attribute.kind(), attribute.value().to_vec())))
            .collect::<Result<_, _>>()?;
        Ok(Self { command: header.cmd, attributes: Vec::new(), read })
    }
}
