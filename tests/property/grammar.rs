//! Every kind of record in every place of an archive: refused where it may not stand, and only there (catar.md 8).

use casync_core::archive::FileType;
use casync_core::error::{Error, Malformed};
use casync_core::record::{FeatureFlags, RecordKind};
use casync_tests::craft::{self, filename, record};
use casync_tests::members::decode;

use super::records::KINDS;

fn features() -> FeatureFlags {
    FeatureFlags::ALL.normalized()
}

fn entry(file_type: FileType) -> Vec<u8> {
    let permissions = if file_type == FileType::Symlink { 0o777 } else { 0o644 };
    craft::entry(features(), u64::from(file_type.bits()) | permissions)
}

/// The shortest record of a kind; what is in it does not matter where it may not stand.
fn shortest(kind: RecordKind) -> Vec<u8> {
    record(kind, &vec![0; *kind.sizes().start() as usize - 16])
}

/// Which kinds are refused behind `before` for where they stand.
fn misplaced(before: &[u8]) -> Vec<RecordKind> {
    let refused = |kind: &RecordKind| {
        let outcome = decode(&[before, &shortest(*kind), &[0; 16]].concat()).outcome;
        let place = Some(before.len() as u64);
        outcome == Err(Error::Format { what: Malformed::MisplacedRecord(*kind), offset: place })
    };
    KINDS.into_iter().filter(refused).collect()
}

fn all_but(possible: &[RecordKind]) -> Vec<RecordKind> {
    KINDS.into_iter().filter(|kind| !possible.contains(kind)).collect()
}

#[test]
fn a_node_begins_with_its_entry() {
    assert_eq!(misplaced(b""), all_but(&[RecordKind::Entry]));
    let named = [entry(FileType::Directory), filename(b"a")].concat();
    assert_eq!(misplaced(&named), all_but(&[RecordKind::Entry]));
}

#[test]
fn between_entries_there_are_names() {
    let file = [entry(FileType::Regular), record(RecordKind::Payload, b"x")].concat();
    let before = [entry(FileType::Directory), filename(b"a"), file].concat();
    assert_eq!(misplaced(&before), all_but(&[RecordKind::Filename, RecordKind::Goodbye]));
}

#[test]
fn each_type_has_its_metadata_and_content() {
    use RecordKind as Kind;
    let owner = [Kind::User, Kind::Group, Kind::Selinux];
    let acl = [Kind::AclUser, Kind::AclGroup, Kind::AclGroupObj];
    let attributes = [Kind::Xattr, Kind::QuotaProjid];
    let default_acl = [Kind::AclDefault, Kind::AclDefaultUser, Kind::AclDefaultGroup];
    let end = [Kind::Filename, Kind::Goodbye];
    let root = entry(FileType::Directory);
    for (file_type, possible) in [
        (FileType::Directory, [&owner[..], &acl, &attributes, &default_acl, &end].concat()),
        (FileType::Regular, [&owner[..], &acl, &attributes, &[Kind::Fcaps, Kind::Payload]].concat()),
        (FileType::Symlink, [&owner[..], &[Kind::Symlink]].concat()),
        (FileType::Block, [&owner[..], &acl, &[Kind::Device]].concat()),
        (FileType::Character, [&owner[..], &acl, &[Kind::Device]].concat()),
        (FileType::Fifo, [&owner[..], &acl, &end].concat()),
        (FileType::Socket, [&owner[..], &acl, &end].concat()),
    ] {
        let node = [root.clone(), filename(b"a"), entry(file_type)].concat();
        assert_eq!(misplaced(&node), all_but(&possible), "{file_type:?}");
    }
}

/// Metadata comes in one order; some kinds may repeat.
#[test]
fn metadata_has_an_order() {
    use RecordKind as Kind;
    let number = |value: u64| value.to_le_bytes().to_vec();
    let acl_entry = [number(1), number(7)].concat();
    let permissions = [7_u64, 5, 5, 7].map(u64::to_le_bytes).concat();
    // In order, each possible in a directory, with the records that may repeat.
    let order = [
        (Kind::User, record(Kind::User, b"me\0"), false),
        (Kind::Group, record(Kind::Group, b"us\0"), false),
        (Kind::Xattr, record(Kind::Xattr, b"user.a\0"), true),
        (Kind::AclUser, record(Kind::AclUser, &acl_entry), true),
        (Kind::AclGroup, record(Kind::AclGroup, &acl_entry), true),
        (Kind::AclGroupObj, record(Kind::AclGroupObj, &number(7)), false),
        (Kind::AclDefault, record(Kind::AclDefault, &permissions), false),
        (Kind::AclDefaultUser, record(Kind::AclDefaultUser, &acl_entry), true),
        (Kind::AclDefaultGroup, record(Kind::AclDefaultGroup, &acl_entry), true),
        (Kind::Selinux, record(Kind::Selinux, b"label\0"), false),
        (Kind::QuotaProjid, record(Kind::QuotaProjid, &number(9)), false),
    ];
    let mut before = entry(FileType::Directory);
    for (number, (kind, bytes, repeats)) in order.iter().enumerate() {
        before.extend_from_slice(bytes);
        let later = order[number + 1..].iter().map(|(kind, ..)| *kind);
        let again = repeats.then_some(*kind);
        let possible: Vec<Kind> = later.chain(again).chain([Kind::Filename, Kind::Goodbye]).collect();
        assert_eq!(misplaced(&before), all_but(&possible), "behind {kind}");
    }
}

/// A record whose feature is off is refused for that.
#[test]
fn records_need_their_features() {
    use RecordKind as Kind;
    for (kind, feature) in [
        (Kind::User, FeatureFlags::USER_NAMES),
        (Kind::Group, FeatureFlags::USER_NAMES),
        (Kind::Xattr, FeatureFlags::XATTRS),
        (Kind::AclUser, FeatureFlags::ACL),
        (Kind::AclGroupObj, FeatureFlags::ACL),
        (Kind::AclDefault, FeatureFlags::ACL),
        (Kind::Selinux, FeatureFlags::SELINUX),
        (Kind::Fcaps, FeatureFlags::FCAPS),
        (Kind::QuotaProjid, FeatureFlags::QUOTA_PROJID),
    ] {
        let features = ((features() - feature) | FeatureFlags::PERMISSIONS).normalized();
        let root = craft::entry(features, 0o040_755);
        let before = [root, filename(b"a"), craft::entry(features, 0o100_644)].concat();
        let outcome = decode(&[&before[..], &shortest(kind)].concat()).outcome;
        let place = Some(before.len() as u64);
        assert_eq!(outcome, Err(Error::Format { what: Malformed::FeatureOff(kind), offset: place }));
    }
}
