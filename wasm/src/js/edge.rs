//! What a server at the edge answers: requests and responses are the platform's own objects.

use std::rc::Rc;

use casync_core::archive::Ask;
use js_sys::Object;
use wasm_bindgen::prelude::*;
use web_sys::{Headers, ReadableStream, Request, Response, ResponseInit, Url};

use super::ask::{JsRange, range};
use super::{Failure, Index, JsLimits, amount, limits};
use crate::code::Code;
use crate::edge::{self, Answer, Body, Kind, Settings};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** How an index is served. */
export interface SiteOptions {
  /** The path in front of everything; default `/`. */
  base?: string;
  /** Chunks that one answer's contents may take; default 900. */
  maxChunks?: number;
  /** Of everything that does not change. */
  cacheControl?: string;
}

/** The answer to a request, or the range of the stream to provide for it. */
export type VisitStep = { readonly need: ByteRange; readonly ready?: undefined } | { readonly need?: undefined; readonly ready: SiteAnswer };
"#;

#[wasm_bindgen]
extern "C" {
    /// How an index is served.
    #[wasm_bindgen(typescript_type = "SiteOptions")]
    #[derive(Debug)]
    pub type JsSiteOptions;

    #[wasm_bindgen(method, getter)]
    fn base(this: &JsSiteOptions) -> Option<String>;

    #[wasm_bindgen(method, getter, js_name = maxChunks)]
    fn max_chunks(this: &JsSiteOptions) -> Option<f64>;

    #[wasm_bindgen(method, getter, js_name = cacheControl)]
    fn cache_control(this: &JsSiteOptions) -> Option<String>;

    /// An answer or a need.
    #[wasm_bindgen(typescript_type = "VisitStep")]
    #[derive(Debug)]
    pub type JsVisitStep;

    #[wasm_bindgen(method, setter)]
    fn set_ready(this: &JsVisitStep, answer: SiteAnswer);

    #[wasm_bindgen(method, setter)]
    fn set_need(this: &JsVisitStep, range: JsRange);
}

/// An index that is served: files and directories of an archive, ranges of an image.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Site(Rc<edge::Site>);

#[wasm_bindgen]
impl Site {
    /// Serves an index of this kind: `archive` or `blob`.
    #[wasm_bindgen(constructor)]
    pub fn new(
        index: &Index,
        #[wasm_bindgen(unchecked_param_type = "\"archive\" | \"blob\"")] kind: &str,
        options: Option<JsSiteOptions>,
        bounds: Option<JsLimits>,
    ) -> Result<Self, Failure> {
        let kind = match kind {
            "archive" => Kind::Archive,
            "blob" => Kind::Image,
            _ => return Err(Failure::new(Code::Usage, &format!("{kind} is no kind of index"))),
        };
        let mut settings = Settings::default();
        if let Some(options) = options {
            settings.base = options.base().unwrap_or(settings.base);
            settings.cache_control = options.cache_control().unwrap_or(settings.cache_control);
            if let Some(chunks) = options.max_chunks() {
                settings.max_chunks = amount::from_js_saturating(chunks)?;
            }
        }
        Ok(Self(Rc::new(edge::Site::new(index.table(), kind, settings, &limits::read(bounds)?)?)))
    }

    /// Begins to answer a request.
    pub fn visit(&self, request: Request) -> Result<Visit, Failure> {
        let failed = |_| Failure::new(Code::Usage, "the request has no address");
        let url = Url::new(&request.url()).map_err(failed)?;
        let headers = request.headers();
        let header = |name| headers.get(name).ok().flatten();
        Ok(Visit(self.0.visit(edge::Request {
            method: request.method(),
            path: url.pathname(),
            query: url.search().strip_prefix('?').map(str::to_owned),
            range: header("range"),
            if_range: header("if-range"),
            if_none_match: header("if-none-match"),
        })))
    }
}

/// Asks for the answer to a request. Made by `Site.visit`.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Visit(edge::Visit);

#[wasm_bindgen]
impl Visit {
    /// The answer, or what to provide.
    pub fn step(&mut self) -> Result<JsVisitStep, Failure> {
        let step = Object::new().unchecked_into::<JsVisitStep>();
        match self.0.step()? {
            Ask::Ready(answer) => step.set_ready(SiteAnswer(answer)),
            Ask::Need(bytes) => step.set_need(range(&bytes)?),
        }
        Ok(step)
    }

    /// Hands over bytes of the stream that include the range asked for. More of them saves further questions.
    pub fn provide(&mut self, start: f64, bytes: &[u8]) -> Result<(), Failure> {
        Ok(self.0.provide(amount::from_js(start)?, bytes)?)
    }

    /// Where the first byte lies at `offset` or behind it that is known to be asked for later: it can be fetched ahead.
    #[wasm_bindgen(js_name = nextAfter)]
    pub fn next_after(&self, offset: f64) -> Result<Option<f64>, Failure> {
        self.0.next_after(amount::from_js(offset)?).map(amount::to_js).transpose()
    }
}

/// What is sent back.
#[wasm_bindgen]
#[derive(Debug)]
pub struct SiteAnswer(Answer);

#[wasm_bindgen]
impl SiteAnswer {
    /// What is said where an origin has nothing that can be served; `code` is that of the error.
    pub fn failure(code: &str) -> Self {
        Self(Answer::failure(code))
    }

    /// The bytes of the stream that the body is made of; nothing if it is empty or text.
    #[wasm_bindgen(getter, unchecked_return_type = "ByteRange | undefined")]
    pub fn stream(&self) -> Result<Option<JsRange>, Failure> {
        match &self.0.body {
            Body::Stream(bytes) => range(bytes).map(Some),
            Body::Empty | Body::Text(_) => Ok(None),
        }
    }

    /// The response; `body` is the stream with those bytes.
    pub fn response(&self, body: Option<ReadableStream>) -> Result<Response, JsValue> {
        let headers = Headers::new()?;
        for (name, value) in &self.0.headers {
            headers.set(name, value)?;
        }
        let init = ResponseInit::new();
        init.set_status(self.0.status);
        init.set_headers(&headers);
        match &self.0.body {
            Body::Empty => Response::new_with_opt_str_and_init(None, &init),
            Body::Text(text) => Response::new_with_opt_str_and_init(Some(text), &init),
            Body::Stream(_) => Response::new_with_opt_readable_stream_and_init(body.as_ref(), &init),
        }
    }
}

/// Chunks that finding a path and listing a directory may take beside an answer's contents.
#[wasm_bindgen(js_name = searchChunks)]
pub fn search_chunks() -> usize {
    edge::SEARCH_CHUNKS
}

/// The type of a file by the end of its name, as a header of HTTP has it.
#[wasm_bindgen(js_name = contentType)]
pub fn content_type(path: &str) -> String {
    edge::content_type(path.as_bytes())
}
