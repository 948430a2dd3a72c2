//! The edge as a component: a handler of `wasi:http` for hosts like `wasmtime serve`.
//!
//! ```text
//! host > handle(request) > edge::Visit -Need(range)-> Chunks > Fetch (wasi:http, several at once) > verify > provide
//!                                      -Ready-> head, then chunk by chunk: fetch ahead > verify > write
//! ```
//!
//! Waits only in [`chunks`] (for origins) and [`reply`] (for the client). What outlives a request, if the host lets the
//! instance live: the index and the chunks used last.

mod address;
mod cache;
mod chunks;
mod fetch;
mod index;
mod problem;
mod reply;
mod settings;

use std::cell::RefCell;
use std::rc::Rc;

use casync_core::archive::Ask;
use casync_core::codec::Decoder;
use wasip2::http::types::{IncomingRequest, Method, ResponseOutparam};

use self::cache::Cache;
use self::chunks::Chunks;
use self::problem::Problem;
use self::settings::Settings;
use crate::edge::{Answer, Body, Request, SEARCH_CHUNKS, Site};

struct Component;

impl wasip2::exports::http::incoming_handler::Guest for Component {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let request = asked(&request);
        match served().and_then(|served| answer(&served, request)) {
            Ok((served, answer, chunks)) => reply::send(out, answer, &served, chunks),
            Err(problem) => reply::refuse(out, &problem),
        }
    }
}

wasip2::http::proxy::export!(Component);

/// What outlives a request.
struct Served {
    site: Rc<Site>,
    settings: Settings,
    cache: RefCell<Cache>,
    decoder: RefCell<Decoder>,
}

/// Reads the index when the first request comes.
fn served() -> Result<Rc<Served>, Problem> {
    thread_local! {
        static SERVED: RefCell<Option<Rc<Served>>> = const { RefCell::new(None) };
    }
    if let Some(served) = SERVED.with_borrow(Clone::clone) {
        return Ok(served);
    }
    let settings = Settings::from_environment()?;
    let site = index::site(&settings)?;
    let cache = RefCell::new(Cache::new(settings.memory));
    let served = Rc::new(Served { site, settings, cache, decoder: RefCell::new(Decoder::new()) });
    SERVED.set(Some(served.clone()));
    Ok(served)
}

type Answered = (Rc<Served>, Answer, Chunks);

/// Finds the answer, and the first chunk of a body: an origin that is damaged there is refused with a status.
fn answer(served: &Rc<Served>, request: Request) -> Result<Answered, Problem> {
    let most = served.settings.site.max_chunks + SEARCH_CHUNKS;
    let mut chunks = Chunks::new(served.clone(), most);
    let mut visit = served.site.visit(request);
    let answer = loop {
        match visit.step()? {
            Ask::Ready(answer) => break answer,
            Ask::Need(range) => {
                let (start, bytes) = chunks.read(range, |offset| visit.next_after(offset))?;
                visit.provide(start, &bytes)?;
            }
        }
    };
    if let Body::Stream(range) = &answer.body {
        chunks.covering(range.start, range.end)?;
    }
    Ok((served.clone(), answer, chunks))
}

fn asked(request: &IncomingRequest) -> Request {
    let address = request.path_with_query().unwrap_or_default();
    let (path, query) = match address.split_once('?') {
        Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
        None => (address, None),
    };
    let headers = request.headers();
    let header = |name: &str| headers.get(name).first().and_then(|value| String::from_utf8(value.clone()).ok());
    Request {
        method: match request.method() {
            Method::Get => "GET".to_owned(),
            Method::Head => "HEAD".to_owned(),
            other => format!("{other:?}"),
        },
        path,
        query,
        range: header("range"),
        if_range: header("if-range"),
        if_none_match: header("if-none-match"),
    }
}
