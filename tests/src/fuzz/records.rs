//! Single records of any bytes.

use casync_core::record::{
    AclDefault, AclEntry, ENTRY_SIZE, Entry, FeatureFlags, GOODBYE_ITEM, GoodbyeItem, GoodbyeTail, HEADER_SIZE, Header,
    INDEX_HEADER_SIZE, INDEX_ITEM_SIZE, IndexHeader, IndexItem, IndexTail, RecordKind, XattrRecord,
};

/// Records follow each other; what parses is emitted again as it was.
pub(super) fn record(mut bytes: &[u8]) {
    flags(bytes);
    index(bytes);
    while bytes.len() >= HEADER_SIZE {
        let Ok(header) = Header::parse(bytes) else { return };
        let mut emitted = Vec::new();
        header.emit(&mut emitted);
        assert_eq!(emitted, bytes[..HEADER_SIZE]);
        let Some(record) = usize::try_from(header.size).ok().and_then(|size| bytes.get(..size)) else { return };
        whole(header.kind, record);
        bytes = &bytes[record.len()..];
    }
}

/// A record that is all there.
fn whole(kind: RecordKind, record: &[u8]) {
    let mut emitted = Vec::new();
    match kind {
        RecordKind::Entry => Entry::parse(record).emit(&mut emitted),
        RecordKind::Xattr => match XattrRecord::parse(record) {
            Ok(xattr) => xattr.emit(&mut emitted),
            Err(_) => return,
        },
        RecordKind::AclUser | RecordKind::AclGroup | RecordKind::AclDefaultUser | RecordKind::AclDefaultGroup => {
            match AclEntry::parse(kind, record) {
                Ok(entry) => entry.emit(kind, &mut emitted),
                Err(_) => return,
            }
        }
        RecordKind::AclDefault => match AclDefault::parse(record) {
            Ok(acl) => acl.emit(&mut emitted),
            Err(_) => return,
        },
        RecordKind::Goodbye => {
            let tail = record.len() - GOODBYE_ITEM as usize;
            if let Ok(tail) = GoodbyeTail::parse(&record[tail..]) {
                assert_eq!((tail.size - 40) / GOODBYE_ITEM, tail.items());
            }
            for item in record[HEADER_SIZE..tail].chunks_exact(GOODBYE_ITEM as usize) {
                let GoodbyeItem { hash, offset, size } = GoodbyeItem::parse(item);
                emitted.clear();
                emitted.extend([offset, size, hash].into_iter().flat_map(u64::to_le_bytes));
                assert_eq!(emitted, item);
            }
            return;
        }
        _ => return,
    }
    assert_eq!(emitted, record, "{kind}");
}

/// The records of indexes have no header of their own.
fn index(bytes: &[u8]) {
    let mut emitted = Vec::new();
    if bytes.len() >= INDEX_HEADER_SIZE
        && let Ok(header) = IndexHeader::parse(bytes)
    {
        header.emit(&mut emitted);
        assert_eq!(emitted, bytes[..INDEX_HEADER_SIZE]);
    }
    for (number, item) in bytes.chunks_exact(INDEX_ITEM_SIZE).enumerate() {
        emitted.clear();
        match IndexTail::parse(item, number as u64) {
            Some(tail) => tail.emit(&mut emitted),
            None => IndexItem::parse(item).emit(&mut emitted),
        }
        assert_eq!(emitted, item);
    }
}

/// The feature flags at the place that they have in an ENTRY.
fn flags(bytes: &[u8]) {
    let Some(bits) = bytes.get(HEADER_SIZE..ENTRY_SIZE).and_then(<[u8]>::first_chunk) else { return };
    if let Ok(flags) = FeatureFlags::from_wire(u64::from_le_bytes(*bits)) {
        assert_eq!(flags.normalized(), flags);
        assert_eq!(flags.bits(), u64::from_le_bytes(*bits));
        let named = flags.names().map(|name| FeatureFlags::parse(name).unwrap());
        assert_eq!(named.fold(FeatureFlags::EMPTY, |set, flag| set | flag), flags & FeatureFlags::ALL);
        let replayed = flags.replayed(FeatureFlags::ALL);
        assert_eq!(FeatureFlags::from_wire(replayed.bits()), Ok(replayed));
    }
}
