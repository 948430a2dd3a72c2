//! An archive as a flat list of its members, in order.

use casync_core::archive::{Content, Decoder, Encoder, Event, Node, Step};
use casync_core::error::{Error, UsageError};
use casync_core::record::{FeatureFlags, HEADER_SIZE};
use casync_core::{Limits, Name, Result};

/// One member of an archive with everything below the decoder's events but the brackets, which `depth` stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// `None` for the root.
    pub name: Option<Name>,
    /// From the root, without it; empty for the root.
    pub path: Vec<u8>,
    /// Directories above.
    pub depth: usize,
    /// Metadata and content.
    pub node: Node,
    /// Offset of its ENTRY record.
    pub entry: u64,
    /// Its records up to the payload.
    pub records: Vec<u8>,
    /// What came of its payload.
    pub payload: Vec<u8>,
}

/// What a decoder made of its input, up to an error if there was one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The members.
    pub members: Vec<Member>,
    /// How many of them ended.
    pub ended: usize,
    /// How it ended.
    pub outcome: Result<()>,
}

impl Decoded {
    /// The members of an archive that is right.
    pub fn unwrap(self) -> Vec<Member> {
        self.outcome.unwrap();
        assert_eq!(self.ended, self.members.len(), "every member ends");
        self.members
    }
}

/// Decodes a whole archive with default limits.
pub fn decode(archive: &[u8]) -> Decoded {
    decode_parts(Decoder::new(&Limits::default()), &[archive])
}

/// Decodes what comes in `parts`. Checks on the way what every caller of a decoder relies on.
pub fn decode_parts(mut decoder: Decoder, parts: &[&[u8]]) -> Decoded {
    let mut decoded = Decoded { members: Vec::new(), ended: 0, outcome: Ok(()) };
    let mut open = Vec::new();
    for part in parts {
        if let Err(error) = decode_part(&mut decoder, part, &mut decoded, &mut open) {
            let again = decoder.step(b"").err();
            assert_eq!(again, Some(Error::Usage(UsageError::OutOfTurn)), "after an error there are only errors");
            assert!(decoder.finish().is_err());
            decoded.outcome = Err(error);
            return decoded;
        }
    }
    decoded.outcome = decoder.finish();
    assert_eq!(decoded.outcome.is_ok(), decoder.is_done());
    if decoded.outcome.is_ok() {
        assert!(open.is_empty(), "every member has ended");
    }
    decoded
}

fn decode_part(decoder: &mut Decoder, part: &[u8], decoded: &mut Decoded, open: &mut Vec<usize>) -> Result<()> {
    let mut rest = part;
    loop {
        let Step::Did { used, event } = decoder.step(rest)? else { return Ok(()) };
        match event {
            Event::Node(event) => {
                assert_eq!(event.depth, open.len(), "depth of {:?}", event.name);
                assert_eq!(event.name.is_none(), open.is_empty(), "only the root has no name");
                let path = match (event.name, open.last()) {
                    (Some(name), Some(&parent)) => join(&decoded.members[parent].path, name),
                    _ => Vec::new(),
                };
                open.push(decoded.members.len());
                decoded.members.push(Member {
                    name: event.name.cloned(),
                    path,
                    depth: event.depth,
                    node: event.node.clone(),
                    entry: event.entry,
                    records: event.records.to_vec(),
                    payload: Vec::new(),
                });
            }
            Event::Payload(bytes) => {
                assert!(!bytes.is_empty(), "pieces of payload are never empty");
                let member = &mut decoded.members[*open.last().expect("payload belongs to a member")];
                member.payload.extend_from_slice(bytes);
                let Content::Regular { size } = member.node.content else { panic!("payload of {:?}", member.node) };
                assert_eq!(member.payload.len() as u64 + decoder.payload_left(), size, "payload still to come");
            }
            Event::End => {
                let member = &decoded.members[open.pop().expect("only what began can end")];
                decoded.ended += 1;
                if let Content::Regular { size } = member.node.content {
                    assert_eq!(member.payload.len() as u64, size, "payload is complete");
                }
            }
        }
        rest = &rest[used..];
    }
}

fn join(parent: &[u8], name: &Name) -> Vec<u8> {
    let mut path = parent.to_vec();
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

/// Writes an archive of `members`; only their names, depths, nodes and payloads count.
///
/// # Errors
///
/// As [`Encoder`].
pub fn encode(members: &[Member], features: FeatureFlags) -> Result<Vec<u8>> {
    let mut encoder = Encoder::new(features);
    let mut archive = Vec::new();
    for member in members {
        while encoder.depth() > member.depth {
            encoder.leave(&mut archive)?;
        }
        let encoded = match &member.name {
            None => encoder.root(&member.node, &mut archive)?,
            Some(name) => encoder.child(name, &member.node, &mut archive)?,
        };
        assert_eq!(encoded.filename > 0, member.name.is_some());
        archive.extend_from_slice(&member.payload);
        encoder.payload(member.payload.len() as u64)?;
        assert_eq!(encoder.position(), archive.len() as u64, "the encoder counts what it and the payload add");
    }
    while !encoder.is_done() {
        encoder.leave(&mut archive)?;
    }
    Ok(archive)
}

/// The feature flags of an archive that has been found to be right.
pub fn features(archive: &[u8]) -> FeatureFlags {
    let bits = archive[HEADER_SIZE..].first_chunk().expect("an archive begins with an ENTRY");
    FeatureFlags::from_wire(u64::from_le_bytes(*bits)).expect("its flags are right")
}
