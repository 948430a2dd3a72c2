//! The map of a page: a cell for each chunk, or for several in a row, in the order of the stream.

use std::fmt::Write as _;

use casync_core::quantity::Bytes;

use super::Escaped;
use crate::flow::inspect::{Cell, ChunkMap};

/// A map with a heading.
#[derive(Debug)]
pub struct Map<'a> {
    /// What it is a map of.
    pub heading: &'a str,
    /// What the classes of its chunks are called, in their order.
    pub classes: &'static [Class],
    /// The map.
    pub map: &'a ChunkMap,
    /// Where the stream ends.
    pub end: u64,
}

/// A class of chunks.
#[derive(Clone, Copy, Debug)]
pub struct Class {
    /// What people call it; empty if there can be none.
    pub name: &'static str,
    /// What the style sheet calls it.
    pub style: &'static str,
}

/// Units from the start of a cell to that of the next, and what of that is filled.
const PITCH: usize = 10;
const FILLED: f64 = 9.0;

impl Map<'_> {
    pub(super) fn write(&self, number: usize, out: &mut String) -> std::fmt::Result {
        let heading = Escaped(self.heading);
        writeln!(
            out,
            "<section aria-labelledby=\"map{number}\" class=\"map\">\n<h2 id=\"map{number}\">{heading}</h2>"
        )?;
        self.write_legend(out)?;
        if self.map.cells.is_empty() {
            return writeln!(out, "<p>The stream is empty.</p>\n</section>");
        }
        self.write_cells(number, out)?;
        self.write_slider(number, out)?;
        self.write_runs(out)?;
        writeln!(out, "</section>")
    }

    fn write_legend(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "<table>\n<thead><tr><th scope=\"col\">Chunks that are</th><th scope=\"col\" class=\"number\">Chunks</th>\
             <th scope=\"col\" class=\"number\">Bytes</th><th scope=\"col\" class=\"number\">Share</th></tr></thead>\n<tbody>"
        )?;
        for (class, sum) in self.classes.iter().zip(self.map.sums).filter(|(class, _)| !class.name.is_empty()) {
            let Class { name, style } = class;
            let share = if self.end > 0 { sum.bytes as f64 * 100.0 / self.end as f64 } else { 0.0 };
            writeln!(
                out,
                "<tr><th scope=\"row\"><svg class=\"swatch {style}\" viewBox=\"0 0 1 1\" aria-hidden=\"true\">\
                 <rect width=\"1\" height=\"1\" /></svg> {name}</th><td class=\"number\">{}</td>\
                 <td class=\"number\">{}</td><td class=\"number\">{share:.1}%</td></tr>",
                sum.chunks, sum.bytes
            )?;
        }
        writeln!(out, "</tbody>\n</table>")
    }

    /// Wide rather than high, and not wider than a window.
    fn columns(&self) -> usize {
        const WIDEST: usize = 64;
        let cells = self.map.cells.len();
        (4 * cells).isqrt().max(1).min(cells).min(WIDEST)
    }

    fn write_cells(&self, number: usize, out: &mut String) -> std::fmt::Result {
        /// Width of the page, and widths of a cell that look well, in pixels.
        const PAGE: usize = 960;
        const CELL: std::ops::RangeInclusive<usize> = 15..=30;
        let columns = self.columns();
        let pixels = (PAGE / columns).clamp(*CELL.start(), *CELL.end());
        let (width, height) = (columns * PITCH, self.map.cells.len().div_ceil(columns) * PITCH);
        writeln!(
            out,
            "<svg class=\"cells\" role=\"img\" aria-labelledby=\"title{number}\" viewBox=\"0 0 {width} {height}\" \
             width=\"{}\">\n<title id=\"title{number}\">{}: the table above has the sums, the slider below tells of \
             each cell</title>",
            columns * pixels,
            Escaped(self.heading)
        )?;
        // One path for each class takes far less room than a shape for each cell.
        for (class, Class { style, .. }) in self.classes.iter().enumerate() {
            let mut path = String::new();
            for (place, cell) in self.map.cells.iter().enumerate() {
                let (from, to) = part(cell, class);
                if to > from {
                    let (x, y) = ((place % columns * PITCH) as f64 + from, place / columns * PITCH);
                    let wide = to - from;
                    write!(path, "M{x:.1} {y}h{wide:.1}v{FILLED}h-{wide:.1}z")?;
                }
            }
            if !path.is_empty() {
                writeln!(out, "<path class=\"{style}\" d=\"{path}\" />")?;
            }
        }
        writeln!(out, "<rect class=\"cursor\" width=\"{FILLED}\" height=\"{FILLED}\" />\n</svg>")
    }

    fn write_slider(&self, number: usize, out: &mut String) -> std::fmt::Result {
        let last = self.map.cells.len() - 1;
        writeln!(
            out,
            "<p class=\"slider\"><label for=\"cell{number}\">Cell of the map</label> <input type=\"range\" \
             id=\"cell{number}\" min=\"0\" max=\"{last}\" value=\"0\" step=\"1\" /></p>\n\
             <output for=\"cell{number}\">With scripts, what is in a cell is told here.</output>"
        )?;
        let names: Vec<&str> = self.classes.iter().map(|class| class.name).collect();
        let cells = self.map.cells.iter().map(|cell| {
            let Cell { start, chunks, bytes } = cell;
            let bytes = bytes[..self.classes.len()].iter().map(|bytes| format!(",{bytes}"));
            format!("[{start},{chunks}{}]", bytes.collect::<String>())
        });
        let cells: Vec<String> = cells.collect();
        writeln!(
            out,
            "<script type=\"application/json\">{{\"columns\":{},\"pitch\":{PITCH},\"end\":{},\"names\":{names:?},\
             \"cells\":[{}]}}</script>",
            self.columns(),
            self.end,
            cells.join(",")
        )
    }

    fn write_runs(&self, out: &mut String) -> std::fmt::Result {
        let runs = &self.map.runs;
        let which = if self.map.runs_total > runs.len() as u64 {
            format!("The {} largest of {} runs", runs.len(), self.map.runs_total)
        } else {
            "All runs".to_owned()
        };
        writeln!(
            out,
            "<details>\n<summary>{which} of chunks of one kind</summary>\n<table>\n<thead><tr>\
             <th scope=\"col\" class=\"number\">From byte</th><th scope=\"col\">Kind</th>\
             <th scope=\"col\" class=\"number\">Chunks</th><th scope=\"col\" class=\"number\">Bytes</th></tr></thead>\n<tbody>"
        )?;
        for run in runs {
            let Class { name, .. } = self.classes[run.class];
            writeln!(
                out,
                "<tr><th scope=\"row\" class=\"number\">{}</th><td>{name}</td><td class=\"number\">{}</td>\
                 <td class=\"number\">{} ({})</td></tr>",
                run.start,
                run.sum.chunks,
                run.sum.bytes,
                Bytes(run.sum.bytes)
            )?;
        }
        writeln!(out, "</tbody>\n</table>\n</details>")
    }
}

/// From where to where a class fills a cell. However small its share is, it can be seen.
fn part(cell: &Cell, class: usize) -> (f64, f64) {
    const SMALLEST: f64 = 0.12;
    let all: u64 = cell.bytes.iter().sum();
    let share = |bytes: u64| if bytes > 0 { (bytes as f64 / all as f64).max(SMALLEST) } else { 0.0 };
    let scale = FILLED / cell.bytes.iter().map(|bytes| share(*bytes)).sum::<f64>();
    let before: f64 = cell.bytes[..class].iter().map(|bytes| share(*bytes)).sum();
    (before * scale, (before + share(cell.bytes[class])) * scale)
}
