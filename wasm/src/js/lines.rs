//! `list` and `mtree` of a whole archive.

use casync_core::show;
use wasm_bindgen::prelude::*;

use super::{Failure, JsLimits, limits};
use crate::feed::Feed;

/// Makes the text that `casync list` or `casync mtree` prints, from an archive that arrives in pieces.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Lines {
    feed: Feed,
    lines: show::Lines,
}

#[wasm_bindgen]
impl Lines {
    /// The text of `casync list`.
    pub fn list(limits: Option<JsLimits>) -> Result<Self, Failure> {
        Ok(Self { feed: Feed::new(&limits::read(limits)?), lines: show::Lines::list() })
    }

    /// The text of `casync mtree`.
    pub fn mtree(limits: Option<JsLimits>) -> Result<Self, Failure> {
        Ok(Self { feed: Feed::new(&limits::read(limits)?), lines: show::Lines::mtree() })
    }

    /// Takes the next piece; returns the lines that it completes.
    pub fn feed(&mut self, bytes: Vec<u8>) -> Result<String, Failure> {
        let mut text = String::new();
        self.feed.feed(bytes)?;
        while let Some(event) = self.feed.step()? {
            self.lines.push(&event, &mut text);
        }
        Ok(text)
    }

    /// Ends the input. Throws if the archive is not complete.
    pub fn finish(&self) -> Result<(), Failure> {
        Ok(self.feed.finish()?)
    }
}
