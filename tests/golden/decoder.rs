//! `decoder.tsv` and `decoder/`: hand-made archives, good and bad.

use casync_core::Limits;
use casync_core::archive::{Decoder, Tree};
use casync_core::error::{Error, Malformed, Unsupported};
use casync_core::record::{FeatureFlags, RecordKind};
use casync_tests::ask::{Asked, Supply};
use casync_tests::members::{decode, decode_parts, encode, features};
use casync_tests::split::for_each_split;
use casync_tests::vectors;

fn read(case: &str) -> Vec<u8> {
    vectors::read(&format!("decoder/{case}.catar"))
}

/// The verdict of the table; what upstream writes and does not read (`accept?`) is read here.
fn is_accepted(should: &str) -> bool {
    match should {
        "accept" | "accept?" => true,
        "reject" => false,
        _ => panic!("no verdict {should}"),
    }
}

#[test]
fn verdicts_are_the_golden_ones() {
    for row in vectors::table("decoder.tsv").rows() {
        let case = row.get("case");
        let outcome = decode(&read(case)).outcome;
        assert_eq!(outcome.is_ok(), is_accepted(row.get("should")), "{case}: {outcome:?}");
    }
}

#[test]
fn splits_do_not_matter() {
    for row in vectors::table("decoder.tsv").rows() {
        let archive = read(row.get("case"));
        let whole = decode(&archive);
        for_each_split(&archive, |parts| {
            let parts = decode_parts(Decoder::new(&Limits::default()), parts);
            assert_eq!(parts.outcome, whole.outcome, "{row:?}");
            assert!(parts == whole, "{row:?}");
        });
    }
}

#[test]
fn accepted_archives_encode_to_the_same_bytes() {
    for row in vectors::table("decoder.tsv").rows().filter(|row| is_accepted(row.get("should"))) {
        let archive = read(row.get("case"));
        if row.get("case") == "depth-65-nodes" {
            continue;
        }
        assert!(encode(&decode(&archive).unwrap(), features(&archive)).unwrap() == archive, "{row:?}");
    }
}

#[test]
fn trees_show_what_decoders_show() {
    for row in vectors::table("decoder.tsv").rows() {
        let archive = read(row.get("case"));
        let tree = Tree::new(archive.len() as u64, &Limits::default());
        for supply in Supply::ALL {
            let asked = Asked::new(&archive, tree, supply);
            let walked = asked.walk(tree.root(), 200);
            if !is_accepted(row.get("should")) {
                // Much of what is wrong in an archive cannot be seen from the tables; but every question ends.
                continue;
            }
            let walked = walked.unwrap();
            let members = decode(&archive).unwrap();
            assert_eq!(walked.len(), members.len(), "{row:?}");
            for (found, member) in walked.iter().zip(&members) {
                assert_eq!((&found.name, &found.node), (&member.name, &member.node), "{row:?}");
                assert_eq!(found.located.entry, member.entry, "{row:?}");
                assert_eq!(found.content, member.entry + member.records.len() as u64, "{row:?}");
                assert_eq!(asked.find(&member.path).unwrap().as_ref(), Some(found), "{row:?}");
                assert_eq!(asked.node(found.located).unwrap().node, found.node, "{row:?}");
            }
        }
    }
}

#[test]
fn errors_name_what_is_wrong() {
    for row in vectors::table("decoder.tsv").rows().filter(|row| !is_accepted(row.get("should"))) {
        let case = row.get("case");
        let archive = read(case);
        let error = decode(&archive).outcome.unwrap_err();
        match (&error, expected(case)) {
            (Error::Format { what, offset: Some(offset) }, Some(expected)) => {
                assert_eq!(*what, expected, "{case}");
                assert!(*offset <= archive.len() as u64, "{case}");
            }
            (Error::Truncated { length }, None) => assert_eq!(*length, archive.len() as u64, "{case}"),
            (Error::Unsupported(what), None) => {
                assert_eq!((case, what), ("flags-unknown-bit", &Unsupported::FeatureFlags(1 << 34)));
            }
            (error, expected) => panic!("{case}: {error:?} instead of {expected:?}"),
        }
    }
}

/// Which rule a bad archive breaks; `None` if it is cut short or too new.
fn expected(case: &str) -> Option<Malformed> {
    use RecordKind as Kind;
    let default = FeatureFlags::from_wire(0xb000_0001_ffef_fe26).unwrap();
    let misplaced = Malformed::MisplacedRecord;
    let size = |kind, size| Malformed::RecordSize { kind, size };
    Some(match case {
        "no-goodbye" | "truncated-goodbye" | "truncated-header" | "truncated-payload" | "empty-input"
        | "flags-unknown-bit" | "payload-2^62" => return None,
        "trailing-garbage" => Malformed::TrailingData,
        "unsorted" | "duplicate-name" => Malformed::NameOrder,
        "name-slash" | "name-dot" | "name-dotdot" | "name-nul" => Malformed::Name,
        "name-empty" => size(Kind::Filename, 17),
        "name-256" => size(Kind::Filename, 273),
        "root-is-file" | "root-is-symlink" => Malformed::Root,
        "child-flags-differ" => Malformed::FlagsDiffer((default - FeatureFlags::ACL) | FeatureFlags::PERMISSIONS),
        "flags-not-normalized" => Malformed::FlagsNotNormalized(default | FeatureFlags::SEC_TIME),
        "usec-with-nsec" | "sec-with-nsec" => Malformed::Time(1_000_000_000_000_000_001),
        "mtime-all-ones" => Malformed::Time(u64::MAX),
        "uid16-65535" | "uid32-65535" => Malformed::Id(65_535),
        "uid32-4294967295" => Malformed::Id(u32::MAX.into()),
        "uid32-4294967296" => Malformed::Id(1 << 32),
        "user-root" => Malformed::OwnerName,
        "group-before-user" => misplaced(Kind::User),
        "xattr-dup" | "xattr-unsorted" => Malformed::XattrOrder,
        "xattr-no-dot" | "xattr-no-nul" | "xattr-dot-end" | "xattr-security" | "xattr-name-256" => Malformed::XattrName,
        "fcaps-flag-off" => Malformed::FeatureOff(Kind::Fcaps),
        "fcaps-on-dir" => misplaced(Kind::Fcaps),
        "projid-flag-off" => Malformed::FeatureOff(Kind::QuotaProjid),
        "projid-0" => Malformed::ProjectId(0),
        "projid-2^32" => Malformed::ProjectId(1 << 32),
        "projid-on-fifo" => misplaced(Kind::QuotaProjid),
        "fifo-with-payload" | "payload-on-dir" => misplaced(Kind::Payload),
        "symlink-4096" => size(Kind::Symlink, 4113),
        "symlink-empty" => size(Kind::Symlink, 17),
        "symlink-mode" => Malformed::Permissions(0o120_755),
        "symlink-xattr" => misplaced(Kind::Xattr),
        "device-major" | "device-minor" => Malformed::Device,
        "acl-no-group-obj" | "acl-default-user-no-mask" | "acl-default-user-alone" => Malformed::AclIncomplete,
        "acl-unsorted" | "acl-dup-id" => Malformed::AclOrder,
        "acl-group-first" | "acl-after-default" => misplaced(Kind::AclUser),
        "acl-perm-8" => Malformed::AclPermissions(8),
        "acl-default-on-file" => misplaced(Kind::AclDefault),
        "mode-type" => Malformed::FileType(0o030_644),
        "mode-high-bits" => Malformed::Permissions(0o1_100_644),
        "read-only-0644" => Malformed::Permissions(0o100_644),
        "no-perm-0755" => Malformed::Permissions(0o040_755),
        "flags-on-fifo" => Malformed::FileFlags(FeatureFlags::FLAG_SYNC.bits()),
        "flags-off-bit" => Malformed::FileFlags(FeatureFlags::FLAG_NODUMP.bits()),
        "subvolume-on-file" => Malformed::FileFlags(FeatureFlags::SUBVOLUME.bits()),
        "subvolume-ro-on-file" => Malformed::FileFlags(FeatureFlags::SUBVOLUME_RO.bits()),
        "entry-twice" => misplaced(Kind::Entry),
        "unknown-object" => Malformed::UnknownRecord(0x1234),
        "object-size-15" => size(Kind::Payload, 15),
        "object-size-max" => size(Kind::Payload, u64::MAX),
        "goodbye-entry-offset"
        | "goodbye-tail-size"
        | "goodbye-marker"
        | "goodbye-item-garbage"
        | "goodbye-no-items" => Malformed::Goodbye,
        _ => panic!("no error is known of {case}"),
    })
}
