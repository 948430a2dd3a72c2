//! `make`: from a stream to digest, archive file, store, index and cache.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use casync_core::cache::{CacheEntry, Mark};
use casync_core::chunk::{ChunkId, ChunkSizes, is_zero};
use casync_core::codec::Compression;
use casync_core::hash::{Digest, DigestAlgorithm, Hasher};
use casync_core::index::IndexWriter;
use casync_core::record::FeatureFlags;
use crossbeam_channel::Receiver;

use super::at_once::at_once;
use super::claims::Claims;
use super::stream::{Batch, Chunk, Outlets, Shared, StreamWriter};
use super::{Budget, Failure};
use crate::cache::Recorder;
use crate::error::{Context as _, Result};
use crate::store::{Compressor, Form, Put, Store};
use crate::ui::Counters;

/// Where bytes are written in order.
pub type Output = Box<dyn Write + Send>;

/// What to make of a stream.
pub struct Make<'a> {
    /// The archive's feature flags, normalized; they go into the index and select the digest.
    pub features: FeatureFlags,
    /// How to cut.
    pub sizes: ChunkSizes,
    /// How to compress new chunks.
    pub compression: Compression,
    /// Where chunks go; without a store nothing is cut.
    pub store: Option<Arc<dyn Store>>,
    /// Where the index goes; needs a store.
    pub index: Option<Output>,
    /// Where the stream itself goes.
    pub archive: Option<Output>,
    /// Whether the digest of the whole stream is wanted.
    pub digest: bool,
    /// What takes note of chunks for the next run.
    pub recorder: Option<&'a mut Recorder>,
    /// Threads and memory.
    pub budget: Budget,
    /// Counts what is done.
    pub counters: Arc<Counters>,
}

/// Workers, at least, if the store is on another host.
const FAR_JOBS: usize = 4;

/// What was made.
#[derive(Clone, Copy, Debug)]
pub struct Made {
    /// Digest of the whole stream, if it was wanted.
    pub digest: Option<Digest>,
    /// Bytes in the stream.
    pub size: u64,
    /// Chunks in the stream; 0 without a store.
    pub chunks: u64,
    /// How many of them the store had already, or had been met before.
    pub reused: u64,
}

impl std::fmt::Debug for Make<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Make").field("features", &self.features).field("sizes", &self.sizes).finish_non_exhaustive()
    }
}

impl Make<'_> {
    /// Runs the pipeline. `source` writes the stream.
    ///
    /// Memory: `buffers` of the stream ([`Budget::buffers`]), and for each worker a compressed chunk and a context; compressed
    /// chunks of a whole batch, if the store is on another host.
    ///
    /// # Errors
    ///
    /// The first error of any stage. Chunks that were stored stay; whoever owns index and archive file discards them.
    pub fn run(self, source: impl FnOnce(&mut StreamWriter<'_>) -> Result<()>) -> Result<Made> {
        let Self { features, sizes, compression, store, index, archive, digest, recorder, budget, counters } = self;
        let algorithm = DigestAlgorithm::of(features);
        let failure = Failure::default();
        let (claims, reused, zeros) = (Claims::default(), AtomicU64::new(0), OnceLock::new());
        let shop = Shop { algorithm, sizes, claims, reused, zeros, counters: &counters, failure: &failure };
        let mut outlets = Outlets::default();
        let made = thread::scope(|scope| {
            let digesting = digest.then_some(()).and_then(|()| {
                let (sender, segments) = crossbeam_channel::unbounded();
                outlets.whole.push(sender);
                failure.spawn(scope, move || digest_stream(algorithm, &segments))
            });
            if let Some(mut archive) = archive {
                let (sender, segments) = crossbeam_channel::unbounded();
                outlets.whole.push(sender);
                let failure = &failure;
                failure.spawn(scope, move || failure.note(write_stream(&mut archive, &segments, failure)));
            }
            let indexing = store.as_ref().and_then(|store| {
                let (sender, batches) = crossbeam_channel::unbounded::<Batch>();
                outlets.chunks = Some(sender);
                let (ids, stored) = crossbeam_channel::unbounded();
                // While one waits, another compresses.
                let jobs = if store.width() > 0 { budget.jobs.max(FAR_JOBS) } else { budget.jobs };
                for _ in 0..jobs {
                    let (batches, ids, shop) = (batches.clone(), ids.clone(), &shop);
                    failure.spawn(scope, move || shop.work(&batches, &ids, store.as_ref(), compression));
                }
                let failure = &failure;
                failure.spawn(scope, move || failure.note(write_index(index, features, sizes, recorder, &stored)))
            });

            // All channels are unbounded: what bounds them is the number of buffers.
            let buffers = budget.buffers(StreamWriter::buffer_size(&sizes, &outlets));
            let mut stream = StreamWriter::new(&sizes, buffers, outlets, &failure, &counters);
            let size = source(&mut stream).and_then(|()| stream.finish());
            let size = failure.note(size).unwrap_or(0);
            let digest = digesting.and_then(|thread| thread.join().ok());
            let chunks = indexing.and_then(|thread| thread.join().ok().flatten()).unwrap_or(0);
            Made { digest, size, chunks, reused: shop.reused.load(Ordering::Relaxed) }
        });
        drop(shop);
        failure.into_result()?;
        Ok(made)
    }
}

/// What all workers share.
struct Shop<'a> {
    algorithm: DigestAlgorithm,
    sizes: ChunkSizes,
    claims: Claims,
    reused: AtomicU64,
    /// Id of the largest chunk of zeros, which big images have thousands of.
    zeros: OnceLock<ChunkId>,
    counters: &'a Counters,
    failure: &'a Failure,
}

/// The chunks of one batch.
type Named = (u64, Vec<NamedChunk>);

/// A chunk that the store has.
struct NamedChunk {
    id: ChunkId,
    length: u64,
    /// What a cache is to record of it.
    mark: Option<Mark>,
}

impl Shop<'_> {
    /// A worker: names chunks and stores those that are new, until there are no more.
    fn work(
        &self,
        batches: &Receiver<Batch>,
        ids: &crossbeam_channel::Sender<Named>,
        store: &dyn Store,
        compression: Compression,
    ) {
        let mut compressor = Compressor::new(compression);
        for batch in batches {
            // After a failure batches are only taken away, so that the stream does not wait for their buffers.
            if self.failure.check().is_err() {
                continue;
            }
            let named = match &mut compressor {
                Ok(compressor) => self.store_batch(&batch, store, compressor),
                Err(error) => Err(error.clone()),
            };
            match named {
                Ok(named) => {
                    let _ = ids.send((batch.sequence, named));
                }
                Err(error) => self.failure.set(error),
            }
        }
    }

    fn store_batch(&self, batch: &Batch, store: &dyn Store, compressor: &mut Compressor) -> Result<Vec<NamedChunk>> {
        let bytes = |chunk: &'_ Chunk| match chunk {
            Chunk::Bytes(range, _) => Some(batch.segment.piece(range)),
            Chunk::Known(_) => None,
        };
        let new: Vec<&[u8]> = batch.chunks.iter().filter_map(bytes).collect();
        let ids = self.name(&new);
        if store.width() > 0 {
            self.store_far(&new, &ids, store, compressor)?;
        } else {
            for (chunk, id) in new.iter().zip(&ids) {
                let mut is_new = false;
                if self.claims.claim(id) && !store.hold(id)? {
                    let frame = compressor.compress(chunk).context(|| format!("compress chunk {id}"))?;
                    is_new = store.put(id, Form::Compressed, frame)? == Put::Stored;
                }
                self.settle(id, is_new);
            }
        }
        let mut ids = ids.into_iter();
        let named = batch.chunks.iter().map(|chunk| match chunk {
            Chunk::Bytes(range, mark) => {
                NamedChunk { id: ids.next().unwrap_or_default(), length: range.len() as u64, mark: *mark }
            }
            Chunk::Known(CacheEntry { mark, length, id }) => NamedChunk { id: *id, length: *length, mark: Some(*mark) },
        });
        Ok(named.collect())
    }

    /// Stores the chunks of a batch on another host: all are asked for at the same time, and then those that are missing are sent.
    fn store_far(
        &self,
        chunks: &[&[u8]],
        ids: &[ChunkId],
        store: &dyn Store,
        compressor: &mut Compressor,
    ) -> Result<()> {
        let (claimed, known): (Vec<usize>, Vec<usize>) = (0..ids.len()).partition(|&at| self.claims.claim(&ids[at]));
        let held = at_once(store.width(), &claimed, self.failure, |&at| store.hold(&ids[at]))?;
        let mut frames = Vec::new();
        for (at, held) in claimed.into_iter().zip(held) {
            if held {
                self.settle(&ids[at], false);
            } else {
                let frame = compressor.compress(chunks[at]).context(|| format!("compress chunk {}", ids[at]))?;
                frames.push((ids[at], frame.to_vec()));
            }
        }
        at_once(store.width(), &frames, self.failure, |(id, frame)| {
            let is_new = store.put(id, Form::Compressed, frame)? == Put::Stored;
            self.settle(id, is_new);
            Ok(())
        })?;
        known.iter().for_each(|&at| self.settle(&ids[at], false));
        Ok(())
    }

    /// The chunk is in the store.
    fn settle(&self, id: &ChunkId, is_new: bool) {
        self.claims.settle(id);
        if is_new {
            Counters::add(&self.counters.chunks_new, 1);
        } else {
            self.reused.fetch_add(1, Ordering::Relaxed);
            Counters::add(&self.counters.chunks_reused, 1);
        }
    }

    fn name(&self, chunks: &[&[u8]]) -> Vec<ChunkId> {
        let is_zeros = |chunk: &[u8]| chunk.len() as u64 == self.sizes.max() && is_zero(chunk);
        let (zeros, others): (Vec<usize>, Vec<usize>) = (0..chunks.len()).partition(|&i| is_zeros(chunks[i]));
        let mut ids = vec![ChunkId::default(); chunks.len()];
        for i in zeros {
            ids[i] = *self.zeros.get_or_init(|| ChunkId::of(chunks[i], self.algorithm));
        }
        let inputs: Vec<&[u8]> = others.iter().map(|&i| chunks[i]).collect();
        for (i, digest) in others.into_iter().zip(self.algorithm.digest_all(&inputs)) {
            ids[i] = digest.into();
        }
        ids
    }
}

fn digest_stream(algorithm: DigestAlgorithm, segments: &Receiver<Arc<Shared>>) -> Digest {
    let mut hasher = Hasher::new(algorithm);
    segments.iter().for_each(|segment| hasher.update(segment.new_bytes()));
    hasher.finish()
}

fn write_stream(archive: &mut Output, segments: &Receiver<Arc<Shared>>, failure: &Failure) -> Result<()> {
    for segment in segments {
        // After a failure the rest is only taken away.
        if failure.check().is_ok() {
            failure.note(archive.write_all(segment.new_bytes()).context(|| "write the archive"));
        }
    }
    archive.flush().context(|| "write the archive")
}

/// Writes the index in the order of the stream; returns the number of chunks.
fn write_index(
    mut output: Option<Output>,
    features: FeatureFlags,
    sizes: ChunkSizes,
    mut recorder: Option<&mut Recorder>,
    batches: &Receiver<Named>,
) -> Result<u64> {
    /// Index bytes that are written at a time.
    const PIECE: usize = 64 << 10;
    let mut bytes = Vec::new();
    let mut writer = IndexWriter::new(features, sizes, &mut bytes);
    let mut early = BTreeMap::new();
    let mut next = 0;
    for (sequence, chunks) in batches {
        early.insert(sequence, chunks);
        while let Some(chunks) = early.remove(&next) {
            next += 1;
            for NamedChunk { id, length, mark } in chunks {
                writer.push(id, length, &mut bytes)?;
                if let (Some(recorder), Some(mark)) = (&mut recorder, mark) {
                    recorder.push(&CacheEntry { mark, length, id });
                }
            }
            if bytes.len() >= PIECE {
                write_out(&mut output, &mut bytes)?;
            }
        }
    }
    let chunks = writer.chunks();
    writer.finish(&mut bytes)?;
    write_out(&mut output, &mut bytes)?;
    Ok(chunks)
}

fn write_out(output: &mut Option<Output>, bytes: &mut Vec<u8>) -> Result<()> {
    if let Some(output) = output {
        output.write_all(bytes).and_then(|()| output.flush()).context(|| "write the index")?;
    }
    bytes.clear();
    Ok(())
}
