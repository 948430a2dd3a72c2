//! `stat`: all about one node.

use std::ffi::OsString;

use casync_core::archive::{Content, Encoder, Event, NodeDigests, Timestamp};
use casync_core::hash::DigestAlgorithm;
use casync_core::record::FeatureFlags;
use casync_core::show::StatText;

use super::input::{Part, masked, replayed};
use super::list::{Listed, open, walk};
use crate::cli::{Options, OutputFormat};
use crate::error::{Error, Result};
use crate::flow::input::Flow;
use crate::fs::walk::Step;
use crate::ui::json::{self, Field, Message, NodeFields, NodeMore};
use crate::ui::{Out, narrate};

/// `stat [INPUT [SUBPATH]]`
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct StatArgs {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    format: OutputFormat,
    /// An archive, an archive index or a directory; and the path of a node in it
    #[arg(value_name = "[ARCHIVE|ARCHIVE_INDEX|DIR] [PATH]", num_args = 0.., value_hint = clap::ValueHint::AnyPath)]
    operands: Vec<OsString>,
}

const HELP: &str = "\
Shows type, mode, owners, times, attributes and digests of the node at a path, or of the root.

Examples:
  casync stat home.caidx alice/notes
      A file in a tree
  casync stat /home
      A directory as an archive would have it";

pub(super) fn run(arguments: &StatArgs) -> Result<()> {
    let options = &arguments.options;
    let (input, subpath) = open(options, &arguments.operands, "stat")?;
    let mut out = Out::new();
    match input {
        Listed::Directory(fd) => {
            let features = options.encoding_features(FeatureFlags::ALL);
            let mut walk = walk(fd, features, options, &subpath)?;
            narrate::features(features);
            if let Some(Step::Node { node, .. }) = walk.next()? {
                let mut records = Vec::new();
                Encoder::new(features).root(&node, &mut records)?;
                show(
                    &mut out,
                    arguments.format,
                    StatText {
                        path: b"",
                        node: &node,
                        features,
                        shift: options.id_shift(),
                        offset: 0,
                        utc_offset: utc_offset(node.metadata.mtime),
                        digest: None,
                        hardlink_digest: None,
                        fat_attributes: features.intersects(FeatureFlags::FAT_ATTRS),
                        zero_project_id: features.contains(FeatureFlags::QUOTA_PROJID),
                    },
                )?;
            }
        }
        Listed::Archive(mut archive) => {
            let part = archive.find(&subpath)?;
            let path = part.as_ref().map(Part::path).unwrap_or_default();
            let located = part.as_ref().map(|part| part.found.located);
            // The root comes first, also where nothing can be looked up.
            let mut node = part.map(|part| part.found.node);
            let (mut features, mut digests) = (FeatureFlags::EMPTY, None);
            archive.decode(located, true, options, |event| {
                match (event, &mut digests) {
                    (Event::Node(event), _) => {
                        features = event.features;
                        node.get_or_insert_with(|| event.node.clone());
                        if event.node.content == Content::Directory {
                            return Ok(Flow::Stop);
                        }
                        digests = Some(NodeDigests::new(&event, DigestAlgorithm::of(features)));
                    }
                    (Event::Payload(bytes), Some(digests)) => digests.update(bytes),
                    _ => {}
                }
                Ok(Flow::Continue)
            })?;
            narrate::features(features);
            let features = replayed(features, options);
            let node = node.ok_or_else(|| Error::headline("Seek path not available in archive."))?;
            let node = &masked(&node, features);
            let (payload, whole) = digests.map(NodeDigests::finish).unzip();
            show(
                &mut out,
                arguments.format,
                StatText {
                    path: &path,
                    node,
                    features,
                    shift: options.id_shift(),
                    offset: located.map_or(0, |located| located.entry),
                    utc_offset: utc_offset(node.metadata.mtime),
                    digest: payload.filter(|_| matches!(node.content, Content::Regular { .. } | Content::Block(_))),
                    hardlink_digest: whole,
                    fat_attributes: true,
                    zero_project_id: false,
                },
            )?;
        }
    }
    out.finish()
}

fn show(out: &mut Out, format: OutputFormat, text: StatText<'_>) -> Result<()> {
    if !format.json {
        return out.text(text);
    }
    let more = NodeMore {
        digest: text.digest.map(|digest| digest.to_string()),
        hardlink_digest: text.hardlink_digest.map(|digest| digest.to_string()),
        offset: Some(text.offset),
    };
    let node = NodeFields::new(text.node, text.features);
    json::print(out, &Message::Node { path: Field::path(text.path), node, more })
}

/// How far local time is ahead of UTC at a time, in seconds.
fn utc_offset(time: Timestamp) -> i32 {
    let (seconds, _) = time.to_unix();
    let instant = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    instant.map_or(0, |instant| jiff::tz::TimeZone::system().to_offset(instant).seconds())
}
