//! Extracts a blob from its index and a store on a web server: several requests at once, chunks in order, each verified
//! before it is written.
//!
//! ```sh
//! cargo run --release --example extract_blob_http -- http://host/image.caibx http://host/default.castr image.raw
//! ```
//!
//! For `https://` enable the feature `rustls` of `reqwest`.

use std::collections::VecDeque;
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use casync_core::chunk::VerifiedChunk;
use casync_core::hash::DigestAlgorithm;
use casync_core::index::{IndexTable, Piece};
use casync_core::{CHUNK_MAX, Limits};
use reqwest::{Client, Response};
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt as _;
use tokio_util::task::AbortOnDropHandle;

/// Requests in flight. Each holds at most one chunk of memory, compressed and plain.
const REQUESTS: usize = 16;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [index, store, target] = arguments.as_slice() else {
        eprintln!("usage: extract_blob_http INDEX-URL STORE-URL TARGET");
        return ExitCode::FAILURE;
    };
    match extract(index, store, target).await {
        Ok(size) => {
            println!("{size} bytes extracted to {target}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("extract_blob_http: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes the blob to `target`, which is only there once it is complete.
async fn extract(index: &str, store: &str, target: &str) -> Result<u64> {
    let client = Client::new();
    let table = fetch_index(&client, index).await.map_err(|error| format!("{index}: {error}"))?;
    let unfinished = Path::new(target).with_added_extension("part");
    let written = write_chunks(&client, &table, store, &unfinished).await;
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&unfinished).await;
    }
    written.map_err(|error| format!("{target}: {error}"))?;
    fs::rename(&unfinished, target).await.map_err(|error| format!("{target}: {error}"))?;
    Ok(table.stream_size())
}

/// Reads the index while it arrives.
async fn fetch_index(client: &Client, url: &str) -> Result<IndexTable> {
    let mut response = client.get(url).send().await?.error_for_status()?;
    let mut builder = IndexTable::builder(&Limits::default());
    while let Some(bytes) = response.chunk().await? {
        builder.push(&bytes)?;
    }
    Ok(builder.finish()?)
}

/// Keeps a window of requests open and takes their answers in the order of the index.
async fn write_chunks(client: &Client, table: &IndexTable, store: &str, target: &Path) -> Result<()> {
    let mut output = File::create(target).await?;
    let mut pieces = table.iter();
    let mut window = VecDeque::new();
    loop {
        window.extend(pieces.by_ref().take(REQUESTS - window.len()).map(|piece| {
            let fetch = fetch_chunk(client.clone(), store.to_owned(), piece, table.algorithm());
            // A task of its own, so that unpacking and verifying use all cores; dropped when another one fails.
            AbortOnDropHandle::new(tokio::spawn(async move {
                fetch.await.map_err(|error| format!("chunk {}: {error}", piece.id))
            }))
        }));
        let Some(next) = window.pop_front() else { break };
        output.write_all(next.await??.bytes()).await?;
    }
    output.sync_all().await?;
    Ok(())
}

/// Gets a chunk; what comes out are the bytes that the index means.
async fn fetch_chunk(client: Client, store: String, piece: Piece, algorithm: DigestAlgorithm) -> Result<VerifiedChunk> {
    let url = format!("{store}/{:04x}/{}.cacnk", piece.id.prefix(), piece.id);
    let response = client.get(url).send().await?.error_for_status()?;
    let stored = read_capped(response).await?;
    // A server or a proxy may have unpacked the frame on the way, hence not `StoredChunk::Compressed`.
    Ok(VerifiedChunk::recognize(stored, &piece.id, piece.size, algorithm)?)
}

/// Reads an answer that has no right to be larger than a chunk.
async fn read_capped(mut response: Response) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await? {
        bytes.extend_from_slice(&piece);
        if bytes.len() as u64 > CHUNK_MAX {
            return Err("larger than any chunk".into());
        }
    }
    Ok(bytes)
}
