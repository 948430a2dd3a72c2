//! Plans: every chunk of a stream is counted once, for the first source that has it.

use std::collections::{BTreeMap, BTreeSet};

use casync_core::Limits;
use casync_core::chunk::{ChunkId, ChunkSizes};
use casync_core::error::{Error, Limited};
use casync_core::hash::DigestAlgorithm;
use casync_core::plan::{Plan, Sum};
use casync_tests::random::{Rng, for_each_seed};

const ALGORITHM: DigestAlgorithm = DigestAlgorithm::Sha512_256;

fn sizes() -> ChunkSizes {
    ChunkSizes::new(64, 256, 5000).unwrap()
}

/// Ids of few different chunks, sizes by id; some are of zeros.
fn stream(rng: &mut Rng) -> Vec<(ChunkId, u64)> {
    let zeros = ChunkId::of(&[0; 5000], ALGORITHM);
    let chunk = |number: u64| (ChunkId::of(&number.to_le_bytes(), ALGORITHM), 1 + number * 17 % 5000);
    let (kinds, length) = (1 + rng.below(60), rng.number(0..=100));
    let pick = |_| if rng.once_in(8) { (zeros, 5000) } else { chunk(rng.below(kinds)) };
    (0..length).map(pick).collect()
}

fn add(sum: &mut Sum, size: u64) {
    sum.chunks += 1;
    sum.bytes += size;
}

#[test]
fn sums_are_those_of_a_simple_count() {
    for_each_seed(300, |rng| {
        let stream = stream(rng);
        let mut builder = Plan::builder(ALGORITHM, sizes(), &Limits::default());
        for &(id, size) in &stream {
            builder.push(id, size).unwrap();
        }
        let mut plan = builder.finish();
        let has: Vec<BTreeSet<ChunkId>> = (0..rng.number(0..=4))
            .map(|_| stream.iter().filter(|_| rng.once_in(3)).map(|(id, _)| *id).collect())
            .collect();
        let sources: Vec<_> = has
            .iter()
            .map(|ids| {
                let source = plan.add_source();
                if rng.once_in(2) {
                    ids.iter().for_each(|id| _ = plan.claim(id, source));
                } else {
                    let mut from = 0;
                    while let Some((place, id, _)) = plan.next_unclaimed(from) {
                        assert!(!ids.contains(&id) || plan.claim_at(place, source));
                        from = place + 1;
                    }
                }
                source
            })
            .collect();

        let zeros_id = ChunkId::of(&[0; 5000], ALGORITHM);
        let mut seen = BTreeMap::new();
        let (mut zeros, mut repeats, mut missing) = (Sum::default(), Sum::default(), Sum::default());
        let mut supplied = vec![Sum::default(); has.len()];
        for &(id, size) in &stream {
            let first = has.iter().position(|ids| ids.contains(&id));
            let counted = match (id == zeros_id, seen.insert(id, ()), first) {
                (true, ..) => &mut zeros,
                (_, Some(()), _) => &mut repeats,
                (.., Some(source)) => &mut supplied[source],
                (.., None) => &mut missing,
            };
            add(counted, size);
        }
        assert_eq!((plan.zeros(), plan.repeats(), plan.missing()), (zeros, repeats, missing));
        let found: Vec<Sum> = sources.iter().map(|&source| plan.supplied(source)).collect();
        assert_eq!(found, supplied);
        let sums = [zeros, repeats, missing].into_iter().chain(found);
        let total = sums.fold(Sum::default(), |total, sum| Sum {
            chunks: total.chunks + sum.chunks,
            bytes: total.bytes + sum.bytes,
        });
        assert_eq!(plan.total(), total);
        assert_eq!(total, Sum { chunks: stream.len() as u64, bytes: stream.iter().map(|(_, size)| size).sum() });
    });
}

#[test]
fn plans_are_bounded() {
    let limits = Limits::default().with_index_chunks(3);
    let id = |number: u64| ChunkId::of(&number.to_le_bytes(), ALGORITHM);
    let mut builder = Plan::builder(ALGORITHM, sizes(), &limits);
    for number in 0..3 {
        builder.push(id(number), 1).unwrap();
        // Zeros take no room.
        builder.push(ChunkId::of(&[0; 5000], ALGORITHM), 5000).unwrap();
    }
    assert_eq!(builder.push(id(3), 1), Err(Error::Limit { what: Limited::IndexChunks, value: 4, max: 3 }));
    let huge = builder.push(id(4), u64::MAX);
    assert!(matches!(huge, Err(Error::Limit { what: Limited::Chunk, .. })), "{huge:?}");
    let plan = builder.finish();
    assert_eq!(plan.total(), Sum { chunks: 6, bytes: 15_003 });
    assert_eq!(plan.missing(), Sum { chunks: 3, bytes: 3 });
}
