//! Errors, sorted by who is at fault.

use core::fmt;

use crate::chunk::ChunkId;
use crate::record::{FeatureFlags, MessageKind, RecordKind};
use crate::session::Services;

/// Result of everything in this crate that can fail.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// What went wrong. Fields are numbers and ids; texts are made by `Display`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The bytes break the format.
    Format {
        /// Which rule they break.
        what: Malformed,
        /// Where the record or item starts, counted from the start of the input, if the failing part knows it.
        offset: Option<u64>,
    },
    /// The input ended inside something.
    Truncated {
        /// Bytes of input that were there.
        length: u64,
    },
    /// The bytes of a chunk do not belong to its id.
    Mismatch {
        /// The id that was asked for.
        expected: ChunkId,
        /// The id of the bytes.
        actual: ChunkId,
    },
    /// A configured limit was passed; see [`crate::Limits`].
    Limit {
        /// Which one.
        what: Limited,
        /// The value found.
        value: u64,
        /// The largest value allowed.
        max: u64,
    },
    /// The input is valid but needs something newer than this version.
    Unsupported(Unsupported),
    /// The caller asked for something that makes no sense.
    Usage(UsageError),
}

impl Error {
    /// Adds the place to a format error that does not know its own.
    #[must_use]
    pub(crate) fn at(self, place: u64) -> Self {
        match self {
            Self::Format { what, offset: None } => Self::Format { what, offset: Some(place) },
            other => other,
        }
    }
}

impl From<Malformed> for Error {
    fn from(what: Malformed) -> Self {
        Self::Format { what, offset: None }
    }
}

impl From<UsageError> for Error {
    fn from(error: UsageError) -> Self {
        Self::Usage(error)
    }
}

impl From<Unsupported> for Error {
    fn from(error: Unsupported) -> Self {
        Self::Unsupported(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format { what, offset: Some(offset) } => write!(f, "{what}, at offset {offset}"),
            Self::Format { what, offset: None } => write!(f, "{what}"),
            Self::Truncated { length } => write!(f, "input ends too early, after {length} bytes"),
            Self::Mismatch { expected, actual } => write!(f, "expected chunk {expected}, the bytes are {actual}"),
            Self::Limit { what, value, max } => write!(f, "{what} is {value}, more than the limit of {max}"),
            Self::Unsupported(what) => write!(f, "{what}"),
            Self::Usage(what) => write!(f, "{what}"),
        }
    }
}

impl core::error::Error for Error {}

/// A rule of the formats that the input breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    // Records in general.
    /// A record's size field is impossible for its kind.
    RecordSize {
        /// The kind.
        kind: RecordKind,
        /// The size field.
        size: u64,
    },
    /// No record kind has this type constant.
    UnknownRecord(u64),
    /// This record may not stand here.
    MisplacedRecord(RecordKind),
    /// This record is missing from a node.
    MissingRecord(RecordKind),
    /// Bytes follow where the input should have ended.
    TrailingData,

    // Feature flags.
    /// The flags are all ones.
    FlagsUnset,
    /// The flags hold combinations that a writer would have normalized away.
    FlagsNotNormalized(FeatureFlags),
    /// A node's flags differ from those of the archive or of the index.
    FlagsDiffer(FeatureFlags),
    /// A record is there whose feature is off.
    FeatureOff(RecordKind),

    // Nodes.
    /// The file type in the mode is none.
    FileType(u64),
    /// The mode's permission bits are not what the feature flags allow.
    Permissions(u64),
    /// A user or group id out of range.
    Id(u64),
    /// A modification time that does not fit the granularity.
    Time(u64),
    /// File flags that are not enabled or not possible for the file type.
    FileFlags(u64),
    /// A file name that is empty, too long, `.`, `..`, or holds `/` or NUL.
    Name,
    /// File names that do not strictly ascend.
    NameOrder,
    /// A user or group name that is not possible.
    OwnerName,
    /// A symbolic link target that is empty, too long or holds NUL.
    Target,
    /// A device number out of range.
    Device,
    /// An extended attribute without a possible name.
    XattrName,
    /// Extended attributes that do not strictly ascend.
    XattrOrder,
    /// A SELinux label that is empty or holds NUL.
    Label,
    /// A project id out of range.
    ProjectId(u64),
    /// ACL permissions with unknown bits.
    AclPermissions(u64),
    /// ACL entries that do not strictly ascend.
    AclOrder,
    /// An ACL without an entry that the others need.
    AclIncomplete,
    /// The root of the archive is no directory.
    Root,
    /// A goodbye table that does not describe its directory.
    Goodbye,

    // Indexes.
    /// Chunk sizes out of range or order.
    ChunkSizes,
    /// An item that does not end after the one before.
    ItemOrder,
    /// An item that is larger than the maximum chunk size.
    ItemSize(u64),
    /// The tail of the table is wrong.
    IndexTail,

    // Chunks.
    /// A chunk of another length than the index says.
    ChunkLength {
        /// Length by the index.
        expected: u64,
        /// Length found.
        actual: u64,
    },
    /// A stored chunk that starts like no known compression.
    UnknownCompression,
    /// A stored chunk that does not decompress.
    Compressed,

    // Caches and seed tables.
    /// An encoder cache that is not as it was written, or not for these settings.
    Cache,
    /// A seed table that is not as it was written, or none at all.
    SeedTable,

    // Sessions.
    /// No frame has this type constant.
    UnknownMessage(u64),
    /// A frame's size is impossible for its kind.
    MessageSize {
        /// The kind.
        kind: MessageKind,
        /// The size field.
        size: u64,
    },
    /// This frame may not come now, or not at all by what was agreed on.
    MisplacedMessage(MessageKind),
    /// Flags of a frame with unknown bits.
    MessageFlags(u64),
    /// The sides of a session do not fit: what the other one says.
    Services(Services),
    /// A failure that the other side reports in an impossible way.
    AbortReason,
    /// A chunk that nobody has asked for, or has had an answer for.
    Unrequested(ChunkId),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RecordSize { kind, size } => write!(f, "impossible size {size} of a {kind} record"),
            Self::UnknownRecord(kind) => write!(f, "unknown record type {kind:#018x}"),
            Self::MisplacedRecord(kind) => write!(f, "misplaced {kind} record"),
            Self::MissingRecord(kind) => write!(f, "missing {kind} record"),
            Self::TrailingData => f.write_str("data after the end"),
            Self::FlagsUnset => f.write_str("feature flags are not set"),
            Self::FlagsNotNormalized(flags) => write!(f, "contradictory feature flags {flags:#x}"),
            Self::FlagsDiffer(flags) => write!(f, "feature flags {flags:#x} differ from those before"),
            Self::FeatureOff(kind) => write!(f, "{kind} record although the feature flags exclude it"),
            Self::FileType(mode) => write!(f, "impossible file type in mode {mode:#o}"),
            Self::Permissions(mode) => write!(f, "mode {mode:#o} does not fit the feature flags"),
            Self::Id(id) => write!(f, "user or group id {id} out of range"),
            Self::Time(time) => write!(f, "modification time {time} does not fit the feature flags"),
            Self::FileFlags(flags) => write!(f, "file flags {flags:#x} are not possible here"),
            Self::Name => f.write_str("impossible file name"),
            Self::NameOrder => f.write_str("file names are not in ascending order"),
            Self::OwnerName => f.write_str("impossible user or group name"),
            Self::Target => f.write_str("impossible symbolic link target"),
            Self::Device => f.write_str("device number out of range"),
            Self::XattrName => f.write_str("impossible extended attribute name"),
            Self::XattrOrder => f.write_str("extended attributes are not in ascending order"),
            Self::Label => f.write_str("impossible SELinux label"),
            Self::ProjectId(id) => write!(f, "project id {id} out of range"),
            Self::AclPermissions(bits) => write!(f, "impossible ACL permissions {bits:#x}"),
            Self::AclOrder => f.write_str("ACL entries are not in ascending order"),
            Self::AclIncomplete => f.write_str("ACL lacks an entry that the others need"),
            Self::Root => f.write_str("root of the archive is not a directory"),
            Self::Goodbye => f.write_str("goodbye table does not describe its directory"),
            Self::ChunkSizes => f.write_str("impossible chunk sizes"),
            Self::ItemOrder => f.write_str("index item does not end after the one before"),
            Self::ItemSize(size) => write!(f, "index item of {size} bytes is larger than the maximum chunk size"),
            Self::IndexTail => f.write_str("tail of the index is damaged"),
            Self::ChunkLength { expected, actual } => {
                write!(f, "chunk has {actual} bytes, the index says {expected}")
            }
            Self::UnknownCompression => f.write_str("stored chunk is not compressed by a known method"),
            Self::Compressed => f.write_str("stored chunk does not decompress"),
            Self::Cache => f.write_str("the encoder cache is damaged"),
            Self::SeedTable => f.write_str("the seed table is damaged"),
            Self::UnknownMessage(kind) => write!(f, "unknown message type {kind:#018x}"),
            Self::MessageSize { kind, size } => write!(f, "impossible size {size} of a message {kind}"),
            Self::MisplacedMessage(kind) => write!(f, "unexpected message {kind}"),
            Self::MessageFlags(flags) => write!(f, "impossible message flags {flags:#x}"),
            Self::Services(services) => write!(f, "the other side is for something else: {services}"),
            Self::AbortReason => f.write_str("the other side reports a failure in an impossible way"),
            Self::Unrequested(id) => write!(f, "the other side sent chunk {id}, which was not asked for"),
        }
    }
}

/// A limit of [`crate::Limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limited {
    /// Bytes in one chunk.
    Chunk,
    /// Chunks in one index.
    IndexChunks,
    /// Nodes on a path, the root and the last one included.
    Depth,
    /// Entries in one directory.
    DirectoryEntries,
    /// Bytes of metadata of one node.
    NodeBytes,
    /// Bytes in the whole stream.
    Stream,
    /// Chunks that the other side of a session has asked for.
    Requests,
    /// Bytes in a path.
    Path,
}

impl fmt::Display for Limited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chunk => "chunk size",
            Self::IndexChunks => "number of chunks",
            Self::Depth => "depth of the tree",
            Self::DirectoryEntries => "number of directory entries",
            Self::NodeBytes => "metadata size of a node",
            Self::Stream => "size of the stream",
            Self::Requests => "number of requests",
            Self::Path => "length of a path",
        })
    }
}

/// Something that a newer version may be able to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsupported {
    /// Feature flags with bits that this version does not know.
    FeatureFlags(u64),
    /// A compression whose codec is not enabled in this build.
    Codec(&'static str),
    /// A decompressor that needs more memory than chunks may take.
    CodecMemory,
    /// Flags of a session that this version does not know.
    Services(u64),
    /// A version of seed tables.
    SeedTable(u64),
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FeatureFlags(bits) => write!(f, "unknown feature flags {bits:#x}: made by a newer version?"),
            Self::Codec(name) => write!(f, "{name} is not enabled in this build"),
            Self::CodecMemory => f.write_str("decompression needs too much memory"),
            Self::Services(bits) => write!(f, "unknown protocol flags {bits:#x}: a newer version?"),
            Self::SeedTable(version) => write!(f, "unknown version {version} of seed tables: made by a newer version?"),
        }
    }
}

/// A mistake of the caller or of the person who typed an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UsageError {
    /// A text that is no digest.
    Digest,
    /// A name of no digest algorithm.
    DigestAlgorithm,
    /// A name of no compression.
    Compression,
    /// A name of no feature or group of features.
    Feature,
    /// A text that is no size.
    Size,
    /// A size below zero, or one that does not fit 64 bits.
    SizeRange,
    /// Chunk sizes; the fields say which rule they break.
    ChunkSizes(ChunkSizesError),
    /// Input is longer than the maximum chunk size, and that is smaller than the window of the rolling hash.
    WindowTooLarge,
    /// A machine was called out of turn, for instance after it had failed.
    OutOfTurn,
    /// A node that the feature flags cannot hold, for instance an id above 16 bits.
    Unrepresentable(Unrepresentable),
    /// Bytes were handed over that nobody had asked for.
    NotAskedFor,
    /// Services that a session cannot be opened with.
    Services,
    /// A chunk that is empty, or larger than a frame can be.
    ChunkFrame(usize),
    /// This line of a `.caexclude` file is too long or has a component that is empty, `.` or `..`.
    ExcludeLine(u64),
    /// The path of a seed table's root is not absolute, or one of its files leads elsewhere than below it.
    SeedPath,
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digest => f.write_str("not a digest: 64 lower-case hexadecimal digits are expected"),
            Self::DigestAlgorithm => f.write_str("unknown digest algorithm"),
            Self::Compression => f.write_str("unknown compression"),
            Self::Feature => f.write_str("unknown feature flag"),
            Self::Size => f.write_str("not a size"),
            Self::SizeRange => f.write_str("a size below zero or above 2^64 - 1"),
            Self::ChunkSizes(error) => write!(f, "{error}"),
            Self::WindowTooLarge => {
                f.write_str("a maximum chunk size below 48 bytes only works with equal minimum, average and maximum")
            }
            Self::OutOfTurn => f.write_str("called out of turn"),
            Self::Unrepresentable(what) => write!(f, "{what}"),
            Self::NotAskedFor => f.write_str("these bytes were not asked for"),
            Self::Services => f.write_str("these services cannot be offered or asked for together"),
            Self::ChunkFrame(size) => write!(f, "a chunk of {size} bytes cannot be sent"),
            Self::SeedPath => f.write_str("a path that seed tables cannot have"),
            Self::ExcludeLine(line) => write!(f, "line {line} is no pattern that a path can match"),
        }
    }
}

/// Why chunk sizes are refused; the texts are upstream's (spec: chunking-and-index.md 1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChunkSizesError {
    /// Neither one number nor three.
    Count,
    /// The first of three numbers does not parse.
    ParseMin,
    /// The only number, or the second of three, does not parse.
    ParseAvg,
    /// The third number does not parse.
    ParseMax,
    /// Minimum below 1.
    MinTooSmall,
    /// Average below the minimum.
    AvgBelowMin,
    /// Average above the maximum.
    AvgAboveMax,
    /// Maximum above 2^27.
    MaxTooLarge,
    /// Average below 1.
    AvgTooSmall,
    /// Average above 2^27.
    AvgTooLarge,
}

impl fmt::Display for ChunkSizesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Count => {
                "--chunk-size= requires either a single average chunk size or a triplet of minimum, average and \
                 maximum chunk size."
            }
            Self::ParseMin => "Can't parse minimum chunk size",
            Self::ParseAvg => "Can't parse average chunk size",
            Self::ParseMax => "Can't parse maximum chunk size",
            Self::MinTooSmall => "Minimum chunk size must be >= 1.",
            Self::AvgBelowMin => "Average chunk size must be larger than minimum chunk size.",
            Self::AvgAboveMax => "Average chunk size must be smaller than maximum chunk size.",
            Self::MaxTooLarge => "Maximum chunk size must be <= 134217728.",
            Self::AvgTooSmall => "Average chunk size must be >= 1.",
            Self::AvgTooLarge => "Average chunk size must be <= 134217728.",
        })
    }
}

/// Why a node cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unrepresentable {
    /// A user or group id that is reserved (65535, 4294967295) or below the shift.
    Id(u64),
    /// A user or group id above 65535 with `16bit-uids`.
    WideId(u64),
    /// Names that are not handed over in ascending order.
    NameOrder,
    /// More nodes on a path than upstream can read.
    Depth,
    /// A symbolic link target, name or attribute outside of the format's limits.
    Value,
}

impl fmt::Display for Unrepresentable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "user or group id {id} cannot be stored"),
            Self::WideId(id) => write!(f, "user or group id {id} does not fit 16 bits"),
            Self::NameOrder => f.write_str("names do not come in ascending order"),
            Self::Depth => f.write_str("the tree is deeper than 64 nodes"),
            Self::Value => f.write_str("a value does not fit the format"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    /// One line, lower case, no final stop: they follow other words in messages.
    #[test]
    fn texts_fit_into_sentences() {
        let format = |what: Malformed| Error::from(what).at(7);
        let errors = [
            format(Malformed::RecordSize { kind: RecordKind::Entry, size: 9 }),
            format(Malformed::UnknownRecord(1)),
            format(Malformed::FlagsNotNormalized(FeatureFlags::ALL)),
            format(Malformed::NameOrder),
            format(Malformed::ChunkLength { expected: 1, actual: 2 }),
            Malformed::Compressed.into(),
            Error::Truncated { length: 3 },
            Error::Mismatch { expected: ChunkId::default(), actual: ChunkId::default() },
            Error::Limit { what: Limited::Depth, value: 65, max: 64 },
            Unsupported::FeatureFlags(1 << 40).into(),
            Unsupported::Codec("xz").into(),
            Unsupported::CodecMemory.into(),
            UsageError::Digest.into(),
            UsageError::OutOfTurn.into(),
            UsageError::SeedPath.into(),
            Malformed::SeedTable.into(),
            Unsupported::SeedTable(9).into(),
            UsageError::Unrepresentable(Unrepresentable::Id(65_535)).into(),
            UsageError::Unrepresentable(Unrepresentable::WideId(65_536)).into(),
            UsageError::Unrepresentable(Unrepresentable::NameOrder).into(),
            UsageError::Unrepresentable(Unrepresentable::Depth).into(),
            UsageError::Unrepresentable(Unrepresentable::Value).into(),
        ];
        for error in errors {
            let text = error.to_string();
            assert!(text.len() > 5 && !text.contains('\n') && !text.ends_with('.'), "{text:?}");
            let first = text.chars().next();
            // Names of records and methods keep theirs.
            assert!(first.is_some_and(|first| first.is_lowercase()) || text.starts_with("ACL"), "{text:?}");
        }
    }

    #[test]
    fn texts_say_what_and_where() {
        for (error, text) in [
            (Error::from(Malformed::NameOrder).at(80), "file names are not in ascending order, at offset 80"),
            (
                Error::Limit { what: Limited::Depth, value: 65, max: 64 },
                "depth of the tree is 65, more than the limit of 64",
            ),
            (Error::Truncated { length: 3 }, "input ends too early, after 3 bytes"),
            (Unsupported::Codec("xz").into(), "xz is not enabled in this build"),
        ] {
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn a_place_is_given_once() {
        let error = Error::from(Malformed::Name).at(1).at(2);
        assert_eq!(error, Error::Format { what: Malformed::Name, offset: Some(1) });
        assert_eq!(Error::Truncated { length: 3 }.at(1), Error::Truncated { length: 3 });
    }
}
