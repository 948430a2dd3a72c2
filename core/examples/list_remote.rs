//! Lists a directory of a `.catar` archive on a web server by ranges, without downloading the archive.
//!
//! ```sh
//! cargo run --release --example list_remote -- http://host/tree.catar usr/share
//! ```

use std::collections::VecDeque;
use std::error::Error;
use std::ops::Range;
use std::process::ExitCode;

use casync_core::Limits;
use casync_core::archive::{Ask, Content, Tree};
use casync_core::show::ListLine;
use reqwest::header::{CONTENT_RANGE, RANGE};
use reqwest::{Client, StatusCode};

/// Bytes to read at a time: the next question is mostly about what lies near.
const BLOCK: u64 = 64 << 10;
/// Blocks to keep. Tables are read from the end of a directory, entries from its start.
const BLOCKS: usize = 16;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (url, path) = match arguments.as_slice() {
        [url] => (url, ""),
        [url, path] => (url, path.as_str()),
        _ => {
            eprintln!("usage: list_remote URL [PATH]");
            return ExitCode::FAILURE;
        }
    };
    match list(url, path).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("list_remote: {url}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the entries of the directory.
async fn list(url: &str, path: &str) -> Result<()> {
    let mut archive = RemoteArchive::open(url).await?;
    let tree = Tree::new(archive.size, &Limits::default());
    let mut question = tree.find(path.as_bytes());
    let found = loop {
        match question.step()? {
            Ask::Ready(found) => break found.ok_or_else(|| format!("there is no {path:?} in it"))?,
            Ask::Need(range) => {
                let (start, bytes) = archive.read_around(range).await?;
                question.provide(start, &bytes)?;
            }
        }
    };
    if found.node.content != Content::Directory {
        return Err(format!("{path:?} is no directory").into());
    }
    let mut question = tree.list(found.located);
    loop {
        match question.step()? {
            Ask::Ready(None) => return Ok(()),
            Ask::Ready(Some(entry)) => {
                let name = entry.name.as_ref().map_or(&[][..], |name| name);
                println!("{}", ListLine { path: name, node: &entry.node });
            }
            Ask::Need(range) => {
                let (start, bytes) = archive.read_around(range).await?;
                question.provide(start, &bytes)?;
            }
        }
    }
}

/// An archive that is read in blocks, the last few of which are kept.
struct RemoteArchive<'a> {
    client: Client,
    url: &'a str,
    size: u64,
    /// Number and bytes of each, the oldest first.
    blocks: VecDeque<(u64, Vec<u8>)>,
}

impl<'a> RemoteArchive<'a> {
    /// Learns the size.
    async fn open(url: &'a str) -> Result<Self> {
        let mut archive = Self { client: Client::new(), url, size: 0, blocks: VecDeque::new() };
        let (size, _) = archive.request(0..1).await?;
        archive.size = size;
        Ok(archive)
    }

    /// Reads the blocks that a range lies in; returns where they start.
    async fn read_around(&mut self, range: Range<u64>) -> Result<(u64, Vec<u8>)> {
        let numbers = range.start / BLOCK..range.end.div_ceil(BLOCK);
        let mut joined = Vec::new();
        for number in numbers.clone() {
            joined.extend_from_slice(self.block(number).await?);
        }
        Ok((numbers.start * BLOCK, joined))
    }

    async fn block(&mut self, number: u64) -> Result<&[u8]> {
        if let Some(place) = self.blocks.iter().position(|(held, _)| *held == number) {
            return Ok(&self.blocks[place].1);
        }
        let start = number * BLOCK;
        let (size, bytes) = self.request(start..self.size.min(start + BLOCK)).await?;
        if size != self.size {
            return Err("it has changed on the server".into());
        }
        if self.blocks.len() == BLOCKS {
            self.blocks.pop_front();
        }
        Ok(&self.blocks.push_back_mut((number, bytes)).1)
    }

    /// Reads a range; returns the size of the whole archive as well.
    async fn request(&self, range: Range<u64>) -> Result<(u64, Vec<u8>)> {
        let wanted = format!("{}-{}", range.start, range.end - 1);
        let request = self.client.get(self.url).header(RANGE, format!("bytes={wanted}"));
        let mut response = request.send().await?.error_for_status()?;
        if response.status() != StatusCode::PARTIAL_CONTENT {
            return Err("the server does not answer by ranges".into());
        }
        // `bytes FIRST-LAST/SIZE`
        let said = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
        let size = said.and_then(|said| said.strip_prefix("bytes ")?.strip_prefix(&*wanted)?.strip_prefix('/'));
        let size = size.and_then(|size| size.parse().ok()).ok_or("the server answers with another range")?;
        let (mut bytes, length) = (Vec::new(), range.end - range.start);
        while let Some(piece) = response.chunk().await?
            && bytes.len() as u64 <= length
        {
            bytes.extend_from_slice(&piece);
        }
        if bytes.len() as u64 == length { Ok((size, bytes)) } else { Err("the answer has another length".into()) }
    }
}
