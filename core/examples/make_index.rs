//! Makes the index of a stream on standard input, and prints the stream's digest as `casync make` does.
//!
//! ```sh
//! cargo run --release --example make_index -- image.caibx < image.raw
//! ```
//!
//! The chunks pass by in memory, each in one piece: where they are digested, an application stores them as well.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write as _};
use std::path::Path;
use std::process::ExitCode;

use casync_core::chunk::{ChunkSizes, Cutter, Segment};
use casync_core::hash::{Digest, DigestAlgorithm, Hasher};
use casync_core::index::IndexWriter;
use casync_core::record::FeatureFlags;

/// Bytes to read before their chunks are digested: enough chunks at once to fill all lanes of the CPU.
const SEGMENT: usize = 4 << 20;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (path, sizes) = match arguments.as_slice() {
        [path] => (path, Ok(ChunkSizes::default())),
        [path, sizes] => (path, sizes.parse::<ChunkSizes>()),
        _ => {
            eprintln!("usage: make_index INDEX [AVG | MIN:AVG:MAX] < STREAM");
            return ExitCode::FAILURE;
        }
    };
    let made = sizes.map_err(Into::into).and_then(|sizes| make(io::stdin().lock(), Path::new(path), sizes));
    match made {
        Ok(digest) => {
            println!("{digest}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("make_index: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes the index to `path`, which is only there once it is complete; returns the digest of the stream.
fn make(stream: impl Read, path: &Path, sizes: ChunkSizes) -> Result<Digest> {
    let unfinished = path.with_added_extension("part");
    let named = |error: io::Error| format!("{}: {error}", path.display());
    let index = Index::new(File::create(&unfinished).map_err(named)?, sizes);
    let digest = cut(stream, index, sizes);
    if digest.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&unfinished);
    }
    let digest = digest?;
    fs::rename(&unfinished, path).map_err(named)?;
    Ok(digest)
}

/// Cuts the stream in two buffers: one is read into while the chunks of the other are dealt with.
fn cut(mut stream: impl Read, mut index: Index, sizes: ChunkSizes) -> Result<Digest> {
    let size = Cutter::buffer_size(&sizes, SEGMENT);
    let mut cutter = Cutter::new(sizes, vec![0; size]);
    let mut spare = vec![0; size];
    loop {
        let length = match stream.read(cutter.space()) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(format!("standard input: {error}").into()),
        };
        cutter.filled(length)?;
        if cutter.space().is_empty() {
            let segment = cutter.swap(spare);
            index.add(&segment)?;
            spare = segment.into_buffer();
        }
    }
    index.add(&cutter.finish())?;
    index.finish()
}

/// An index that is being written.
struct Index {
    algorithm: DigestAlgorithm,
    stream: Hasher,
    writer: IndexWriter,
    /// Records on their way to the file.
    records: Vec<u8>,
    file: BufWriter<File>,
}

impl Index {
    fn new(file: File, sizes: ChunkSizes) -> Self {
        let algorithm = DigestAlgorithm::default();
        let mut records = Vec::new();
        // What casync puts down for a blob; only the digest has a meaning there.
        let features = FeatureFlags::EXCLUDE_NODUMP | FeatureFlags::EXCLUDE_FILE | algorithm.flag();
        let writer = IndexWriter::new(features, sizes, &mut records);
        Self { algorithm, stream: Hasher::new(algorithm), writer, records, file: BufWriter::new(file) }
    }

    fn add(&mut self, segment: &Segment) -> Result<()> {
        self.stream.update(segment.new_bytes());
        let chunks: Vec<&[u8]> = segment.chunks().collect();
        for (id, chunk) in self.algorithm.digest_all(&chunks).into_iter().zip(&chunks) {
            self.writer.push(id.into(), chunk.len() as u64, &mut self.records)?;
        }
        self.file.write_all(&self.records)?;
        self.records.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<Digest> {
        self.writer.finish(&mut self.records)?;
        self.file.write_all(&self.records)?;
        self.file.into_inner()?.sync_all()?;
        Ok(self.stream.finish())
    }
}
