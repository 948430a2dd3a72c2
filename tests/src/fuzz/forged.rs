//! Archives with right tables around records of any kind and content: what plain mutation seldom reaches, since any change
//! of length makes the tables wrong.

use casync_core::archive::FileType;
use casync_core::record::{ENTRY_SIZE, Entry, FEATURES, FeatureFlags, RecordKind};

use super::archives;
use crate::craft::{self, Directory};

/// Reads the input as instructions how to put an archive together, and the archive as any other.
pub(super) fn forged(input: &[u8]) {
    let mut forge = Forge { input, features: FeatureFlags::EMPTY, left: 40 };
    forge.features = forge.flags();
    let root = forge.directory(0);
    archives::decoder(&root);
    archives::tree(&root);
}

struct Forge<'a> {
    /// Instructions that are left; after the last they are all zero.
    input: &'a [u8],
    features: FeatureFlags,
    /// Nodes that may still be added.
    left: usize,
}

impl Forge<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.input.split_first() else { return 0 };
        self.input = rest;
        byte
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.byte()).collect()
    }

    fn number(&mut self) -> u64 {
        // Few bytes, so that small numbers and zero are likely.
        let length = self.byte() % 10;
        if length == 9 { u64::MAX } else { (0..length).fold(0, |number, _| number << 8 | u64::from(self.byte())) }
    }

    fn flags(&mut self) -> FeatureFlags {
        let bits = self.bytes(5);
        let is_set = |index: usize| bits[index / 8] >> (index % 8) & 1 == 1;
        let chosen = FEATURES.iter().enumerate().filter(|(index, _)| is_set(*index));
        chosen.fold(FeatureFlags::EMPTY, |set, (_, feature)| set | feature.flag).normalized()
    }

    /// An ENTRY that is mostly possible, and metadata records that may be anything.
    fn head(&mut self, file_type: FileType) -> Vec<u8> {
        let mut entry = Entry { features: self.features.bits(), mode: file_type.bits().into(), ..Entry::default() };
        let any = self.features.intersects(FeatureFlags::PERMISSIONS | FeatureFlags::ACL);
        entry.mode |= match (self.byte(), file_type) {
            (251.., _) => self.number(),
            (_, FileType::Symlink) => 0o777,
            (permissions, _) if any => u64::from(permissions) << 2,
            (_, FileType::Directory) => 0o777,
            _ => 0o666,
        };
        if self.byte() > 220 {
            (entry.flags, entry.uid, entry.gid, entry.mtime) =
                (self.number(), self.number(), self.number(), self.number());
        }
        let mut records = Vec::with_capacity(ENTRY_SIZE);
        entry.emit(&mut records);
        // Few but ordered kinds are possible in most places.
        let mut kinds: Vec<u8> = (0..self.byte() % 6).map(|_| self.byte() % 16).collect();
        if self.byte() < 200 {
            kinds.sort_unstable();
        }
        for kind in kinds {
            records.extend(self.metadata(kind));
        }
        records
    }

    fn metadata(&mut self, kind: u8) -> Vec<u8> {
        use RecordKind as Kind;
        const KINDS: [RecordKind; 16] = [
            Kind::User,
            Kind::Group,
            Kind::Xattr,
            Kind::Xattr,
            Kind::AclUser,
            Kind::AclGroup,
            Kind::AclGroupObj,
            Kind::AclDefault,
            Kind::AclDefaultUser,
            Kind::AclDefaultGroup,
            Kind::Selinux,
            Kind::Fcaps,
            Kind::QuotaProjid,
            Kind::Entry,
            Kind::Symlink,
            Kind::Payload,
        ];
        let kind = KINDS[usize::from(kind)];
        let length = usize::from(self.byte() % 20);
        let mut body = Vec::new();
        match kind {
            Kind::User | Kind::Group | Kind::Selinux => body.push(b'a' + self.byte() % 30),
            Kind::Xattr => body.extend_from_slice(b"user."),
            Kind::AclUser | Kind::AclGroup | Kind::AclDefaultUser | Kind::AclDefaultGroup => {
                body.extend([self.number(), u64::from(self.byte() % 9)].into_iter().flat_map(u64::to_le_bytes));
            }
            Kind::AclGroupObj | Kind::QuotaProjid => {
                body.extend(self.number().to_le_bytes());
                return craft::record(kind, &body);
            }
            Kind::AclDefault => {
                for _ in 0..4 {
                    body.extend(if self.byte() > 240 { u64::MAX } else { u64::from(self.byte() % 9) }.to_le_bytes());
                }
                return craft::record(kind, &body);
            }
            _ => {}
        }
        body.extend(self.bytes(length));
        if kind != Kind::Fcaps && length > 0 {
            body.push(0);
        }
        craft::record(kind, &body)
    }

    fn node(&mut self, depth: usize) -> Vec<u8> {
        match self.byte() % 8 {
            0 | 1 if depth < 66 => self.directory(depth),
            2 => [self.head(FileType::Symlink), self.text(RecordKind::Symlink)].concat(),
            3 => {
                let file_type = if self.byte() > 128 { FileType::Block } else { FileType::Character };
                let head = self.head(file_type);
                let device = [u64::from(self.byte()), self.number()].map(u64::to_le_bytes).concat();
                [head, craft::record(RecordKind::Device, &device)].concat()
            }
            4 => self.head(FileType::Fifo),
            5 => self.head(FileType::Socket),
            _ => {
                let length = usize::from(self.byte());
                [self.head(FileType::Regular), craft::record(RecordKind::Payload, &self.bytes(length))].concat()
            }
        }
    }

    fn text(&mut self, kind: RecordKind) -> Vec<u8> {
        let length = usize::from(self.byte() % 30);
        let mut body = self.bytes(length);
        body.push(0);
        craft::record(kind, &body)
    }

    fn directory(&mut self, depth: usize) -> Vec<u8> {
        let mut directory = Directory::new(self.head(FileType::Directory));
        // Names ascend by themselves, unless the instructions say otherwise.
        let mut first = b'A';
        for _ in 0..self.byte() % 5 {
            if self.left == 0 {
                break;
            }
            self.left -= 1;
            first += 1;
            let length = usize::from(self.byte() % 4);
            let name = if self.byte() > 250 { self.bytes(length) } else { [vec![first], self.bytes(length)].concat() };
            let node = self.node(depth + 1);
            directory = directory.with(&name, &node);
        }
        directory.finish()
    }
}
