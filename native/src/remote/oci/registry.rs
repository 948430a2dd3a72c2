//! One repository of a registry: requests with their logins, manifests, blobs, tags.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, LINK, LOCATION};
use reqwest::{Method, Response, StatusCode, Url};
use rustix::io::Errno;
use serde::Deserialize;
use tokio::sync::OnceCell;

use super::access::Access;
use super::manifest::{Descriptor, EMPTY, MANIFEST, Manifest};
use super::place::Place;
use crate::error::{Error, Result};
use crate::remote::http::{Address, Body, Gate, Peer, Request, Trouble};
use crate::remote::settings::Settings;

/// A repository.
#[derive(Debug)]
pub(super) struct Registry {
    pub(super) address: Address,
    peer: Peer,
    gate: Gate,
    /// What people call it.
    pub(super) name: String,
    /// Whether the configuration that all manifests name is there.
    configuration: OnceCell<()>,
}

/// What a tag names: its manifest, and the manifest's own digest.
#[derive(Debug)]
pub(super) struct Tagged {
    pub(super) manifest: Manifest,
    pub(super) digest: String,
}

/// Answers of which this is more than enough are not read.
const MANIFEST_MAX: u64 = 4 << 20;
const TAGS_MAX: u64 = 256 << 20;

impl Registry {
    pub(super) fn new(place: &Place, settings: &Settings) -> Result<Self> {
        let address = Address::parse(&place.url)?;
        let peer = Peer::new(&address, settings)?;
        let gate = Gate::new(peer.options.in_flight_max);
        let access = Access::new(address.clone(), place.host.clone(), settings.clone(), peer.authorization().cloned());
        let peer = peer.kept_by(Arc::new(access));
        Ok(Self { address, peer, gate, name: place.name.clone(), configuration: OnceCell::new() })
    }

    /// Requests that are under way at the same time, at most.
    pub(super) const fn width(&self) -> usize {
        self.peer.options.in_flight_max
    }

    /// The place of something in the repository.
    pub(super) fn url(&self, path: &str) -> Url {
        self.address.below(path)
    }

    /// The host, and what it is shown.
    pub(super) fn peer(&self) -> Peer {
        self.peer.clone()
    }

    /// Tries until it works, it cannot work, or it has been tried often enough.
    pub(super) async fn persist<T>(&self, mut attempt: impl AsyncFnMut() -> Result<T, Trouble>) -> Result<T> {
        self.peer
            .persist(async || {
                let pass = self.gate.enter().await;
                let done = attempt().await;
                match &done {
                    Ok(_) => pass.answered(0),
                    Err(trouble) if trouble.is_overload() => pass.overloaded(),
                    Err(_) => {}
                }
                done
            })
            .await
    }

    async fn ask(&self, url: &Url, request: &Request<'_>) -> Result<Response, Trouble> {
        self.peer.ask(url, request, &self.name).await
    }

    /// The trouble that an answer stands for, with what the registry says about it.
    async fn trouble(&self, response: Response) -> Trouble {
        #[derive(Deserialize)]
        struct Answer {
            errors: Vec<Reason>,
        }
        #[derive(Deserialize)]
        struct Reason {
            code: String,
            #[serde(default)]
            message: String,
        }
        let trouble = Trouble::status(&response, &self.name);
        let body = self.peer.body(response, MANIFEST_MAX, &self.name).await.unwrap_or_default();
        let reason = serde_json::from_slice(&body).ok().and_then(|answer: Answer| answer.errors.into_iter().next());
        let Some(reason) = reason else { return trouble };
        let trouble = match trouble {
            // It is right. Debian's registry takes it for wrong now and then while others upload the same.
            Trouble::Lasting(error) if reason.code == "DIGEST_INVALID" => Trouble::passing(error),
            trouble => trouble,
        };
        let clean = |text: &str| text.chars().filter(|c| !c.is_control()).take(200).collect::<String>();
        trouble.context(format!("{}, {}", clean(&reason.code), clean(&reason.message)))
    }

    /// What a tag names; `None`: nothing, or what is no manifest.
    pub(super) async fn tagged(&self, tag: &str) -> Result<Option<Tagged>, Trouble> {
        let headers = [(ACCEPT, MANIFEST.to_owned())];
        let request = Request { headers: &headers, ..Request::GET };
        let response = self.ask(&self.url(&format!("manifests/{tag}")), &request).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            _ => return Err(self.trouble(response).await),
        }
        let body = self.peer.body(response, MANIFEST_MAX, &self.name).await?;
        let Ok(manifest) = serde_json::from_slice(&body) else { return Ok(None) };
        Ok(Some(Tagged { manifest, digest: Descriptor::of(&body).digest }))
    }

    /// The bytes of a blob; `None`: it is not there.
    pub(super) async fn blob(&self, blob: &Descriptor) -> Result<Option<Vec<u8>>, Trouble> {
        let response = self.ask(&self.url(&format!("blobs/{}", blob.digest)), &Request::GET).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            _ => return Err(self.trouble(response).await),
        }
        let body = self.peer.body(response, blob.size, &self.name).await?;
        if Descriptor::of(&body).digest != blob.digest {
            let text = format!("{}: blob {} holds something else", self.name, blob.digest);
            return Err(Trouble::passing(Error::new(Errno::BADMSG, text)));
        }
        Ok(Some(body))
    }

    /// Stores a blob, unless it is there.
    pub(super) async fn put_blob(&self, blob: &Descriptor, content: &Body<'_>) -> Result<(), Trouble> {
        let response = self.ask(&self.url(&format!("blobs/{}", blob.digest)), &Request::HEAD).await?;
        match response.status() {
            StatusCode::OK => return Ok(()),
            StatusCode::NOT_FOUND => {}
            _ => return Err(self.trouble(response).await),
        }
        let empty = [(CONTENT_LENGTH, "0".to_owned())];
        let start = Request { method: Method::POST, headers: &empty, body: Body::None };
        let base = self.url("blobs/uploads/");
        let response = self.ask(&base, &start).await?;
        if response.status() != StatusCode::ACCEPTED {
            return Err(self.trouble(response).await);
        }
        let location = response.headers().get(LOCATION).and_then(|location| base.join(location.to_str().ok()?).ok());
        let mut url = location.ok_or_else(|| {
            Trouble::Lasting(Error::new(
                Errno::PROTO,
                format!("{}: the registry does not say where to upload", self.name),
            ))
        })?;
        url.query_pairs_mut().append_pair("digest", &blob.digest);
        let headers = [(CONTENT_TYPE, "application/octet-stream".to_owned()), (CONTENT_LENGTH, blob.size.to_string())];
        let response =
            self.ask(&url, &Request { method: Method::PUT, headers: &headers, body: content.clone() }).await?;
        if response.status().is_success() { Ok(()) } else { Err(self.trouble(response).await) }
    }

    /// Lets a tag name a blob that is there.
    pub(super) async fn put_manifest(&self, tag: &str, manifest: &Manifest) -> Result<(), Trouble> {
        let configuration = self.configuration.get_or_try_init(async || {
            self.put_blob(&Descriptor::of(EMPTY), &Body::Bytes(Bytes::from_static(EMPTY))).await
        });
        configuration.await?;
        let text = serde_json::to_vec(manifest).map_err(|error| Error::new(Errno::INVAL, error.to_string()))?;
        let headers = [(CONTENT_TYPE, MANIFEST.to_owned())];
        let request = Request { method: Method::PUT, headers: &headers, body: Body::Bytes(text.into()) };
        let response = self.ask(&self.url(&format!("manifests/{tag}")), &request).await?;
        if response.status().is_success() { Ok(()) } else { Err(self.trouble(response).await) }
    }

    /// Stores a blob and a manifest that names it.
    pub(super) async fn put(
        &self,
        kind: &str,
        tag: &str,
        blob: Descriptor,
        content: Body<'_>,
        annotations: BTreeMap<String, String>,
    ) -> Result<(), Trouble> {
        self.put_blob(&blob, &content).await?;
        self.put_manifest(tag, &Manifest::new(kind, blob, tag, annotations)).await
    }

    /// Removes a manifest. The registry's own garbage collection takes the blobs.
    pub(super) async fn remove(&self, digest: &str) -> Result<(), Trouble> {
        let request = Request { method: Method::DELETE, headers: &[], body: Body::None };
        let response = self.ask(&self.url(&format!("manifests/{digest}")), &request).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(()),
            status if status.is_success() => Ok(()),
            StatusCode::METHOD_NOT_ALLOWED => {
                let error =
                    Error::new(Errno::OPNOTSUPP, format!("{}: the registry does not let things be removed", self.name));
                Err(Trouble::Lasting(
                    error.hint("the distribution registry does with REGISTRY_STORAGE_DELETE_ENABLED=true"),
                ))
            }
            _ => Err(self.trouble(response).await),
        }
    }

    /// A page of the tags, and where the next is.
    pub(super) async fn tags(&self, page: Option<&Url>) -> Result<(Vec<String>, Option<Url>), Trouble> {
        #[derive(Deserialize)]
        struct Answer {
            tags: Option<Vec<String>>,
        }
        let first = || {
            let mut url = self.url("tags/list");
            url.set_query(Some("n=1000"));
            url
        };
        let url = page.cloned().unwrap_or_else(first);
        let response = self.ask(&url, &Request::GET).await?;
        match response.status() {
            StatusCode::OK => {}
            // Nobody has put anything there yet.
            StatusCode::NOT_FOUND => return Ok((Vec::new(), None)),
            _ => return Err(self.trouble(response).await),
        }
        let next = response.headers().get(LINK).and_then(|link| next(link.to_str().ok()?, &url));
        let body = self.peer.body(response, TAGS_MAX, &self.name).await?;
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| {
            Trouble::Lasting(Error::new(Errno::PROTO, format!("{}: the list of tags cannot be read", self.name)))
        })?;
        Ok((answer.tags.unwrap_or_default(), next.filter(|next| *next != url)))
    }
}

/// Where a `Link:` header says that the next page is; only on the same host.
fn next(link: &str, url: &Url) -> Option<Url> {
    let (target, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
    let next = url.join(target).ok()?;
    (rest.contains("next") && next.origin() == url.origin()).then_some(next)
}
