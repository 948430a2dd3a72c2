//! What every store has to do.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use casync::store::{Chain, Compressor, Form, Inventory, Listed, Loader, Put, Store};
use casync_core::chunk::ChunkId;
use casync_core::codec::Compression;
use casync_core::hash::DigestAlgorithm;
use casync_core::index::Piece;
use casync_tests::random::Rng;

use crate::faulty::{Fault, Faulty};
use crate::rows::Row;

const ALGORITHM: DigestAlgorithm = DigestAlgorithm::Sha512_256;

/// A chunk as it is and as it is stored.
struct Sample {
    piece: Piece,
    plain: Vec<u8>,
    packed: Vec<u8>,
}

fn samples(count: usize) -> Vec<Sample> {
    let mut rng = Rng::new(count as u64);
    let mut compressor = Compressor::new(Compression::Zstd).unwrap();
    let sample = |number: usize| {
        let plain = rng.bytes(1000 + number * 777);
        let packed = compressor.compress(&plain).unwrap().to_vec();
        let id = ChunkId::of(&plain, ALGORITHM);
        Sample { piece: Piece { number, id, start: 0, size: plain.len() as u64 }, plain, packed }
    };
    (0..count).map(sample).collect()
}

fn put(store: &dyn Store, sample: &Sample) {
    assert_eq!(store.put(&sample.piece.id, Form::Compressed, &sample.packed).unwrap(), Put::Stored);
}

fn get(store: &dyn Store, id: &ChunkId, form: Form) -> Option<Vec<u8>> {
    let mut bytes = b"what was there before".to_vec();
    store.get(id, form, &mut bytes).unwrap().then_some(bytes)
}

fn load(stores: Vec<Arc<dyn Store>>, sample: &Sample) -> casync::error::Result<Vec<u8>> {
    let chain = Chain::new(stores);
    let loaded = Loader::new(&chain, ALGORITHM).unwrap().load_one(&sample.piece)?;
    Ok(loaded.chunk.bytes().to_vec())
}

fn inventory(store: &dyn Store) -> &dyn Inventory {
    store.inventory().expect("this store can be listed")
}

/// What a store lists: chunks in their forms, and strangers.
fn listed(store: &dyn Store) -> (BTreeSet<(ChunkId, bool)>, Vec<String>) {
    let (mut chunks, mut strangers) = (BTreeSet::new(), Vec::new());
    let listed = inventory(store).list(&mut |listed| {
        match listed {
            Listed::Chunk(item) => {
                assert_eq!(item.path, store.path(&item.id, item.form));
                assert!(chunks.insert((item.id, item.form == Form::Compressed)), "{item:?} is listed twice");
            }
            Listed::Stranger(path) => strangers.push(path),
        }
        Ok(())
    });
    listed.unwrap();
    (chunks, strangers)
}

/// What a store lists is this, if it can be listed at all. Who must be able to is held to it by `lists_what_it_has`.
fn check_listed(store: &dyn Store, chunks: usize) {
    if store.inventory().is_some() {
        let (listed, strangers) = listed(store);
        assert_eq!((listed.len(), strangers), (chunks, Vec::new()));
    }
}

pub(crate) fn gives_back_what_was_put(row: &Row) {
    let (store, samples) = (row.open(), samples(3));
    samples.iter().for_each(|sample| put(&*store, sample));
    assert_eq!(store.put(&samples[2].piece.id, Form::Plain, &samples[2].plain).unwrap(), Put::Stored);
    store.finish().unwrap();
    for store in [store, row.open()] {
        for sample in &samples {
            assert_eq!(get(&*store, &sample.piece.id, Form::Compressed).unwrap(), sample.packed);
        }
        assert_eq!(get(&*store, &samples[2].piece.id, Form::Plain).unwrap(), samples[2].plain);
        assert_eq!(get(&*store, &samples[0].piece.id, Form::Plain), None);
    }
}

pub(crate) fn knows_what_it_has(row: &Row) {
    let (store, samples) = (row.open(), samples(2));
    put(&*store, &samples[0]);
    store.finish().unwrap();
    for store in [store, row.open()] {
        assert!(store.has(&samples[0].piece.id).unwrap() && store.hold(&samples[0].piece.id).unwrap());
        assert_eq!(store.stored_size(&samples[0].piece.id).unwrap(), Some(samples[0].packed.len() as u64));
        assert!(!store.has(&samples[1].piece.id).unwrap() && !store.hold(&samples[1].piece.id).unwrap());
        assert_eq!(store.stored_size(&samples[1].piece.id).unwrap(), None);
    }
}

pub(crate) fn has_nothing_at_first(row: &Row) {
    let (store, samples) = (row.open(), samples(1));
    let id = &samples[0].piece.id;
    assert!(!store.has(id).unwrap());
    assert_eq!(get(&*store, id, Form::Compressed), None);
    assert_eq!(get(&*store, id, Form::Plain), None);
    check_listed(&*store, 0);
    let error = load(vec![Arc::clone(&store)], &samples[0]).unwrap_err().report();
    assert!(error.contains(&id.to_string()) && error.contains(store.name()), "{error}");
}

pub(crate) fn keeps_what_is_there(row: &Row) {
    let (store, samples) = (row.open(), samples(2));
    put(&*store, &samples[0]);
    let other = &samples[1].packed;
    assert_eq!(store.put(&samples[0].piece.id, Form::Compressed, other).unwrap(), Put::Existed);
    assert_eq!(get(&*store, &samples[0].piece.id, Form::Compressed).unwrap(), samples[0].packed);
}

pub(crate) fn takes_one_chunk_from_many_at_once(row: &Row) {
    let (store, samples) = (row.open(), samples(4));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for sample in &samples {
                    store.put(&sample.piece.id, Form::Compressed, &sample.packed).unwrap();
                    // It is there as a whole for whoever has put it, or has been told that it is there.
                    assert_eq!(get(&*store, &sample.piece.id, Form::Compressed).unwrap(), sample.packed);
                }
            });
        }
    });
    check_listed(&*store, samples.len());
}

pub(crate) fn lets_bad_chunks_be_found_out(row: &Row) {
    let (store, samples) = (row.open(), samples(3));
    samples.iter().for_each(|sample| put(&*store, sample));
    let id = |number: usize| &samples[number].piece.id;
    let path = |number: usize| store.path(id(number), Form::Compressed);
    let half = &samples[1].packed[..samples[1].packed.len() / 2];
    for (number, bytes) in [(0, &samples[2].packed[..]), (1, half)] {
        inventory(&*store).replace(id(number), &path(number), bytes).unwrap();
        let error = load(vec![row.open()], &samples[number]).unwrap_err().report();
        assert!(error.contains(&id(number).to_string()) && error.contains(store.name()), "{error}");
    }
    assert_eq!(load(vec![row.open()], &samples[2]).unwrap(), samples[2].plain);
}

pub(crate) fn replaces_what_is_bad(row: &Row) {
    let (store, samples) = (row.open(), samples(1));
    let (id, path) = (&samples[0].piece.id, store.path(&samples[0].piece.id, Form::Compressed));
    for bytes in [&b"bad"[..], &samples[0].packed] {
        inventory(&*store).replace(id, &path, bytes).unwrap();
        assert_eq!(get(&*store, id, Form::Compressed).unwrap(), bytes);
    }
    assert_eq!(listed(&*store).0.len(), 1);
}

pub(crate) fn lists_what_it_has(row: &Row) {
    let (store, samples) = (row.open(), samples(20));
    for sample in &samples {
        put(&*store, sample);
    }
    assert_eq!(store.put(&samples[7].piece.id, Form::Plain, &samples[7].plain).unwrap(), Put::Stored);
    let mut expected: BTreeSet<_> = samples.iter().map(|sample| (sample.piece.id, true)).collect();
    expected.insert((samples[7].piece.id, false));
    for store in [store, row.open()] {
        assert_eq!(listed(&*store), (expected.clone(), Vec::new()));
    }
    let store = row.open();
    let error = inventory(&*store).list(&mut |_| Err(rustix::io::Errno::CANCELED.into())).unwrap_err();
    assert!(error.report().contains("cancel"), "who takes may give up: {error}");
}

pub(crate) fn removes_what_it_is_told_to(row: &Row) {
    let (store, samples) = (row.open(), samples(5));
    samples.iter().for_each(|sample| put(&*store, sample));
    let mut doomed = Vec::new();
    let keep = samples[4].piece.id;
    let listing = inventory(&*store).list(&mut |listed| {
        if let Listed::Chunk(item) = listed
            && item.id != keep
        {
            doomed.push(item);
        }
        Ok(())
    });
    listing.unwrap();
    assert_eq!(doomed.len(), 4);
    // The second time nothing is there any more, which is as well.
    for _ in 0..2 {
        let mut done = 0;
        inventory(&*store).remove(doomed.clone(), &mut |item, removed| {
            removed.unwrap_or_else(|error| panic!("{item:?}: {error}"));
            done += 1;
        });
        assert_eq!(done, 4);
    }
    for sample in &samples {
        assert_eq!(row.open().has(&sample.piece.id).unwrap(), sample.piece.id == keep);
    }
    assert_eq!(listed(&*store).0.len(), 1);
}

/// What even a store can do that answers for a chunk once, and has what it was given when it is finished.
pub(crate) fn has_all_once_it_is_finished(row: &Row) {
    let (store, samples) = (row.open(), samples(40));
    thread::scope(|scope| {
        for some in samples.chunks(10) {
            scope.spawn(|| some.iter().for_each(|sample| put(&*store, sample)));
        }
    });
    store.finish().unwrap();
    drop(store);
    let store = row.open();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for sample in &samples {
                    assert_eq!(load(vec![Arc::clone(&store)], sample).unwrap(), sample.plain);
                    assert!(store.has(&sample.piece.id).unwrap());
                }
            });
        }
    });
}

pub(crate) fn makes_up_for_faults_of_another(row: &Row) {
    let (store, samples) = (row.open(), samples(3));
    samples.iter().for_each(|sample| put(&*store, sample));
    store.finish().unwrap();
    for fault in
        [Fault::Missing, Fault::Damaged, Fault::Cut, Fault::Failing { nth: 1 }, Fault::Slow(Duration::from_millis(20))]
    {
        for sample in &samples {
            let faulty: Arc<dyn Store> = Arc::new(Faulty::new(row.open(), fault));
            let both = vec![Arc::clone(&faulty), row.open()];
            assert_eq!(load(both, sample).unwrap(), sample.plain, "{fault:?}");
            let alone = load(vec![faulty], sample);
            match fault {
                Fault::Slow(_) => assert_eq!(alone.unwrap(), sample.plain),
                // The second try may get through; bytes that come are right in any case.
                Fault::Failing { .. } => assert!(alone.is_err() || alone.unwrap() == sample.plain),
                _ => assert!(alone.unwrap_err().report().contains(&sample.piece.id.to_string())),
            }
        }
    }
}
