//! Where a stream is cut: by the definition of the format, by [`Chunker`] and by [`Cutter`]; and the index of that.

use casync_core::Result;
use casync_core::chunk::{ChunkId, ChunkSizes, Chunker, Cutter, Segment};
use casync_core::error::UsageError;
use casync_core::hash::{Buzhash, DigestAlgorithm, WINDOW};
use casync_core::index::IndexWriter;
use casync_core::record::FeatureFlags;

/// The ends of the chunks of `data`, computed from the definition, window by window.
///
/// # Errors
///
/// [`UsageError::WindowTooLarge`], as the machines.
pub fn by_definition(data: &[u8], sizes: &ChunkSizes) -> Result<Vec<usize>> {
    let (min, max) = (sizes.min() as usize, sizes.max() as usize);
    let mut ends: Vec<usize> = if sizes.is_fixed() {
        (max..=data.len()).step_by(max).collect()
    } else {
        if max < WINDOW && data.len() > max {
            return Err(UsageError::WindowTooLarge.into());
        }
        let discriminator = discriminator(sizes.min(), sizes.avg(), sizes.max());
        let is_hit = |end: usize| {
            let window = data[end - WINDOW..end].try_into().expect("a window has 48 bytes");
            u64::from(Buzhash::new(window).value()) % discriminator == discriminator - 1
        };
        let mut ends = Vec::new();
        let mut start = 0;
        let next = |start: usize| {
            let shortest = start + min.max(WINDOW);
            (shortest..=data.len()).find(|&end| end - start >= max || is_hit(end))
        };
        while let Some(end) = next(start) {
            ends.push(end);
            start = end;
        }
        ends
    };
    if ends.last().copied().unwrap_or(0) < data.len() {
        ends.push(data.len());
    }
    Ok(ends)
}

/// The discriminator by the formula of the specification, in floating point.
pub fn discriminator(min: u64, avg: u64, max: u64) -> u64 {
    let quotient = avg as f64 / (-1.428_888_52e-7 * avg as f64 + 1.332_375_15);
    let whole = if quotient < 0.0 || quotient > max as f64 { max } else { quotient as u64 };
    whole.max(min).min(max)
}

/// The ends of the chunks of a stream that comes in `parts`, found by a [`Chunker`].
///
/// # Errors
///
/// As [`Chunker::push`].
pub fn by_chunker(parts: &[&[u8]], sizes: ChunkSizes) -> Result<Vec<usize>> {
    let mut chunker = Chunker::new(sizes);
    let mut ends = Vec::new();
    let mut position = 0;
    for mut part in parts.iter().copied() {
        while let Some(cut) = chunker.push(part)? {
            part = &part[cut..];
            position += cut;
            ends.push(position);
            assert_eq!(chunker.pending(), 0, "nothing of the next chunk was pushed yet");
        }
        position += part.len();
        assert_eq!(chunker.pending(), (position - ends.last().unwrap_or(&0)) as u64, "bytes of the unfinished chunk");
    }
    if chunker.pending() > 0 {
        ends.push(position);
    }
    Ok(ends)
}

/// The ends of the chunks of a stream that comes in `parts`, found by a [`Cutter`] with buffers of `buffer` bytes.
///
/// # Errors
///
/// As [`Cutter::push`].
pub fn by_cutter(parts: &[&[u8]], sizes: ChunkSizes, buffer: usize) -> Result<Vec<usize>> {
    let mut seen = Seen::default();
    assert!(Cutter::buffer_size(&sizes, buffer) >= buffer, "what is asked for is the least");
    let mut cutter = Cutter::new(sizes, vec![0; buffer]);
    let mut spare = Vec::new();
    for mut part in parts.iter().copied() {
        while !part.is_empty() {
            let count = cutter.push(part)?;
            part = &part[count..];
            if cutter.space().is_empty() {
                // Only the first time: from then on buffers come back dirty, as they do in a pipeline.
                spare.resize(buffer, 0xaa);
                let segment = cutter.swap(spare);
                seen.add(&segment);
                spare = segment.into_buffer();
            }
        }
    }
    seen.add(&cutter.finish());
    assert!(seen.stream.iter().eq(parts.iter().flat_map(|part| part.iter())), "the new bytes of all segments");
    assert!(seen.chunks == seen.stream, "the chunks joined");
    Ok(seen.ends)
}

/// The index of a stream whose chunks end at `ends`.
pub fn index(data: &[u8], ends: &[usize], sizes: ChunkSizes, features: FeatureFlags) -> Vec<u8> {
    let mut chunks = Vec::new();
    let mut start = 0;
    for &end in ends {
        chunks.push(&data[start..end]);
        start = end;
    }
    let mut file = Vec::new();
    let mut writer = IndexWriter::new(features, sizes, &mut file);
    for (chunk, digest) in chunks.iter().zip(DigestAlgorithm::of(features).digest_all(&chunks)) {
        writer.push(ChunkId::from(digest), chunk.len() as u64, &mut file).unwrap();
    }
    assert_eq!((writer.chunks(), writer.stream_size()), (ends.len() as u64, data.len() as u64));
    assert_eq!(writer.finish(&mut file), Ok(data.len() as u64));
    file
}

/// What the segments of a cutter showed.
#[derive(Default)]
struct Seen {
    ends: Vec<usize>,
    stream: Vec<u8>,
    chunks: Vec<u8>,
}

impl Seen {
    fn add(&mut self, segment: &Segment) {
        self.stream.extend_from_slice(segment.new_bytes());
        for (chunk, range) in segment.chunks().zip(segment.ranges()) {
            assert_eq!(chunk, &segment.bytes()[range], "chunks and ranges");
            self.chunks.extend_from_slice(chunk);
            self.ends.push(self.chunks.len());
        }
    }
}
