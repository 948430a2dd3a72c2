//! What `--json` prints: one object a line, with a `type` that says what it is.
//!
//! ```text
//! diff   {"type":"added","path":P, NODE...}      {"type":"removed","path":P, NODE...}
//!        {"type":"changed","path":P,"changes":[{"what":W, "name":N?, "from":X?, "to":X?}, ...]}
//!        (W is a word of the text output; "name" is that of an xattr; flags have "set":[...]? and "cleared":[...]? instead)
//!        {"type":"range","change":"added|removed|changed","start":0,"end":4096}          (blobs)
//!        {"type":"diff-summary","equal":false,"unit":"paths|bytes","added":1,"removed":0,"changed":2, "update":UPDATE?}
//! plan   {"type":"plan-source","kind":"zeros|repeats|seed|output|store|missing","name":N?,"chunks":1,"bytes":2,"stored_bytes":3?}
//!        {"type":"plan-summary","chunks":1,"bytes":2,"complete":true}
//! inspect one of these:
//!        {"type":"inspect-index","file":F?,"kind":"archive|blob","file_bytes":1,"features":FEATURES,"digest":"sha512-256|sha256",
//!         "chunk_size":{"min":1,"avg":2,"max":3},"chunks":1,"bytes":2,"found":{"min":1,"mean":2,"median":3,"max":4}?,
//!         "distinct":AMOUNT,"repeats":{"chunks":1,"bytes":2,"ids":1,"top":[{"id":I,"size":1,"count":2,"zeros":false},...]},
//!         "histogram":[{"from":1,"to":2,"chunks":1,"bytes":2},...],"store":STORE?,
//!         "against":{"in_place":AMOUNT,"moved":AMOUNT,"zeros":AMOUNT,"repeats":AMOUNT,"fetch":AMOUNT,"fetch_stored":STORE?}?}
//!        {"type":"inspect-archive","file":F?,"features":FEATURES,"digest":D,"bytes":1,"payload_bytes":2,"metadata_bytes":3,
//!         "nodes":1,"kinds":{"dir":1,"file":1,"link":1,"char":1,"block":1,"fifo":1,"socket":1},
//!         "with":{"xattrs":1,"acl":1,"default_acl":1,"selinux":1,"fcaps":1,"project_id":1,"flags":1},
//!         "flags":["flag-nodump",...],"depth":1,"largest":[{"path":P,"size":1},...]}
//!        {"type":"inspect-chunk","file":F?,"compression":"zstd|xz|gzip|none","stored_bytes":1,"bytes":2,
//!         "ids":{"sha512-256":I,"sha256":I},"named":I?,"fits":"sha512-256|sha256"?}
//!
//! list   {"type":"node","path":P, NODE...}
//! mtree  {"type":"node","path":P, NODE..., "digest":HEX?}                                 (of what is in a file)
//! stat   {"type":"node","path":P, NODE..., "digest":HEX?, "hardlink_digest":HEX?, "offset":0}
//! digest {"type":"digest","digest":HEX}
//! make   {"type":"made","output":P,"bytes":1,"digest":HEX?,"chunks":2?,"reused":3?}        (chunks: of indexes)
//! extract {"type":"extracted","output":P,"store_chunks":1,"store_bytes":2,"seed_chunks":3,"seed_bytes":4,
//!        "cloned_bytes":5,"linked_bytes":6,"holes":7,"unset":8}
//!        (cloned: by reference; linked: in files that are links to those of seeds; holes: bytes; unset: attributes that could not be set, with --best-effort)
//! fetch  {"type":"fetched","index":P,"bytes":1,"chunks":2,"stored_bytes":3,"there":4}
//!        (bytes: of the stream; chunks, stored_bytes: fetched; there: chunks that the cache had)
//! config {"type":"config","files":[F,...],"config":{...}}                              (with the names of the file)
//! gc     {"type":"gc-chunk","change":"remove|move|would-remove","file":P}                (with --verbose)
//!        {"type":"gc-summary","dry_run":false,"references":1,"live":2,"removed":3,"removed_bytes":4,"directories":5,
//!         "remaining":6,"young":7,"temporary":8}
//! verify {"type":"problem|repaired|remark","path":P?,"file":F?,"text":T}
//!        (path: of a node in a tree; file: a blob; the text has them too, with what is not printable escaped)
//!        {"type":"verify-summary","good":true,"unit":"chunk|node","looked_at":1,"bytes":2,"problems":3,"repaired":4,"remarks":5}
//!
//! NODE   "kind":"file|dir|link|char|block|fifo|socket","mode":"0644","size":5?,"target":T?,"device":"8:1"?,
//!        "uid":0?,"gid":0?,"user":U?,"group":G?,"mtime":"SECONDS.NANOSECONDS"?,"flags":["nodump",...]?,
//!        "xattrs":[{"name":N,"value":V},...]?,"acl":true?,"default_acl":true?,"selinux":L?,"fcaps":F?,"project_id":1?
//!
//! UPDATE {"chunks":1,"bytes":2,"stored_bytes":3?,"unavailable":0?,"shared_chunks":4,"shared_bytes":5}
//!
//! AMOUNT   {"chunks":1,"bytes":2}
//! STORE    {"chunks":1,"bytes":2,"stored_bytes":3,"missing":AMOUNT}
//! FEATURES {"bits":"b000000000000000","names":["user-names",...],"left_out":["nodump","submounts","caexclude"]}
//! ```
//!
//! `?` marks what is absent where there is none of it, or the archive does not store it. The order of fields is fixed, but
//! fields may be added, as may be types.
//!
//! Paths, names, targets and values may be any bytes. The rule for all of them: a field `x` that is valid UTF-8 is the
//! string `"x"`; one that is not is absent, and `"x_bytes"` holds it in base64 instead.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use casync_core::archive::{Content, Node, Timestamp, Xattr};
use casync_core::diff::Change;
use casync_core::plan::Sum;
use casync_core::record::FeatureFlags;
use rustix::io::Errno;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::Out;
use crate::error::{Error, Result};
use crate::flow::inspect::{ArchiveFacts, ChunkFacts, IndexFacts, LargestFile};

/// A line of output.
#[derive(Debug, serde::Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the module shows them all")]
pub enum Message<'a> {
    Added {
        #[serde(flatten)]
        path: Field<'a>,
        #[serde(flatten)]
        node: NodeFields<'a>,
    },
    Removed {
        #[serde(flatten)]
        path: Field<'a>,
        #[serde(flatten)]
        node: NodeFields<'a>,
    },
    Changed {
        #[serde(flatten)]
        path: Field<'a>,
        changes: Vec<ChangeFields<'a>>,
    },
    Range {
        change: &'static str,
        start: u64,
        end: u64,
    },
    DiffSummary {
        equal: bool,
        unit: &'static str,
        added: u64,
        removed: u64,
        changed: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        update: Option<Update>,
    },
    PlanSource {
        kind: &'static str,
        #[serde(flatten)]
        name: Field<'a>,
        #[serde(flatten)]
        sum: SumFields,
        #[serde(skip_serializing_if = "Option::is_none")]
        stored_bytes: Option<u64>,
    },
    PlanSummary {
        #[serde(flatten)]
        sum: SumFields,
        complete: bool,
    },
    Node {
        #[serde(flatten)]
        path: Field<'a>,
        #[serde(flatten)]
        node: NodeFields<'a>,
        #[serde(flatten)]
        more: NodeMore,
    },
    Digest {
        digest: String,
    },
    Made {
        #[serde(flatten)]
        output: Field<'a>,
        bytes: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        digest: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        chunks: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reused: Option<u64>,
    },
    Extracted {
        #[serde(flatten)]
        output: Field<'a>,
        store_chunks: u64,
        store_bytes: u64,
        seed_chunks: u64,
        seed_bytes: u64,
        cloned_bytes: u64,
        linked_bytes: u64,
        holes: u64,
        unset: u64,
    },
    GcChunk {
        change: &'static str,
        #[serde(flatten)]
        file: Field<'a>,
    },
    GcSummary {
        dry_run: bool,
        references: u64,
        live: u64,
        removed: u64,
        removed_bytes: u64,
        directories: u64,
        remaining: u64,
        young: u64,
        temporary: u64,
    },
    Problem {
        #[serde(flatten)]
        about: Field<'a>,
        text: String,
    },
    Repaired {
        text: String,
    },
    Remark {
        text: String,
    },
    Fetched {
        #[serde(flatten)]
        index: Field<'a>,
        bytes: u64,
        chunks: u64,
        stored_bytes: u64,
        there: u64,
    },
    Config {
        files: Vec<String>,
        config: Box<crate::config::File>,
    },
    VerifySummary {
        good: bool,
        unit: &'static str,
        looked_at: u64,
        bytes: u64,
        problems: u64,
        repaired: u64,
        remarks: u64,
    },
    InspectIndex {
        #[serde(flatten)]
        file: Field<'a>,
        kind: &'static str,
        #[serde(flatten)]
        facts: &'a IndexFacts,
    },
    InspectArchive {
        #[serde(flatten)]
        file: Field<'a>,
        #[serde(flatten)]
        facts: &'a ArchiveFacts,
    },
    InspectChunk {
        #[serde(flatten)]
        file: Field<'a>,
        #[serde(flatten)]
        facts: &'a ChunkFacts,
    },
}

/// What only some verbs know of a node.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct NodeMore {
    /// Of the payload, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Of metadata and payload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hardlink_digest: Option<String>,
    /// Where its first record is in the archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
}

/// Chunks and bytes.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct SumFields {
    chunks: u64,
    bytes: u64,
}

impl From<Sum> for SumFields {
    fn from(sum: Sum) -> Self {
        Self { chunks: sum.chunks, bytes: sum.bytes }
    }
}

/// What an update from the left to the right index takes.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Update {
    /// What only the right one has.
    #[serde(flatten)]
    pub fetch: SumFields,
    /// Bytes of it in the stores, as they are compressed there; `None` without any store that tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored_bytes: Option<u64>,
    /// Chunks of it that no store has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<u64>,
    /// Chunks that both have, or that need not be fetched at all.
    pub shared_chunks: u64,
    /// Bytes in those.
    pub shared_bytes: u64,
}

/// A field whose value may be any bytes, a number or a text, or that is not there at all.
#[derive(Clone, Debug)]
pub struct Field<'a> {
    key: &'static str,
    value: Value<'a>,
}

#[derive(Clone, Debug)]
enum Value<'a> {
    None,
    Number(u64),
    Text(String),
    Bytes(&'a [u8]),
    Names(Vec<&'static str>),
    Xattrs(&'a [Xattr]),
    Yes,
}

impl<'a> Field<'a> {
    /// Bytes, by the rule for all of them.
    pub const fn bytes(key: &'static str, bytes: &'a [u8]) -> Self {
        Self { key, value: Value::Bytes(bytes) }
    }

    /// The path of a node: `.` for the root.
    pub const fn path(path: &'a [u8]) -> Self {
        Self::bytes("path", if path.is_empty() { b"." } else { path })
    }

    /// Nothing.
    pub const fn none() -> Self {
        Self { key: "", value: Value::None }
    }

    fn some(key: &'static str, bytes: Option<&'a [u8]>) -> Self {
        bytes.map_or(Self::none(), |bytes| Self::bytes(key, bytes))
    }

    fn number(key: &'static str, number: impl Into<u64>) -> Self {
        Self { key, value: Value::Number(number.into()) }
    }

    fn text(key: &'static str, text: impl ToString) -> Self {
        Self { key, value: Value::Text(text.to_string()) }
    }

    fn mode(key: &'static str, bits: u32) -> Self {
        Self::text(key, format_args!("{bits:04o}"))
    }

    fn time(key: &'static str, time: Timestamp) -> Self {
        let (seconds, nanoseconds) = time.to_unix();
        Self::text(key, format_args!("{seconds}.{nanoseconds:09}"))
    }

    fn flags(key: &'static str, flags: FeatureFlags) -> Self {
        let names: Vec<&str> = flags.names().map(|name| name.strip_prefix("flag-").unwrap_or(name)).collect();
        if names.is_empty() { Self::none() } else { Self { key, value: Value::Names(names) } }
    }

    const fn xattrs(key: &'static str, xattrs: &'a [Xattr]) -> Self {
        if xattrs.is_empty() { Self::none() } else { Self { key, value: Value::Xattrs(xattrs) } }
    }

    const fn yes(key: &'static str, is: bool) -> Self {
        if is { Self { key, value: Value::Yes } } else { Self::none() }
    }
}

impl Field<'_> {
    fn entry<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        match &self.value {
            Value::None => Ok(()),
            Value::Yes => map.serialize_entry(self.key, &true),
            Value::Number(number) => map.serialize_entry(self.key, number),
            Value::Text(text) => map.serialize_entry(self.key, text),
            Value::Names(names) => map.serialize_entry(self.key, names),
            Value::Xattrs(xattrs) => {
                let xattrs: Vec<Attribute<'_>> = xattrs.iter().map(Attribute).collect();
                map.serialize_entry(self.key, &xattrs)
            }
            Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => map.serialize_entry(self.key, text),
                Err(_) => map.serialize_entry(&format!("{}_bytes", self.key), &STANDARD.encode(bytes)),
            },
        }
    }
}

impl Serialize for Field<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields(serializer, [self.clone()])
    }
}

struct Attribute<'a>(&'a Xattr);

impl Serialize for Attribute<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields(serializer, [Field::bytes("name", &self.0.name), Field::bytes("value", &self.0.value)])
    }
}

fn fields<'a, S: Serializer>(serializer: S, fields: impl IntoIterator<Item = Field<'a>>) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    fields.into_iter().try_for_each(|field| field.entry(&mut map))?;
    map.end()
}

/// All that an archive with certain feature flags stores of a node.
#[derive(Clone, Copy, Debug)]
pub struct NodeFields<'a> {
    node: &'a Node,
    features: FeatureFlags,
}

impl<'a> NodeFields<'a> {
    /// Of a node in an archive with these feature flags.
    pub const fn new(node: &'a Node, features: FeatureFlags) -> Self {
        Self { node, features }
    }

    fn fields(&self) -> Vec<Field<'a>> {
        let Node { metadata, content } = self.node;
        let mut fields =
            vec![Field::text("kind", content.file_type().name()), Field::mode("mode", metadata.permissions)];
        match content {
            Content::Regular { size } => fields.push(Field::number("size", *size)),
            Content::Symlink { target } => fields.push(Field::bytes("target", target)),
            Content::Block(device) | Content::Character(device) => fields.push(Field::text("device", device)),
            Content::Directory | Content::Fifo | Content::Socket => {}
        }
        if self.features.intersects(FeatureFlags::UIDS) {
            fields.push(Field::number("uid", metadata.uid));
            fields.push(Field::number("gid", metadata.gid));
        }
        let counts = |flag| self.features.contains(flag);
        if counts(FeatureFlags::USER_NAMES) {
            fields.push(Field::some("user", metadata.user.as_deref()));
            fields.push(Field::some("group", metadata.group.as_deref()));
        }
        if self.features.time_granularity().is_some() {
            fields.push(Field::time("mtime", metadata.mtime));
        }
        fields.push(Field::flags("flags", metadata.flags & self.features));
        if counts(FeatureFlags::XATTRS) {
            fields.push(Field::xattrs("xattrs", &metadata.xattrs));
        }
        if counts(FeatureFlags::ACL) {
            fields.push(Field::yes("acl", metadata.acl.is_some()));
            fields.push(Field::yes("default_acl", metadata.default_acl.is_some()));
        }
        if counts(FeatureFlags::SELINUX) {
            fields.push(Field::some("selinux", metadata.selinux.as_deref()));
        }
        if counts(FeatureFlags::FCAPS) {
            fields.push(Field::some("fcaps", metadata.fcaps.as_deref()));
        }
        if counts(FeatureFlags::QUOTA_PROJID) {
            fields.push(metadata.project_id.map_or(Field::none(), |id| Field::number("project_id", id)));
        }
        fields
    }
}

impl Serialize for NodeFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields(serializer, self.fields())
    }
}

/// One thing that differs: `what`, and its old and new value where they are not too large or too involved to be shown.
#[derive(Clone, Debug)]
pub struct ChangeFields<'a>(pub Change<'a>);

impl Serialize for ChangeFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (from, to) = ("from", "to");
        let mut all = vec![Field::text("what", self.0.key())];
        let values = match &self.0 {
            Change::Type { from: before, to: after } => {
                [Field::text(from, before.name()), Field::text(to, after.name())]
            }
            Change::Size { from: before, to: after } => [Field::number(from, *before), Field::number(to, *after)],
            Change::Target { from: before, to: after } => [Field::bytes(from, before), Field::bytes(to, after)],
            Change::Device { from: before, to: after } => [Field::text(from, before), Field::text(to, after)],
            Change::Mode { from: before, to: after } => [Field::mode(from, *before), Field::mode(to, *after)],
            Change::Uid { from: before, to: after } | Change::Gid { from: before, to: after } => {
                [Field::number(from, *before), Field::number(to, *after)]
            }
            Change::User { from: before, to: after }
            | Change::Group { from: before, to: after }
            | Change::Selinux { from: before, to: after }
            | Change::Fcaps { from: before, to: after } => [Field::some(from, *before), Field::some(to, *after)],
            Change::Mtime { from: before, to: after } => [Field::time(from, *before), Field::time(to, *after)],
            Change::Flags { set, cleared } => [Field::flags("set", *set), Field::flags("cleared", *cleared)],
            Change::Xattr { name, from: before, to: after } => {
                all.push(Field::bytes("name", name));
                [Field::some(from, *before), Field::some(to, *after)]
            }
            Change::Acl { from: before, to: after } => {
                [Field::yes(from, before.is_some()), Field::yes(to, after.is_some())]
            }
            Change::DefaultAcl { from: before, to: after } => {
                [Field::yes(from, before.is_some()), Field::yes(to, after.is_some())]
            }
            Change::ProjectId { from: before, to: after } => {
                [Field::number(from, before.unwrap_or_default()), Field::number(to, after.unwrap_or_default())]
            }
            _ => [Field::none(), Field::none()],
        };
        all.extend(values);
        fields(serializer, all)
    }
}

impl Serialize for LargestFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields(serializer, [Field::path(&self.path), Field::number("size", self.size)])
    }
}

/// Prints a message.
///
/// # Errors
///
/// As [`Out::line`].
pub fn print(out: &mut Out, message: &Message<'_>) -> Result<()> {
    let line = serde_json::to_string(message).map_err(|error| Error::new(Errno::IO, error.to_string()))?;
    out.line(line)
}

/// Prints a message at once, from any thread. That nobody reads any more will be found by whoever prints the summary.
pub fn tell(message: &Message<'_>) {
    let mut out = Out::new();
    let _ = print(&mut out, message).and_then(|()| out.finish());
}
