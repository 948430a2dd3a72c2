//! Records: what is emitted parses to the same.

use casync_core::chunk::{ChunkId, ChunkSizes};
use casync_core::error::{Error, Malformed};
use casync_core::hash::Digest;
use casync_core::record::{
    AclDefault, AclEntry, AclPermissions, ENTRY_SIZE, Entry, GOODBYE_ITEM, GOODBYE_MIN, GoodbyeItem, GoodbyeTail,
    HEADER_SIZE, Header, INDEX_HEADER_SIZE, INDEX_ITEM_SIZE, INDEX_TAIL_SIZE, IndexHeader, IndexItem, IndexTail,
    RecordKind, SelinuxLabel, SymlinkTarget, XattrRecord, check_owner_name,
};
use casync_core::{CHUNK_MAX, Name};
use casync_tests::random::{Rng, for_each_seed};
use casync_tests::tree;

/// All kinds.
pub(super) const KINDS: [RecordKind; 20] = [
    RecordKind::Entry,
    RecordKind::User,
    RecordKind::Group,
    RecordKind::Xattr,
    RecordKind::AclUser,
    RecordKind::AclGroup,
    RecordKind::AclGroupObj,
    RecordKind::AclDefault,
    RecordKind::AclDefaultUser,
    RecordKind::AclDefaultGroup,
    RecordKind::Selinux,
    RecordKind::Fcaps,
    RecordKind::QuotaProjid,
    RecordKind::Symlink,
    RecordKind::Device,
    RecordKind::Payload,
    RecordKind::Filename,
    RecordKind::Goodbye,
    RecordKind::Index,
    RecordKind::Table,
];

fn emitted(emit: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    emit(&mut bytes);
    bytes
}

fn permissions(rng: &mut Rng) -> AclPermissions {
    AclPermissions::new(rng.below(8)).unwrap()
}

#[test]
fn headers() {
    for kind in KINDS {
        let sizes = kind.sizes();
        for size in [*sizes.start(), *sizes.end()] {
            let header = Header { size, kind };
            let bytes = emitted(|out| header.emit(out));
            assert_eq!(bytes.len(), HEADER_SIZE);
            assert_eq!(Header::parse(&bytes), Ok(header));
            assert_eq!(header.body(), size - 16);
        }
        let outside = [sizes.start().checked_sub(1), sizes.end().checked_add(1)];
        for size in outside.into_iter().flatten() {
            let bytes = emitted(|out| Header { size, kind }.emit(out));
            assert_eq!(Header::parse(&bytes), Err(Malformed::RecordSize { kind, size }.into()));
        }
        assert_eq!(RecordKind::from_wire(kind as u64), Ok(kind));
        assert_eq!(kind.to_string(), kind.name());
    }
    for_each_seed(100, |rng| {
        let constant = rng.bits();
        assert_eq!(RecordKind::from_wire(constant), Err(Malformed::UnknownRecord(constant).into()));
    });
}

#[test]
fn entries() {
    for_each_seed(100, |rng| {
        let mut field = || rng.extreme();
        let entry =
            Entry { features: field(), mode: field(), flags: field(), uid: field(), gid: field(), mtime: field() };
        let bytes = emitted(|out| entry.emit(out));
        assert_eq!((bytes.len(), Entry::parse(&bytes)), (ENTRY_SIZE, entry));
        assert_eq!(Header::parse(&bytes), Ok(Header { size: 64, kind: RecordKind::Entry }));
    });
}

#[test]
fn acl_entries() {
    for_each_seed(300, |rng| {
        let name = rng.once_in(2).then(|| {
            let length = *rng.pick(&[1, 10, 255]);
            (0..length).map(|_| *rng.pick(b"abz09._-$ ")).collect()
        });
        let entry = AclEntry { id: rng.extreme() as u32, name, permissions: permissions(rng) };
        for kind in [RecordKind::AclUser, RecordKind::AclGroup, RecordKind::AclDefaultUser, RecordKind::AclDefaultGroup]
        {
            let bytes = emitted(|out| entry.emit(kind, out));
            assert_eq!(Header::parse(&bytes), Ok(Header { size: bytes.len() as u64, kind }));
            assert_eq!(AclEntry::parse(kind, &bytes), Ok(entry.clone()));
            // Without its last NUL, or with one too many, it is another size that no form has.
            let mut cut = bytes.clone();
            cut.pop();
            assert!(entry.name.is_none() || AclEntry::parse(kind, &cut).is_err());
            assert!(AclEntry::parse(kind, &[&bytes[..], b"\0"].concat()).is_err());
        }
    });
    for bits in [8, 9, 1 << 32, u64::MAX] {
        assert_eq!(AclPermissions::new(bits), Err(Malformed::AclPermissions(bits).into()));
    }
}

#[test]
fn default_acls() {
    for_each_seed(100, |rng| {
        let mask = rng.once_in(2).then(|| permissions(rng));
        let acl = AclDefault { user: permissions(rng), group: permissions(rng), other: permissions(rng), mask };
        let bytes = emitted(|out| acl.emit(out));
        assert_eq!((bytes.len(), AclDefault::parse(&bytes)), (48, Ok(acl)));
    });
}

#[test]
fn attributes() {
    for_each_seed(300, |rng| {
        let length = rng.number(1..=247);
        let letters: Vec<u8> = (0..length).map(|_| 1 + rng.below(255) as u8).collect();
        let name = [rng.pick(&["user.", "trusted."]).as_bytes(), &letters].concat();
        let length = *rng.pick(&[0, 1, 100, XattrRecord::VALUE_MAX]);
        let value = rng.bytes(length);
        let record = XattrRecord { name: &name, value: &value };
        let bytes = emitted(|out| record.emit(out));
        assert_eq!(XattrRecord::parse(&bytes), Ok(record));
        assert_eq!(Header::parse(&bytes).map(|header| header.size), Ok(bytes.len() as u64));
    });
    for name in [&b"user."[..], b"user", b"", b".user.a", b"USER.a", b"security.a", b"system.posix_acl_access"] {
        assert!(!XattrRecord::is_stored(name), "{name:?}");
        let bytes = emitted(|out| XattrRecord { name, value: b"" }.emit(out));
        assert_eq!(XattrRecord::parse(&bytes), Err(Malformed::XattrName.into()));
    }
}

#[test]
fn goodbye_tables() {
    for_each_seed(200, |rng| {
        let count = rng.number(0..=40) as u64;
        let mut children: Vec<(u64, u64, u64)> = (0..count)
            .map(|number| (rng.bits() >> *rng.pick(&[0, 60]), 64 + 100 * number, 164 + 100 * number))
            .collect();
        let position = 64 + 100 * count;
        let bytes = emitted(|out| GoodbyeTail::emit_table(&mut children, position, out));
        let size = GOODBYE_MIN + GOODBYE_ITEM * count;
        assert_eq!(Header::parse(&bytes), Ok(Header { size, kind: RecordKind::Goodbye }));
        assert_eq!(bytes.len() as u64, size);
        let tail = GoodbyeTail::parse(&bytes[(size - GOODBYE_ITEM) as usize..]).unwrap();
        assert_eq!((tail, tail.items()), (GoodbyeTail { entry_offset: position, size }, count));
        let item = |index| GoodbyeItem::parse(&bytes[GoodbyeTail::item_offset(index) as usize..]);
        let mut items: Vec<_> = (0..count).map(item).collect();
        for (index, found) in items.iter().enumerate() {
            // A search tree by hash, as a heap.
            for (child, is_left) in [(2 * index + 1, true), (2 * index + 2, false)] {
                let ordered = items
                    .get(child)
                    .is_none_or(|child| if is_left { child.hash <= found.hash } else { child.hash >= found.hash });
                assert!(ordered, "{index} and {child} of {items:x?}");
            }
        }
        items.sort();
        let mut expected: Vec<_> = children
            .iter()
            .map(|&(hash, start, end)| GoodbyeItem { hash, offset: position - start, size: end - start })
            .collect();
        expected.sort();
        assert_eq!(items, expected);
    });
}

#[test]
fn index_records() {
    for_each_seed(200, |rng| {
        let mut sizes = [0; 3].map(|_| 1 + rng.extreme() % CHUNK_MAX);
        sizes.sort_unstable();
        let sizes = ChunkSizes::new(sizes[0], sizes[1], sizes[2]).unwrap();
        let header = IndexHeader { features: tree::features(rng), sizes };
        let bytes = emitted(|out| header.emit(out));
        assert_eq!((bytes.len(), IndexHeader::parse(&bytes)), (INDEX_HEADER_SIZE, Ok(header)));

        let digest = Digest(rng.bytes(32).try_into().unwrap());
        let item = IndexItem { end: 1 + rng.extreme() / 2, id: ChunkId::from(digest) };
        let bytes = emitted(|out| item.emit(out));
        assert_eq!((bytes.len(), IndexItem::parse(&bytes)), (INDEX_ITEM_SIZE, item));
        assert_eq!(IndexTail::parse(&bytes, rng.below(1000)), None, "an item is never taken for a tail");

        let tail = IndexTail { items: rng.below(1 << 40) };
        let bytes = emitted(|out| tail.emit(out));
        assert_eq!((bytes.len(), IndexTail::parse(&bytes, tail.items)), (INDEX_TAIL_SIZE, Some(tail)));
        assert_eq!(IndexTail::parse(&bytes, tail.items + 1), None);
        assert!(IndexTail::is_like(&bytes));
    });
}

#[test]
fn ids_as_text() {
    for_each_seed(100, |rng| {
        let bytes: [u8; 32] = rng.bytes(32).try_into().unwrap();
        let id = ChunkId::from(Digest::from(bytes));
        let text = id.to_string();
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(format!("{:04x}", id.prefix()), text[..4]);
        assert_eq!((id.as_bytes(), Digest::from(id)), (&bytes, Digest(bytes)));
        let bad = Error::Usage(casync_core::error::UsageError::Digest);
        for wrong in [text.to_uppercase(), text[1..].to_owned(), format!("{text}0"), text.replace('a', "g")] {
            assert!(wrong == text || wrong.parse::<ChunkId>() == Err(bad.clone()), "{wrong}");
        }
    });
}

#[test]
fn texts() {
    for_each_seed(300, |rng| {
        let length = *rng.pick(&[0, 1, 2, 255, 256, 4095, 4096]);
        let text: Vec<u8> = (0..length).map(|_| *rng.pick(b"ab:/.\0\x01\xff")).collect();
        let has = |bytes: &[u8]| text.iter().any(|byte| bytes.contains(byte));
        let fits = |max| !text.is_empty() && text.len() <= max;
        let is_name = fits(255) && !has(b"\0/") && text != b"." && text != b"..";
        assert_eq!(Name::new(&text).is_ok(), is_name, "{text:?}");
        assert_eq!(Name::try_from(text.clone()).is_ok(), is_name, "{text:?}");
        assert_eq!(check_owner_name(&text).is_ok(), fits(255) && !has(b"\0/:\x01"), "{text:?}");
        assert_eq!(SymlinkTarget::check(&text).is_ok(), fits(4095) && !has(b"\0"), "{text:?}");
        assert_eq!(SelinuxLabel::check(&text).is_ok(), fits(4095) && !has(b"\0"), "{text:?}");
    });
    assert!(check_owner_name(b"root").is_err());
}
