//! A store on a web server: chunks as files, in the places where a local store has them.

use std::sync::Arc;

use bytes::Bytes;
use casync_core::CHUNK_MAX;
use casync_core::chunk::ChunkId;
use reqwest::header::IF_NONE_MATCH;
use reqwest::{Method, Response, StatusCode};

use super::address::Address;
use super::gate::Gate;
use super::peer::{Body, Peer, Request};
use super::trouble::Trouble;
use crate::error::{Error, Result};
use crate::remote::runtime;
use crate::remote::settings::Settings;
use crate::store::{FRAME_OVERHEAD, Form, Layout, Put, Store, hand_over};

/// Chunks on a web server.
#[derive(Debug)]
pub struct HttpStore {
    address: Address,
    peer: Peer,
    gate: Arc<Gate>,
    layout: Layout,
}

impl HttpStore {
    /// The store that a URL names. Nothing is asked of it yet.
    ///
    /// # Errors
    ///
    /// If the URL or the settings cannot be used.
    pub fn new(url: &str, settings: &Settings) -> Result<Self> {
        let address = Address::parse(url)?;
        let peer = Peer::new(&address, settings)?;
        let gate = Arc::new(Gate::new(peer.options.in_flight_max));
        Ok(Self { address, peer, gate, layout: Layout::from_environment() })
    }

    fn what(&self, verb: &str, id: &ChunkId) -> String {
        format!("{verb} chunk {id} in store {:?}", self.address.name)
    }

    /// Asks for a chunk in one form, again and again if need be; `None`: it is not there. `read` makes something of the answer
    /// and says how many bytes it had.
    async fn ask<T>(
        &self,
        (id, form): (&ChunkId, Form),
        request: &Request<'_>,
        read: impl AsyncFn(Response, &str) -> Result<(T, usize), Trouble>,
    ) -> Result<Option<T>> {
        let url = self.address.below(&self.layout.path(id, form));
        let name = url.as_str();
        self.peer
            .persist(async || {
                let pass = self.gate.enter().await;
                let done = match self.peer.ask(&url, request, name).await {
                    Ok(response) if matches!(response.status(), StatusCode::NOT_FOUND | StatusCode::GONE) => {
                        pass.answered(0);
                        return Ok(None);
                    }
                    Ok(response) => read(response, name).await,
                    Err(trouble) => Err(trouble),
                };
                match done {
                    Ok((done, bytes)) => {
                        pass.answered(bytes);
                        Ok(Some(done))
                    }
                    Err(trouble) => {
                        if trouble.is_overload() {
                            pass.overloaded();
                        }
                        Err(trouble)
                    }
                }
            })
            .await
    }

    /// Bytes that the file of a chunk has.
    fn size(&self, id: &ChunkId) -> Result<Option<Option<u64>>> {
        for form in Form::ALL {
            let asked = self.ask((id, form), &Request::HEAD, async |response, name| {
                match response.status() {
                    StatusCode::OK => {
                        let length = response.headers().get(reqwest::header::CONTENT_LENGTH);
                        let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
                        // What is empty is no chunk.
                        Ok(((length != Some(0)).then_some(length), 0))
                    }
                    _ => Err(Trouble::status(&response, name)),
                }
            });
            if let Some(Some(size)) = runtime::wait(asked).map_err(|error| error.context(self.what("look for", id)))? {
                return Ok(Some(size));
            }
        }
        Ok(None)
    }
}

impl Store for HttpStore {
    fn get(&self, id: &ChunkId, form: Form, buffer: &mut Vec<u8>) -> Result<bool> {
        let asked = self.ask((id, form), &Request::GET, async |response, name| match response.status() {
            StatusCode::OK => {
                let body = self.peer.body(response, CHUNK_MAX + FRAME_OVERHEAD, name).await?;
                let length = body.len();
                Ok((body, length))
            }
            _ => Err(Trouble::status(&response, name)),
        });
        let body = runtime::wait(asked).map_err(|error: Error| error.context(self.what("get", id)))?;
        Ok(hand_over(body, buffer))
    }

    fn has(&self, id: &ChunkId) -> Result<bool> {
        self.size(id).map(|size| size.is_some())
    }

    fn stored_size(&self, id: &ChunkId) -> Result<Option<u64>> {
        self.size(id).map(Option::flatten)
    }

    fn put(&self, id: &ChunkId, form: Form, bytes: &[u8]) -> Result<Put> {
        if self.has(id)? {
            return Ok(Put::Existed);
        }
        let bytes = Bytes::copy_from_slice(bytes);
        // Somebody else may be storing the same.
        let new = [(IF_NONE_MATCH, "*".to_owned())];
        let request = Request { method: Method::PUT, headers: &new, body: Body::Bytes(bytes.clone()) };
        let asked = self.ask((id, form), &request, async |response, name| match response.status() {
            StatusCode::PRECONDITION_FAILED => Ok((Put::Existed, 0)),
            status if status.is_success() => Ok((Put::Stored, bytes.len())),
            _ => Err(Trouble::status(&response, name)),
        });
        let failed = |error: Error| error.context(self.what("put", id)).hint("does the server take uploads by PUT?");
        runtime::wait(asked)
            .map_err(failed)?
            .ok_or_else(|| failed(Error::new(rustix::io::Errno::NOENT, "the server does not know that place")))
    }

    fn width(&self) -> usize {
        self.peer.options.in_flight_max
    }

    fn name(&self) -> &str {
        &self.address.name
    }
}
