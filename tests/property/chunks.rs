//! Cutting, hashing and naming: the fast ways against the definition.

use casync_core::chunk::{ChunkSizes, Chunker, Cutter, Discriminator, PlainChunk, find_candidate, is_zero, verify_all};
use casync_core::error::{Error, UsageError};
use casync_core::hash::{Buzhash, DigestAlgorithm, Hasher, WINDOW};
use casync_tests::random::{Rng, for_each_seed};
use casync_tests::split::random_cuts;
use casync_tests::{cut, input};

/// Noise, zeros, repetition and text, one after the other.
fn data(rng: &mut Rng, most: usize) -> Vec<u8> {
    let mut data = Vec::new();
    while data.len() < most && !rng.once_in(8) {
        let length = rng.number(0..=most / 4);
        match rng.below(5) {
            0 => data.resize(data.len() + length, 0),
            1 => data.extend(input::text(length)),
            2 => {
                let period = rng.number(1..=300);
                let pattern = rng.bytes(period);
                data.extend(pattern.iter().cycle().take(length));
            }
            _ => data.extend(rng.bytes(length)),
        }
    }
    data
}

fn sizes(rng: &mut Rng) -> ChunkSizes {
    match rng.below(4) {
        0 => ChunkSizes::with_average(1 + rng.below(3000)).unwrap(),
        1 => {
            let size = 1 + rng.below(3000);
            ChunkSizes::new(size, size, size).unwrap()
        }
        _ => {
            let mut sizes = [0; 3].map(|_| 1 + rng.below(*rng.clone().pick(&[50, 200, 5000])));
            sizes.sort_unstable();
            // Two of them equal are not yet a fixed size.
            match rng.below(4) {
                0 => sizes[1] = sizes[0],
                1 => sizes[1] = sizes[2],
                _ => {}
            }
            ChunkSizes::new(sizes[0], sizes[1], sizes[2]).unwrap()
        }
    }
}

#[test]
fn all_ways_of_cutting_agree() {
    let mut refused = 0;
    for_each_seed(300, |rng| {
        let (sizes, data) = (sizes(rng), data(rng, 30_000));
        let ends = cut::by_definition(&data, &sizes);
        refused += usize::from(ends.is_err());
        for parts in [vec![&data[..]], random_cuts(&data, rng), random_cuts(&data, rng)] {
            assert_eq!(cut::by_chunker(&parts, sizes), ends, "{sizes:?}");
            let buffer = sizes.max() as usize + rng.number(1..=10_000);
            assert_eq!(cut::by_cutter(&parts, sizes, buffer), ends, "{sizes:?} in {buffer}");
        }
        let Ok(ends) = ends else { return };
        assert_eq!(ends.last().copied().unwrap_or(0), data.len(), "chunks cover the stream");
        let starts = [0].into_iter().chain(ends.iter().copied());
        for (start, &end) in starts.zip(&ends) {
            let is_last = end == data.len();
            let shortest = if is_last { 1 } else { sizes.min() as usize };
            assert!((shortest..=sizes.max() as usize).contains(&(end - start)), "{start}..{end} with {sizes:?}");
        }
    });
    assert!(refused > 0, "sizes below the window were tried");
}

/// A chunk depends on nothing but its own bytes: after a cut the stream might as well begin.
#[test]
fn cutting_starts_anew_after_each_cut() {
    for_each_seed(100, |rng| {
        let (sizes, data) = (ChunkSizes::with_average(64 + rng.below(500)).unwrap(), data(rng, 20_000));
        let ends = cut::by_chunker(&[&data], sizes).unwrap();
        if let Some((number, &start)) = ends.iter().enumerate().nth(ends.len() / 2) {
            let rest = cut::by_chunker(&[&data[start..]], sizes).unwrap();
            assert!(rest.iter().map(|end| end + start).eq(ends[number + 1..].iter().copied()), "{sizes:?}");
        }
    });
}

/// `make` of short input works with sizes that longer input is refused with, as upstream has it.
#[test]
fn sizes_below_the_window_are_refused_late() {
    let sizes = ChunkSizes::new(1, 10, 40).unwrap();
    assert_eq!(cut::by_chunker(&[&[7; 40]], sizes), Ok(vec![40]));
    let refused = Error::Usage(UsageError::WindowTooLarge);
    for parts in [vec![&[7; 41][..]], vec![&[7; 40][..], &[7]]] {
        assert_eq!(cut::by_chunker(&parts, sizes), Err(refused.clone()));
        assert_eq!(cut::by_cutter(&parts, sizes, 100), Err(refused.clone()));
    }
    // An error is for good.
    let mut chunker = Chunker::new(sizes);
    assert_eq!(chunker.push(&[7; 41]), Err(refused.clone()));
    assert_eq!(chunker.push(&[7]), Err(refused.clone()));
    let mut cutter = Cutter::new(sizes, vec![0; 100]);
    assert_eq!(cutter.push(&[7; 41]), Err(refused.clone()));
    assert_eq!(cutter.push(&[7]), Err(refused));
    let fixed = ChunkSizes::new(40, 40, 40).unwrap();
    assert_eq!(cut::by_chunker(&[&[7; 100]], fixed), Ok(vec![40, 80, 100]));
}

#[test]
fn candidates_are_the_windows_that_hit() {
    for_each_seed(200, |rng| {
        let discriminator = Discriminator::of(&ChunkSizes::with_average(1 + rng.below(300)).unwrap());
        let data = data(rng, 3000);
        let value = discriminator.value();
        let hit = |window: &[u8]| {
            let hash = Buzhash::new(window.try_into().unwrap()).value();
            assert_eq!(discriminator.hits(hash), hash % value == value - 1, "{hash} with {value}");
            hash % value == value - 1
        };
        let expected = data.windows(WINDOW).position(hit).map(|start| start + WINDOW);
        assert_eq!(find_candidate(&data, &discriminator), expected, "{value}");
    });
}

#[test]
fn sliding_is_the_same_as_hashing_anew() {
    for_each_seed(100, |rng| {
        let data = data(rng, 1000);
        let Some(mut hash) = data.first_chunk().map(Buzhash::new) else { return };
        for end in WINDOW..data.len() {
            hash.slide(data[end - WINDOW], data[end]);
            let window = data[end + 1 - WINDOW..=end].try_into().unwrap();
            assert_eq!(hash.value(), Buzhash::new(window).value(), "the window that ends at {end}");
        }
    });
}

/// The way of a shell: it reads into the cutter's own buffer.
#[test]
fn space_that_is_lent_and_filled_is_cut_the_same() {
    for_each_seed(50, |rng| {
        let (sizes, data) = (ChunkSizes::with_average(64 + rng.below(500)).unwrap(), data(rng, 30_000));
        let buffer = Cutter::buffer_size(&sizes, rng.number(0..=9000));
        let mut cutter = Cutter::new(sizes, vec![0; buffer]);
        let (mut rest, mut chunks) = (data.as_slice(), Vec::new());
        while !rest.is_empty() {
            let space = cutter.space();
            let count = rng.number(0..=space.len()).min(rest.len());
            space[..count].copy_from_slice(&rest[..count]);
            cutter.filled(count).unwrap();
            rest = &rest[count..];
            // A buffer may be swapped before it is full.
            if cutter.space().is_empty() || rng.once_in(5) {
                chunks.extend(cutter.swap(vec![1; buffer]).chunks().map(<[u8]>::len));
            }
        }
        chunks.extend(cutter.finish().chunks().map(<[u8]>::len));
        let ends: Vec<usize> = chunks
            .iter()
            .scan(0, |end, length| {
                Some({
                    *end += length;
                    *end
                })
            })
            .collect();
        assert_eq!(cut::by_chunker(&[&data], sizes), Ok(ends), "{sizes:?}");
    });
}

#[test]
fn digests_do_not_depend_on_the_way() {
    for_each_seed(60, |rng| {
        let inputs: Vec<Vec<u8>> = (0..rng.number(0..=40)).map(|_| data(rng, 5000)).collect();
        let slices: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
        for algorithm in [DigestAlgorithm::Sha512_256, DigestAlgorithm::Sha256] {
            let digests: Vec<_> = slices.iter().map(|slice| algorithm.digest(slice)).collect();
            assert_eq!(algorithm.digest_all(&slices), digests, "{algorithm} in lanes");
            for (slice, digest) in slices.iter().zip(&digests) {
                let mut hasher = Hasher::new(algorithm);
                random_cuts(slice, rng).iter().for_each(|part| hasher.update(part));
                assert_eq!(hasher.finish(), *digest, "{algorithm} in pieces");
            }
            let chunks = inputs.iter().cloned().map(PlainChunk::from_untrusted).collect();
            let ids: Vec<_> = digests.into_iter().map(Into::into).collect();
            assert!(verify_all(chunks, &ids, algorithm).all(|chunk| chunk.is_ok()));
        }
    });
}

#[test]
fn zeros_are_zeros() {
    for_each_seed(200, |rng| {
        let mut data = vec![0; rng.number(1..=20_000)];
        assert!(is_zero(&data));
        let at = rng.number(0..=data.len() - 1);
        data[at] = 1 << rng.below(8);
        assert!(!is_zero(&data), "{at} of {}", data.len());
        // Nor do equal bytes cancel each other out.
        let neighbour = at.checked_sub(1).unwrap_or(data.len() - 1);
        data[neighbour] = data[at];
        assert!(!is_zero(&data), "{at} and its neighbour of {}", data.len());
    });
}
