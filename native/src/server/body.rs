//! Bodies of answers: nothing, some bytes, or a part of a file that is read as the client takes it.

use std::fs::File;
use std::future::Future;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body as _, Frame, SizeHint};

use super::exchange::Exchange;
use super::memory::Memory;

/// Bytes of a file that are in memory at once for one client.
pub(super) const PIECE: u64 = 64 << 10;

/// The body of an answer. With it ends the exchange that it belongs to.
#[derive(Debug)]
pub(super) struct Body {
    content: Content,
    exchange: Option<Exchange>,
}

enum Content {
    Once(Option<Bytes>),
    File { file: Arc<File>, at: u64, end: u64, memory: Memory, reading: Option<Reading> },
}

type Reading = Pin<Box<dyn Future<Output = io::Result<Bytes>> + Send>>;

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Once(bytes) => f.debug_tuple("Once").field(bytes).finish(),
            Self::File { at, end, .. } => f.debug_struct("File").field("at", at).field("end", end).finish(),
        }
    }
}

impl Body {
    /// No bytes.
    pub(super) const fn empty() -> Self {
        Self { content: Content::Once(None), exchange: None }
    }

    /// These bytes.
    pub(super) fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self { content: Content::Once(Some(bytes.into()).filter(|bytes| !bytes.is_empty())), exchange: None }
    }

    /// A part of a file.
    pub(super) fn file(file: File, range: std::ops::Range<u64>, memory: Memory) -> Self {
        let (at, end) = (range.start, range.end);
        Self { content: Content::File { file: Arc::new(file), at, end, memory, reading: None }, exchange: None }
    }

    /// The same, with what is to hear of every piece and of the end.
    pub(super) fn of(mut self, exchange: Exchange) -> Self {
        self.exchange = Some(exchange);
        self
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        match &mut self.content {
            Content::Once(bytes) => Poll::Ready(bytes.take().map(Ok)),
            Content::File { file, at, end, memory, reading } => {
                if at >= end {
                    return Poll::Ready(None);
                }
                let (from, to) = (*at, (*at + PIECE).min(*end));
                let future = reading.get_or_insert_with(|| Box::pin(read(Arc::clone(file), from..to, memory.clone())));
                let read = ready!(future.as_mut().poll(context));
                *reading = None;
                // Whatever went wrong, there is nothing more to send.
                *at = if read.is_ok() { to } else { *end };
                Poll::Ready(Some(read))
            }
        }
    }
}

/// Reads a piece. That the file has become shorter is an error: its length was announced.
async fn read(file: Arc<File>, range: std::ops::Range<u64>, memory: Memory) -> io::Result<Bytes> {
    let length = range.end - range.start;
    let room = memory.take(length).await;
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        file.read_exact_at(&mut bytes, range.start).map(|()| bytes)
    });
    read.await.map_err(io::Error::other)?.map(|bytes| room.hold(bytes))
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        let piece = match this.poll(context) {
            Poll::Pending => {
                this.exchange.iter_mut().for_each(Exchange::wait);
                return Poll::Pending;
            }
            Poll::Ready(piece) => piece,
        };
        if let (Some(exchange), Some(piece)) = (&mut this.exchange, &piece) {
            exchange.sent(piece);
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Once(bytes) => bytes.is_none(),
            Content::File { at, end, .. } => at >= end,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match &self.content {
            Content::Once(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            Content::File { at, end, .. } => end - at,
        })
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let whole = self.is_end_stream();
        if let Some(exchange) = &mut self.exchange {
            exchange.end(whole);
        }
    }
}
