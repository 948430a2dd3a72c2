//! A directory as a page for people or as JSON for programs.

use core::fmt::Write as _;

use casync_core::archive::{Content, Found};

use super::path::encode;
use crate::file_type;

/// How a directory is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Html,
    Json,
}

/// A page that grows entry by entry.
#[derive(Clone, Debug)]
pub(super) struct Page {
    format: Format,
    text: String,
    entries: u64,
}

impl Page {
    /// An empty directory; `path` is its address, without escapes.
    pub(super) fn new(format: Format, path: &[u8]) -> Self {
        let mut text = String::new();
        if format == Format::Json {
            text.push('[');
        } else {
            let title = escape(&String::from_utf8_lossy(path));
            let up = if path == b"/" { "" } else { r#"<tr><td><a href="../">../</a></td><td></td></tr>"# };
            text.push_str(
                r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>"#,
            );
            text.push_str(&title);
            text.push_str(
                "</title>
<style>:root{color-scheme:light dark;font-family:system-ui}td{padding:.1em 1em}\
td+td{text-align:right;font-variant-numeric:tabular-nums}</style></head>
<body><h1>",
            );
            text.push_str(&title);
            text.push_str("</h1><table><tbody>");
            text.push_str(up);
        }
        Self { format, text, entries: 0 }
    }

    pub(super) fn push(&mut self, found: &Found) {
        match self.format {
            Format::Html => self.push_row(found),
            Format::Json => self.push_object(found),
        }
        self.entries += 1;
    }

    /// The whole page.
    pub(super) fn finish(mut self) -> String {
        self.text.push_str(match self.format {
            Format::Html => "</tbody></table></body></html>\n",
            Format::Json => "]\n",
        });
        self.text
    }

    fn push_row(&mut self, found: &Found) {
        let name = found.name.as_deref().unwrap_or_default();
        let (slash, note) = match &found.node.content {
            Content::Directory => ("/", String::new()),
            Content::Regular { size } => ("", size.to_string()),
            Content::Symlink { target } => ("", format!(" \u{2192} {}", escape(&String::from_utf8_lossy(target)))),
            _ => ("", String::new()),
        };
        let (href, shown) = (encode(name), escape(&String::from_utf8_lossy(name)));
        let text = &mut self.text;
        let _ = writeln!(text, r#"<tr><td><a href="./{href}{slash}">{shown}{slash}</a></td><td>{note}</td></tr>"#);
    }

    fn push_object(&mut self, found: &Found) {
        let text = &mut self.text;
        text.push_str(if self.entries > 0 { ",{" } else { "{" });
        push_field(text, "name", found.name.as_deref().unwrap_or_default());
        text.push(',');
        push_field(text, "type", file_type::name(found.node.content.file_type()).as_bytes());
        match &found.node.content {
            Content::Regular { size } => {
                let _ = write!(text, r#","size":{size}"#);
            }
            Content::Symlink { target } => {
                text.push(',');
                push_field(text, "target", target);
            }
            _ => {}
        }
        let _ = write!(text, r#","mtime":{}}}"#, found.node.metadata.mtime.to_unix().0);
    }
}

fn push_field(text: &mut String, name: &str, value: &[u8]) {
    let _ = write!(text, r#""{name}":""#);
    for character in String::from_utf8_lossy(value).chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            '\0'..' ' => {
                let _ = write!(text, "\\u{:04x}", u32::from(character));
            }
            _ => text.push(character),
        }
    }
    text.push('"');
}

/// Text inside of elements and attributes.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            _ => escaped.push(character),
        }
    }
    escaped
}
