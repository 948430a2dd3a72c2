//! One request and what is answered to it.

use std::rc::Rc;

use casync_core::archive::{Ask, Content, Found, Listing, Timestamp};
use casync_core::error::UsageError;
use casync_core::show::HttpTime;
use casync_core::{Error, Result};

use super::content_type::content_type;
use super::follow::{Follow, Reached};
use super::page::{Format, Page};
use super::path::{components, decode};
use super::range::{self, Asked};
use super::{Answer, Body, Kind, Site};

/// A request, as far as it matters here. Headers are as they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Its method.
    pub method: String,
    /// The path of its address, with escapes.
    pub path: String,
    /// What follows `?` in its address.
    pub query: Option<String>,
    /// `Range`.
    pub range: Option<String>,
    /// `If-Range`.
    pub if_range: Option<String>,
    /// `If-None-Match`.
    pub if_none_match: Option<String>,
}

/// Asks for the answer to a request: call `step` until it is `Ready`, and hand over what it needs by `provide`.
#[derive(Debug)]
pub struct Visit {
    site: Rc<Site>,
    request: Request,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing was looked at.
    Start,
    /// Looking for what the path leads to.
    Path(Follow),
    /// Looking for the page that a directory has for itself.
    Home(Follow, Box<Found>),
    /// Reading the entries of a directory.
    Entries(Box<Listing>, Page, Vec<(&'static str, String)>),
    /// Answered, or failed.
    Done,
}

impl Visit {
    pub(super) const fn new(site: Rc<Site>, request: Request) -> Self {
        Self { site, request, state: State::Start }
    }

    /// Hands over bytes of the stream that include the range asked for.
    ///
    /// # Errors
    ///
    /// [`UsageError::NotAskedFor`] if they do not.
    pub fn provide(&mut self, start: u64, bytes: &[u8]) -> Result<()> {
        match &mut self.state {
            State::Path(question) | State::Home(question, _) => question.provide(start, bytes),
            State::Entries(listing, ..) => listing.provide(start, bytes),
            State::Start | State::Done => Err(UsageError::NotAskedFor.into()),
        }
    }

    /// Answers, or asks for bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Format`] and the like for damaged archives. After an answer or an error every call fails.
    pub fn step(&mut self) -> Result<Ask<Answer>> {
        loop {
            let state = core::mem::replace(&mut self.state, State::Done);
            let (next, ask) = self.advance(state)?;
            self.state = next;
            if let Some(ask) = ask {
                return Ok(ask);
            }
        }
    }

    /// Where the first byte lies at `offset` or behind it that is known to be asked for later, so that it can be fetched
    /// ahead.
    pub fn next_after(&self, offset: u64) -> Option<u64> {
        match &self.state {
            State::Entries(listing, ..) => listing.next_after(offset),
            _ => None,
        }
    }

    fn advance(&self, state: State) -> Result<(State, Option<Ask<Answer>>)> {
        let done = |answer| (State::Done, Some(Ask::Ready(answer)));
        Ok(match state {
            State::Start => match self.begin() {
                Ok(question) => (State::Path(question), None),
                Err(answer) => done(answer),
            },
            State::Path(mut question) => match question.step()? {
                Ask::Need(range) => (State::Path(question), Some(Ask::Need(range))),
                Ask::Ready(None) => done(self.refuse(404, "Not found.")),
                Ask::Ready(Some(reached)) => self.reached(reached),
            },
            State::Home(mut question, directory) => match question.step()? {
                Ask::Need(range) => (State::Home(question, directory), Some(Ask::Need(range))),
                Ask::Ready(Some(Reached { found, .. })) if is_file(&found) => done(self.file(b"index.html", &found)),
                Ask::Ready(_) => self.entries(&directory),
            },
            State::Entries(mut listing, mut page, headers) => match listing.step()? {
                Ask::Need(range) => (State::Entries(listing, page, headers), Some(Ask::Need(range))),
                Ask::Ready(Some(found)) => {
                    page.push(&found);
                    (State::Entries(listing, page, headers), None)
                }
                Ask::Ready(None) => done(Answer { status: 200, headers, body: Body::Text(page.finish()) }),
            },
            State::Done => return Err(Error::Usage(UsageError::OutOfTurn)),
        })
    }

    /// The question for the path, or what can be answered at once.
    fn begin(&self) -> core::result::Result<Follow, Answer> {
        let Self { site, request, .. } = self;
        if request.method != "GET" && !self.is_head() {
            return Err(Answer::line(405, "Only GET and HEAD.", vec![("Allow", "GET, HEAD".into())]));
        }
        if site.kind == Kind::Image {
            return Err(self.body(0, site.table.stream_size(), b"image.img", None));
        }
        let base = &site.settings.base;
        let below = request.path.strip_prefix(base.as_str());
        // `/base` is not in front of `/based`.
        let below = below.filter(|below| base.ends_with('/') || below.is_empty() || below.starts_with('/'));
        let Some(path) = below else { return Err(self.refuse(404, "Not found.")) };
        let path = decode(path).ok_or_else(|| self.refuse(400, "The path has broken escapes."))?;
        Ok(Follow::new(site.tree, components(&path).collect()))
    }

    fn reached(&self, Reached { mut path, found }: Reached) -> (State, Option<Ask<Answer>>) {
        let done = |answer| (State::Done, Some(Ask::Ready(answer)));
        let Self { site, request, .. } = self;
        if is_file(&found) {
            return done(self.file(path.last().map_or(&[], Vec::as_slice), &found));
        }
        if found.node.content != Content::Directory {
            let kind = crate::file_type::name(found.node.content.file_type());
            return done(self.refuse(404, &format!("This is a {kind}.")));
        }
        let has_name = request.path.len() > site.settings.base.len();
        if has_name && !request.path.ends_with('/') {
            let query = request.query.as_ref().map_or_else(String::new, |query| format!("?{query}"));
            let mut headers = self.headers(None);
            headers.push(("Location", format!("{}/{query}", request.path)));
            return done(Answer::line(301, "It is a directory.", headers).head(self.is_head()));
        }
        if self.format().is_some() {
            return self.entries(&found);
        }
        path.push(b"index.html".to_vec());
        (State::Home(Follow::new(site.tree, path), Box::new(found)), None)
    }

    /// Begins to list a directory.
    fn entries(&self, directory: &Found) -> (State, Option<Ask<Answer>>) {
        let done = |answer| (State::Done, Some(Ask::Ready(answer)));
        let format = self.format().unwrap_or(Format::Html);
        let suffix = if format == Format::Json { "j" } else { "" };
        let etag = self.site.etag(&format!("d{}{suffix}", directory.located.entry));
        let mut headers = self.headers(Some(&etag));
        if self.is_unchanged(&etag) {
            return done(Answer { status: 304, headers, body: Body::Empty });
        }
        let content_type = if format == Format::Json { "application/json" } else { "text/html; charset=utf-8" };
        headers.push(("Content-Type", content_type.to_owned()));
        if self.is_head() {
            return done(Answer { status: 200, headers, body: Body::Empty });
        }
        let page = Page::new(format, &decode(&self.request.path).unwrap_or_default());
        (State::Entries(Box::new(self.site.tree.list(directory.located)), page, headers), None)
    }

    fn file(&self, name: &[u8], found: &Found) -> Answer {
        let size = found.located.end - found.content;
        self.body(found.content, size, name, Some(found.node.metadata.mtime))
    }

    /// A part of the stream as a body, whole or a range of it.
    fn body(&self, start: u64, size: u64, name: &[u8], modified: Option<Timestamp>) -> Answer {
        let etag = self.site.etag(&format!("{start:x}-{size:x}"));
        let mut headers = self.headers(Some(&etag));
        headers.push(("Content-Type", content_type(name)));
        headers.push(("Accept-Ranges", "bytes".into()));
        // A page out of an archive may run no more than any other page of this origin.
        headers.push(("X-Content-Type-Options", "nosniff".into()));
        if let Some(modified) = modified.filter(|time| time.to_unix().0 > 0) {
            headers.push(("Last-Modified", HttpTime::new(modified).to_string()));
        }
        if self.is_unchanged(&etag) {
            return Answer { status: 304, headers, body: Body::Empty };
        }
        let asked = match self.request.range.as_deref() {
            Some(header) if self.request.if_range.as_ref().is_none_or(|tag| *tag == etag) => range::parse(header, size),
            _ => Asked::All,
        };
        let (status, mut part) = match asked {
            Asked::All => (200, 0..size),
            Asked::Part(part) => (206, part),
            Asked::Outside => {
                headers.push(("Content-Range", format!("bytes */{size}")));
                headers.retain(|(name, _)| *name != "Content-Type");
                return Answer::line(416, "There is no such range.", headers).head(self.is_head());
            }
        };
        let most = self.site.reach(start + part.start, start + part.end) - start;
        if most < part.end {
            // Part of what was asked for is an answer to a range, not to anything else.
            if status == 200 {
                let most = self.site.settings.max_chunks;
                let message = format!("This takes more than {most} requests to the origin: ask for ranges.");
                let headers = vec![("Cache-Control", "no-cache".into()), ("Accept-Ranges", "bytes".into())];
                return Answer::line(413, &message, headers).head(self.is_head());
            }
            part.end = most;
        }
        headers.push(("Content-Length", (part.end - part.start).to_string()));
        if status == 206 {
            headers.push(("Content-Range", format!("bytes {}-{}/{size}", part.start, part.end - 1)));
        }
        let body = if part.is_empty() { Body::Empty } else { Body::Stream(start + part.start..start + part.end) };
        Answer { status, headers, body }.head(self.is_head())
    }

    fn refuse(&self, status: u16, message: &str) -> Answer {
        Answer::line(status, message, self.headers(None)).head(self.is_head())
    }

    fn is_head(&self) -> bool {
        self.request.method == "HEAD"
    }

    /// How a directory is to be shown, if the address says it.
    fn format(&self) -> Option<Format> {
        let query = self.request.query.as_deref().unwrap_or_default();
        let format = query.split('&').find_map(|pair| pair.strip_prefix("format="))?;
        Some(if format == "json" { Format::Json } else { Format::Html })
    }

    fn is_unchanged(&self, etag: &str) -> bool {
        let given = self.request.if_none_match.as_deref();
        given.is_some_and(|given| {
            given.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
        })
    }

    fn headers(&self, etag: Option<&str>) -> Vec<(&'static str, String)> {
        match etag {
            Some(etag) => {
                vec![("Cache-Control", self.site.settings.cache_control.clone()), ("ETag", etag.to_owned())]
            }
            None => vec![("Cache-Control", "no-cache".to_owned())],
        }
    }
}

fn is_file(found: &Found) -> bool {
    matches!(found.node.content, Content::Regular { .. })
}
