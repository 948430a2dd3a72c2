//! A page for browsers that shows an index: one file that needs no other, readable without scripts, at night, with the
//! keyboard and by ear.
//!
//! ```text
//! title, what it is about
//! maps        legend with sums; cells in the order of the stream (SVG); a slider that tells of the cell it is on;
//!             the largest runs as a table
//! histogram   a table with bars
//! facts       a table
//! ```
//!
//! Its size is bounded by that of [`ChunkMap`], however large the index is. The script only moves the slider: nothing is
//! loaded, which the page's own policy forbids, too.

mod escape;
mod map;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use casync_core::hash::DigestAlgorithm;

pub use escape::Escaped;
pub use map::{Class, Map};

use crate::flow::inspect::Bucket;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What a page shows.
#[derive(Debug)]
pub struct Page<'a> {
    /// What it is about, in a few words.
    pub title: &'a str,
    /// What is to be known first.
    pub lead: &'a str,
    /// Where chunks come from and go to.
    pub maps: &'a [Map<'a>],
    /// How many chunks there are of which size, by what the ranges are called.
    pub histogram: &'a [(String, Bucket)],
    /// Everything else, by label; a row without one belongs to that above.
    pub facts: &'a [(&'static str, String)],
}

impl Page<'_> {
    /// The text of the page.
    pub fn render(&self) -> String {
        let mut text = String::with_capacity(64 << 10);
        // Writing to a string does not fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let title = Escaped(self.title);
        let [style, script] = [STYLE, SCRIPT].map(|text| {
            let digest = DigestAlgorithm::Sha256.digest(text.as_bytes());
            STANDARD.encode(digest.as_bytes())
        });
        writeln!(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\" />")?;
        writeln!(
            out,
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{style}'; \
             script-src 'sha256-{script}'\" />"
        )?;
        writeln!(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />")?;
        writeln!(out, "<meta name=\"color-scheme\" content=\"light dark\" />")?;
        writeln!(out, "<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>")?;
        writeln!(out, "<h1>{title}</h1>\n<p class=\"lead\">{}</p>", Escaped(self.lead))?;
        for (number, map) in self.maps.iter().enumerate() {
            map.write(number, out)?;
        }
        self.write_histogram(out)?;
        writeln!(out, "<section aria-labelledby=\"facts\">\n<h2 id=\"facts\">Facts</h2>\n<table>\n<tbody>")?;
        for (label, value) in self.facts {
            writeln!(out, "<tr><th scope=\"row\">{}</th><td>{}</td></tr>", Escaped(label), Escaped(value))?;
        }
        writeln!(out, "</tbody>\n</table>\n</section>\n</main>\n<script>{SCRIPT}</script>\n</body>\n</html>")
    }

    fn write_histogram(&self, out: &mut String) -> std::fmt::Result {
        let highest = self.histogram.iter().map(|(_, bucket)| bucket.sum.chunks).max().unwrap_or(0);
        if highest == 0 {
            return Ok(());
        }
        writeln!(out, "<section aria-labelledby=\"sizes\">\n<h2 id=\"sizes\">Chunks by size</h2>\n<table>")?;
        writeln!(
            out,
            "<thead><tr><th scope=\"col\">Size</th><th scope=\"col\" class=\"number\">Chunks</th>\
             <th scope=\"col\" class=\"number\">Bytes</th><td></td></tr></thead>\n<tbody>"
        )?;
        for (range, bucket) in self.histogram {
            let width = bucket.sum.chunks as f64 * 100.0 / highest as f64;
            writeln!(
                out,
                "<tr><th scope=\"row\">{}</th><td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"bar\">\
                 <svg viewBox=\"0 0 100 1\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
                 <rect width=\"{width:.1}\" height=\"1\" /></svg></td></tr>",
                Escaped(range),
                bucket.sum.chunks,
                bucket.sum.bytes
            )?;
        }
        writeln!(out, "</tbody>\n</table>\n</section>")
    }
}
