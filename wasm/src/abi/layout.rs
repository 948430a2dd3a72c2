//! How results lie in the output, as numbers of 64 bits and bytes behind them.

use casync_core::Name;
use casync_core::archive::{Content, Found, Located, Node, NodeEvent};
use casync_core::index::{IndexTable, Piece};

pub(super) fn numbers(numbers: &[u64], out: &mut Vec<u8>) {
    for number in numbers {
        out.extend_from_slice(&number.to_le_bytes());
    }
}

/// Feature flags, minimum, average and maximum chunk size, size of the stream, number of chunks.
pub(super) fn header(table: &IndexTable, out: &mut Vec<u8>) {
    let (features, sizes) = (table.features().bits(), table.sizes());
    numbers(&[features, sizes.min(), sizes.avg(), sizes.max(), table.stream_size(), table.len() as u64], out);
}

/// Number, start, size, then the 32 bytes of the id.
pub(super) fn chunk(piece: &Piece, out: &mut Vec<u8>) {
    numbers(&[piece.number as u64, piece.start, piece.size], out);
    out.extend_from_slice(piece.id.as_bytes());
}

/// A node that a question has found.
pub(super) fn found(found: &Found, out: &mut Vec<u8>) {
    node(found.name.as_ref(), &found.node, found.located, found.content, out);
}

/// A node that the decoder has come to; where it ends is not known yet and shown as 0.
pub(super) fn event(event: &NodeEvent<'_>, out: &mut Vec<u8>) {
    let content = event.entry + event.records.len() as u64;
    node(event.name, event.node, Located { entry: event.entry, end: 0 }, content, out);
}

/// Mode, file flags, uid, gid, modification time in nanoseconds, offsets of entry, end and content, size (of a device:
/// major, minor), length of name, length of target; then name and target.
fn node(name: Option<&Name>, node: &Node, located: Located, content: u64, out: &mut Vec<u8>) {
    let metadata = &node.metadata;
    let name: &[u8] = name.map_or(&[], Name::as_bytes);
    let (size, target): (u64, &[u8]) = match &node.content {
        Content::Regular { size } => (*size, &[]),
        Content::Symlink { target } => (0, target),
        Content::Block(device) | Content::Character(device) => {
            (u64::from(device.major) << 32 | u64::from(device.minor), &[])
        }
        Content::Directory | Content::Fifo | Content::Socket => (0, &[]),
    };
    numbers(
        &[
            (node.content.file_type().bits() | metadata.permissions).into(),
            metadata.flags.bits(),
            metadata.uid.into(),
            metadata.gid.into(),
            metadata.mtime.nanoseconds(),
            located.entry,
            located.end,
            content,
            size,
            name.len() as u64,
            target.len() as u64,
        ],
        out,
    );
    out.extend_from_slice(name);
    out.extend_from_slice(target);
}
