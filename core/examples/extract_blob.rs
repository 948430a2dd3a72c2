//! Extracts a blob from its index and a store in a local directory, with nothing but blocking files.
//!
//! ```sh
//! casync make --store=default.castr image.caibx image.raw
//! cargo run --release --example extract_blob -- image.caibx default.castr restored.raw
//! ```

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use casync_core::chunk::{ChunkId, StoredChunk};
use casync_core::index::IndexTable;
use casync_core::{CHUNK_MAX, Limits};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [index, store, target] = arguments.as_slice() else {
        eprintln!("usage: extract_blob INDEX STORE TARGET");
        return ExitCode::FAILURE;
    };
    match extract(index, store, target) {
        Ok(size) => {
            println!("{size} bytes extracted to {}", target.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("extract_blob: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes the blob to `target`, which is only there once it is complete.
fn extract(index: &Path, store: &Path, target: &Path) -> Result<u64> {
    let table = read_index(index).map_err(|error| format!("{}: {error}", index.display()))?;
    let unfinished = target.with_added_extension("part");
    let written = write_chunks(&table, store, &unfinished);
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&unfinished);
    }
    written?;
    fs::rename(&unfinished, target).map_err(|error| format!("{}: {error}", target.display()))?;
    Ok(table.stream_size())
}

/// Reads an index piece by piece, the way it could also come from a network.
fn read_index(path: &Path) -> Result<IndexTable> {
    let mut file = File::open(path)?;
    let mut builder = IndexTable::builder(&Limits::default());
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(builder.finish()?),
            length => builder.push(&buffer[..length])?,
        }
    }
}

/// Puts the chunks together in the order of the index.
fn write_chunks(table: &IndexTable, store: &Path, target: &Path) -> Result<()> {
    let named = |error: io::Error| format!("{}: {error}", target.display());
    let mut output = BufWriter::new(File::create(target).map_err(named)?);
    for piece in table.iter() {
        let chunk = fetch(store, &piece.id).map_err(|error| format!("chunk {}: {error}", piece.id))?;
        // Nothing but the bytes that the index means comes out of this.
        let chunk = chunk.unpack(&piece.id, piece.size, table.algorithm());
        let chunk = chunk.map_err(|error| format!("chunk {}: {error}", piece.id))?;
        output.write_all(chunk.bytes()).map_err(named)?;
    }
    let file = output.into_inner().map_err(|error| named(error.into_error()))?;
    file.sync_all().map_err(named)?;
    Ok(())
}

/// Reads what the store holds of a chunk: `STORE/iiii/ID.cacnk` if it is compressed, `STORE/iiii/ID` if it is not.
fn fetch(store: &Path, id: &ChunkId) -> io::Result<StoredChunk> {
    let plain = store.join(format!("{:04x}/{id}", id.prefix()));
    match read_capped(&plain.with_extension("cacnk")) {
        Ok(frame) => Ok(StoredChunk::Compressed(frame)),
        Err(error) if error.kind() == ErrorKind::NotFound => read_capped(&plain).map(StoredChunk::Plain),
        Err(error) => Err(error),
    }
}

/// Reads a file that has no right to be larger than a chunk.
fn read_capped(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(CHUNK_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > CHUNK_MAX {
        return Err(io::Error::new(ErrorKind::InvalidData, "larger than any chunk"));
    }
    Ok(bytes)
}
