//! The record layer: one struct for each record on the wire, with `parse` and `emit`.
//!
//! Everything in archives and indexes is little-endian and unaligned. A record starts with a 16-byte [`Header`]: the size
//! of the whole record and a constant that names its kind. What parses is valid by itself; rules that involve other
//! records are kept by the decoder ([`crate::archive::Decoder`]) and the index reader ([`crate::index::IndexReader`]).

mod acl;
mod entry;
mod flags;
mod goodbye;
mod header;
mod index;
mod message;
mod text;

pub use acl::{AclDefault, AclEntry, AclPermissions};
pub use entry::{ENTRY_SIZE, Entry};
pub use flags::{FEATURE_GROUPS, FEATURES, Feature, FeatureFlags, FeatureGroup};
pub use goodbye::{GOODBYE_ITEM, GOODBYE_MIN, GoodbyeItem, GoodbyeTail, heap_order};
pub use header::{HEADER_SIZE, Header, RecordKind};
pub use index::{INDEX_HEADER_SIZE, INDEX_ITEM_SIZE, INDEX_TAIL_SIZE, IndexHeader, IndexItem, IndexTail};
pub use message::{MESSAGE_CHUNK_MAX, MESSAGE_HEADER_SIZE, MESSAGE_MAX, MessageHeader, MessageKind, Priority};
pub use text::{SelinuxLabel, SymlinkTarget, XattrRecord, check_owner_name};

pub(crate) use header::{put, read};
pub(crate) use message::{emit_message, read_id};
pub(crate) use text::{emit_text, text_body};
