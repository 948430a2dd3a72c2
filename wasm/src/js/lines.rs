//! `list` and `mtree` of a whole archive.

use casync_core::show;
use wasm_bindgen::prelude::*;

use super::{Failure, JsLimits, amount, limits};
use crate::feed::Feed;

/// Makes the text that `casync list` or `casync mtree` prints, from an archive that arrives in pieces.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Lines {
    feed: Feed,
    lines: show::Lines,
    /// Whether the text says nothing about payload.
    passes_payload: bool,
    /// By how much later than the last piece ended the next one may start.
    skipped: u64,
}

#[wasm_bindgen]
impl Lines {
    /// The text of `casync list`.
    pub fn list(limits: Option<JsLimits>) -> Result<Self, Failure> {
        Self::new(limits, show::Lines::list(), true)
    }

    /// The text of `casync mtree`.
    pub fn mtree(limits: Option<JsLimits>) -> Result<Self, Failure> {
        Self::new(limits, show::Lines::mtree(), false)
    }

    /// Takes the next piece; returns the lines that it completes.
    pub fn feed(&mut self, bytes: Vec<u8>) -> Result<String, Failure> {
        let mut text = String::new();
        self.feed.feed(bytes)?;
        self.skipped = 0;
        while let Some(event) = self.feed.step()? {
            self.lines.push(&event, &mut text);
            if self.passes_payload {
                let left = self.feed.decoder().payload_left();
                self.skipped += self.feed.skip(left)?;
            }
        }
        Ok(text)
    }

    /// By how many bytes later than the last piece ended the next one has to start: payload that the text says nothing about.
    pub fn skip(&self) -> Result<f64, Failure> {
        amount::to_js(self.skipped)
    }

    /// Ends the input. Throws if the archive is not complete.
    pub fn finish(&self) -> Result<(), Failure> {
        Ok(self.feed.finish()?)
    }
}

impl Lines {
    fn new(limits: Option<JsLimits>, lines: show::Lines, passes_payload: bool) -> Result<Self, Failure> {
        Ok(Self { feed: Feed::new(&limits::read(limits)?), lines, passes_payload, skipped: 0 })
    }
}
