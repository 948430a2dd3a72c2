//! A file that is written anew on a web server, by PUT.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use reqwest::Method;
use reqwest::header::CONTENT_LENGTH;

use super::address::Address;
use super::peer::{Body, Peer, Request};
use super::trouble::Trouble;
use crate::error::{Context as _, Result};
use crate::remote::rate::Rate;
use crate::remote::{Upload, runtime, spool};

/// Keeps what is written until all of it is there: servers want to know the size first, and it may have to be sent again.
#[derive(Debug)]
pub(super) struct HttpUpload {
    address: Arc<Address>,
    peer: Peer,
    spool: File,
    size: u64,
}

impl HttpUpload {
    pub(super) fn new(address: Arc<Address>, peer: Peer) -> Result<Self> {
        let spool = File::from(spool::file().context(|| format!("keep what is to become {}", address.name))?);
        Ok(Self { address, peer, spool, size: 0 })
    }
}

impl Write for HttpUpload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.spool.write(bytes)?;
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Upload for HttpUpload {
    fn finish(self: Box<Self>) -> Result<()> {
        let Self { address, peer, spool, size } = *self;
        let headers = [(CONTENT_LENGTH, size.to_string())];
        let sent = peer.persist(async || {
            let body = Body::File(&spool, size);
            let request = Request { method: Method::PUT, headers: &headers, body };
            let response = peer.ask(&address.url, &request, &address.name).await?;
            if response.status().is_success() { Ok(()) } else { Err(Trouble::status(&response, &address.name)) }
        });
        runtime::wait(sent).map_err(|error| {
            error.context(format!("put {}", address.name)).hint("does the server take uploads by PUT?")
        })
    }
}

/// The contents of a file, piece by piece.
pub(super) fn body(file: &File, size: u64, rate: Option<Arc<Rate>>) -> Result<reqwest::Body> {
    const PIECE: u64 = 256 << 10;
    let file = file.try_clone()?;
    Ok(reqwest::Body::wrap_stream(stream::try_unfold((file, 0, rate), move |(file, at, rate)| async move {
        let length = PIECE.min(size - at);
        if length == 0 {
            return Ok::<_, io::Error>(None);
        }
        let mut piece = vec![0; length as usize];
        // It was written a moment ago.
        file.read_exact_at(&mut piece, at)?;
        if let Some(rate) = &rate {
            rate.wait(piece.len()).await;
        }
        Ok(Some((Bytes::from(piece), (file, at + length, rate))))
    })))
}
