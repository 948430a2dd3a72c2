//! Seed tables: what is written is read, however it is cut up; what is damaged or cannot be is refused.

use casync_core::cache::FileIdentity;
use casync_core::catab::{CatabEvent, CatabHeader, CatabReader, CatabStep, CatabWriter, SeedRoot};
use casync_core::chunk::{ChunkId, ChunkSizes};
use casync_core::error::{Error, Limited, Malformed, Unsupported, UsageError};
use casync_core::hash::{Digest, DigestAlgorithm};
use casync_core::record::FeatureFlags;
use casync_core::{Limits, Result};
use casync_tests::random::{Rng, for_each_seed};

#[derive(Clone, Debug, PartialEq)]
enum Item {
    Records(Vec<u8>),
    File(FileIdentity, Vec<u8>),
    Gap(u64),
    Chunk(ChunkId, u64),
}

const DAMAGED: Malformed = Malformed::SeedTable;

fn header(root: SeedRoot) -> CatabHeader {
    CatabHeader { features: FeatureFlags::SHA512_256, sizes: ChunkSizes::new(50, 100, 400).unwrap(), root }
}

fn tree() -> CatabHeader {
    header(SeedRoot::Tree(b"/home/someone".to_vec()))
}

fn identity(rng: &mut Rng, size: u64) -> FileIdentity {
    let mut time = || (rng.bits().cast_signed(), rng.below(1_000_000_000) as u32);
    let (mtime, ctime) = (time(), time());
    let generation = if rng.once_in(2) { None } else { Some(rng.bits() as u32) };
    FileIdentity { device: rng.bits(), inode: rng.bits(), generation, size, mtime, ctime }
}

fn id(rng: &mut Rng) -> ChunkId {
    Digest(rng.bytes(32).try_into().unwrap()).into()
}

/// Parts and chunks as a run comes across them.
fn items(rng: &mut Rng) -> Vec<Item> {
    let (mut items, mut size, mut cut) = (Vec::new(), 0, 0);
    for number in 0..rng.number(0..=30) {
        let part = 1 + rng.below(900);
        size += part;
        items.push(match rng.below(3) {
            0 => Item::Records(rng.bytes(part as usize)),
            1 => Item::File(identity(rng, part), format!("a/{number}").into_bytes()),
            _ => Item::Gap(part),
        });
        while size - cut >= 400 {
            let chunk = 1 + rng.below(400);
            items.push(Item::Chunk(id(rng), chunk));
            cut += chunk;
        }
    }
    if size > cut {
        items.push(Item::Chunk(id(rng), size - cut));
    }
    items
}

fn write(header: &CatabHeader, items: &[Item]) -> Result<Vec<u8>> {
    let mut file = Vec::new();
    let mut writer = CatabWriter::new(header, &mut file)?;
    for item in items {
        match item {
            Item::Records(bytes) => writer.records(bytes, &mut file)?,
            Item::File(identity, path) => writer.file(identity, path, &mut file)?,
            Item::Gap(size) => writer.gap(*size, &mut file)?,
            Item::Chunk(id, size) => writer.chunk(*id, *size, &mut file)?,
        }
    }
    writer.finish(&mut file)?;
    Ok(file)
}

/// Reads a table that comes in pieces of this size.
fn read(file: &[u8], piece: usize, limits: &Limits) -> Result<(Option<CatabHeader>, Vec<Item>)> {
    let mut reader = CatabReader::new(limits);
    let (mut header, mut items, mut end) = (None, Vec::new(), 0);
    for mut input in file.chunks(piece) {
        while let CatabStep::Did { used, event } = reader.step(input)? {
            input = &input[used..];
            match event {
                CatabEvent::Header(found) => header = Some(found),
                CatabEvent::Records(bytes) => match items.last_mut() {
                    Some(Item::Records(before)) => before.extend_from_slice(bytes),
                    _ => items.push(Item::Records(bytes.to_vec())),
                },
                CatabEvent::File { identity, path } => items.push(Item::File(identity, path.to_vec())),
                CatabEvent::Gap(size) => items.push(Item::Gap(size)),
                CatabEvent::Chunk { id, start, size } => {
                    assert_eq!(start, end);
                    end += size;
                    items.push(Item::Chunk(id, size));
                }
            }
        }
    }
    assert_eq!(reader.finish()?, end);
    Ok((header, items))
}

fn whole(file: &[u8]) -> Result<()> {
    read(file, file.len().max(1), &Limits::default()).map(drop)
}

/// The same with the right digest.
fn signed(mut file: Vec<u8>) -> Vec<u8> {
    let end = file.len() - 32;
    let digest = DigestAlgorithm::Sha256.digest(&file[..end]);
    file[end..].copy_from_slice(digest.as_bytes());
    file
}

fn what(result: Result<()>) -> Option<Malformed> {
    match result {
        Err(Error::Format { what, offset: Some(_) }) => Some(what),
        _ => None,
    }
}

#[test]
fn what_is_written_is_read() {
    for_each_seed(300, |rng| {
        let header = tree();
        let mut items = items(rng);
        let file = write(&header, &items).unwrap();
        // Neighbours are one part as well as two.
        items.dedup_by(|next, before| match (before, next) {
            (Item::Records(before), Item::Records(next)) => {
                before.append(next);
                true
            }
            _ => false,
        });
        for piece in [1, rng.number(1..=100), file.len()] {
            assert_eq!(read(&file, piece, &Limits::default()), Ok((Some(header.clone()), items.clone())));
        }
    });
}

#[test]
fn a_file_is_one_part_without_a_path() {
    let header = header(SeedRoot::File(b"/image".to_vec()));
    let rng = &mut Rng::new(5);
    let (whole, id) = (identity(rng, 300), id(rng));
    let items = [Item::File(whole, Vec::new()), Item::Chunk(id, 300)];
    let file = write(&header, &items).unwrap();
    assert_eq!(read(&file, 7, &Limits::default()), Ok((Some(header.clone()), items.to_vec())));
    for items in [
        &[Item::File(whole, b"path".to_vec())][..],
        &[Item::Records(vec![1])],
        &[Item::File(whole, Vec::new()), Item::File(whole, Vec::new())],
        &[Item::File(whole, Vec::new()), Item::Gap(1)],
    ] {
        assert!(matches!(write(&header, items), Err(Error::Usage(_))), "{items:?}");
    }
    // Only a file has none.
    let mut forged = file;
    forged[48] = 0;
    assert_eq!(what(self::whole(&signed(forged))), Some(DAMAGED));
}

#[test]
fn every_damage_is_noticed() {
    let rng = &mut Rng::new(9);
    let items = items(rng);
    let file = write(&tree(), &items).unwrap();
    for length in 0..file.len() {
        assert_eq!(whole(&file[..length]), Err(Error::Truncated { length: length as u64 }));
    }
    for at in 0..file.len() {
        let mut damaged = file.clone();
        damaged[at] ^= 1 << rng.below(8);
        assert!(whole(&damaged).is_err(), "at {at}");
    }
    assert_eq!(what(whole(&[&file[..], b"x"].concat())), Some(Malformed::TrailingData));
    let mut newer = file;
    newer[8] = 2;
    assert_eq!(whole(&newer), Err(Unsupported::SeedTable(2).into()));
    assert_eq!(what(whole(b"certainly not a table, but long enough for a header: 64 bytes....")), Some(DAMAGED));
}

/// Tables that somebody has signed all the same.
#[test]
fn what_cannot_be_is_refused() {
    let rng = &mut Rng::new(10);
    let (file, chunk) = (identity(rng, 300), id(rng));
    let items = [Item::File(file, b"a/b".to_vec()), Item::Chunk(chunk, 300)];
    let table = write(&tree(), &items).unwrap();
    let path = table.windows(3).position(|bytes| bytes == b"a/b").unwrap();
    let (record, end) = (path - 80, path + 3);
    let put = |at: usize, number: u64| {
        let mut table = table.clone();
        table[at..at + 8].copy_from_slice(&number.to_le_bytes());
        what(whole(&signed(table)))
    };
    assert_eq!(put(record + 8, file.device), None, "the right one");
    for (name, at, number) in [
        ("kind of root", 48, 2),
        ("tag", record, 0),
        ("tag", record, 6),
        ("generation", record + 24, 1 << 32),
        ("empty file", record + 32, 0),
        ("smaller file", record + 32, 299),
        ("larger file", record + 32, 301),
        ("nanoseconds", record + 48, 1_000_000_000),
        ("empty chunk", end + 8, 0),
        ("long chunk", end + 8, 301),
        ("short chunk", end + 8, 299),
        ("size", end + 48 + 8, 301),
    ] {
        assert_eq!(put(at, number), Some(DAMAGED), "{name} {number}");
    }
    for bad in [*b"../", *b"/ab", *b"a//", *b"a/.", *b"a\0b", *b"./a"] {
        let mut table = table.clone();
        table[path..end].copy_from_slice(&bad);
        assert_eq!(what(whole(&signed(table))), Some(DAMAGED), "{bad:?}");
    }
    for bad in ["", "home", "/home/", "//home", "/a/../b", "/./a"] {
        let refused = write(&header(SeedRoot::Tree(bad.into())), &[]);
        assert_eq!(refused, Err(UsageError::SeedPath.into()), "{bad}");
    }
    assert!(write(&header(SeedRoot::Tree(b"/".to_vec())), &items).is_ok());
}

#[test]
fn announced_sizes_take_no_memory() {
    let rng = &mut Rng::new(11);
    let header = tree();
    let table = write(&header, &[Item::File(identity(rng, 1), b"a".to_vec()), Item::Chunk(id(rng), 1)]).unwrap();
    let start = 64 + header.root.path().len();
    let limit = |table: Vec<u8>| whole(&table);
    let mut long = table.clone();
    long[56..64].copy_from_slice(&(1_u64 << 60).to_le_bytes());
    let refused = |value| Err(Error::Limit { what: Limited::Path, value, max: 1024 * 256 });
    assert_eq!(limit(long), refused(1 << 60));
    let mut long = table.clone();
    long[start + 72..start + 80].copy_from_slice(&u64::MAX.to_le_bytes());
    assert_eq!(limit(long), refused(u64::MAX));
    // Records are shown as they come.
    let mut records = table[..start].to_vec();
    records.extend([1_u64, 1 << 60].iter().flat_map(|number| number.to_le_bytes()));
    let length = records.len() as u64;
    assert_eq!(limit(records.clone()), Err(Error::Truncated { length }));
    let small = Limits::default().with_chunk(300);
    let refused = Error::Limit { what: Limited::Chunk, value: 400, max: 300 };
    assert_eq!(read(&table, 9, &small).map(drop), Err(refused));
    // The sum of all parts.
    let mut endless = table[..start].to_vec();
    for size in [1_u64 << 62, 1 << 62] {
        endless.extend([3, size].iter().flat_map(|number| number.to_le_bytes()));
    }
    assert!(matches!(limit(endless), Err(Error::Limit { what: Limited::Stream, .. })));
}

#[test]
fn nothing_is_read_after_an_error() {
    let mut reader = CatabReader::new(&Limits::default());
    assert!(reader.step(&[7; 100]).is_err());
    assert_eq!(reader.step(&[]), Err(UsageError::OutOfTurn.into()));
    assert_eq!(reader.finish(), Err(UsageError::OutOfTurn.into()));
}

#[test]
fn chunks_follow_their_parts() {
    let rng = &mut Rng::new(12);
    for items in [&[Item::Gap(10), Item::Chunk(id(rng), 11)][..], &[Item::Gap(10)], &[Item::Gap(u64::MAX)]] {
        assert_eq!(write(&tree(), items), Err(UsageError::OutOfTurn.into()), "{items:?}");
    }
    assert!(write(&tree(), &[Item::Records(Vec::new()), Item::Gap(0)]).is_ok());
}
