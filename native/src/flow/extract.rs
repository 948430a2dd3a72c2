//! `extract`: from an index or archive to a tree or a stream; [`super::blob`] is for files and devices.

use std::io::Write;
use std::os::fd::OwnedFd;

use casync_core::archive::{Content, Decoder, Event};
use casync_core::record::FeatureFlags;

use super::Budget;
use super::input::{ByteSource, Feed, Flow, Index, pump, with_feed};
use super::link::Linker;
use super::share::Sharer;
use crate::error::{Context as _, Result};
use crate::fs::apply::{Applied, TreeWriter};
use crate::fs::blob;
use crate::store::Chain;
use crate::tar::TarWriter;
use crate::ui::{Counters, log, narrate};

/// Makes a tree from the archive that `source` delivers. `begin` makes the writer once the archive's flags are known; with a
/// `linker` files that seeds have become links to those, with a `sharer` the others share their data with seeds.
///
/// # Errors
///
/// Those of source, archive and file system.
pub fn tree(
    source: &mut dyn ByteSource,
    decoder: &mut Decoder,
    mut linker: Option<Linker>,
    mut sharer: Option<Sharer>,
    begin: impl FnOnce(FeatureFlags) -> Result<TreeWriter>,
) -> Result<Applied> {
    let mut begin = Some(begin);
    let mut writer: Option<TreeWriter> = None;
    let mut features = FeatureFlags::EMPTY;
    let mut is_first = true;
    // Where the payload of the file under way is in the archive.
    let mut payload = 0..0;
    let pumped = pump(source, decoder, |event| {
        if let (Event::Node(event), Some(begin)) = (&event, begin.take_if(|_| matches!(event, Event::Node(_)))) {
            features = event.features;
            writer = Some(begin(features)?);
        }
        let Some(writer) = &mut writer else { return Ok(Flow::Continue) };
        match event {
            Event::Node(event) => {
                writer.enter(event.name, event.node)?;
                if let Content::Regular { size } = event.node.content {
                    let start = event.entry + event.records.len() as u64;
                    payload = start..start + size;
                }
                if log::is_verbose() {
                    log::verbose(format_args!("Extracting {}", writer.shown_path()));
                }
                if std::mem::take(&mut is_first) {
                    narrate::features(features);
                }
            }
            Event::Payload(bytes) => writer.payload(bytes)?,
            Event::End => {
                let path = log::is_verbose().then(|| writer.shown_path());
                let linked = match &mut linker {
                    Some(linker) => linker.link(writer)?,
                    None => false,
                };
                if !linked {
                    if let (Some(sharer), Some(file)) = (&mut sharer, writer.file()) {
                        sharer.share(payload.clone(), file)?;
                    }
                    writer.leave()?;
                }
                if let Some(path) = path {
                    log::verbose(format_args!("Extracted {path}"));
                }
            }
        }
        Ok(Flow::Continue)
    });
    match (pumped, writer) {
        (Ok(()), Some(writer)) => writer.sync().map(|()| writer.applied()),
        (Ok(()), None) => Ok(Applied::default()),
        (Err(error), Some(writer)) => Err(error.context(format!("extracting {:?}", writer.shown_path()))),
        (Err(error), None) => Err(error),
    }
}

/// Writes the archive that `source` delivers as a tar file. `begin` makes the writer once the archive's flags are known.
/// Returns how many sockets were left out.
///
/// # Errors
///
/// Those of source, archive and output.
pub fn tar<W: Write>(
    source: &mut dyn ByteSource,
    decoder: &mut Decoder,
    begin: impl FnOnce(FeatureFlags) -> TarWriter<W>,
) -> Result<u64> {
    let mut begin = Some(begin);
    let mut writer: Option<TarWriter<W>> = None;
    let pumped = pump(source, decoder, |event| {
        match event {
            Event::Node(event) => {
                let is_first = begin.is_some();
                let writer = match (&mut writer, begin.take()) {
                    (none, Some(begin)) => none.insert(begin(event.features)),
                    (Some(writer), None) => writer,
                    (None, None) => return Ok(Flow::Stop),
                };
                writer.enter(event.name, event.node)?;
                if log::is_verbose() {
                    log::verbose(format_args!("Extracting {}", writer.shown_path()));
                }
                if is_first {
                    narrate::features(event.features);
                }
            }
            Event::Payload(bytes) => writer.iter_mut().try_for_each(|writer| writer.payload(bytes))?,
            Event::End => writer.iter_mut().try_for_each(TarWriter::leave)?,
        }
        Ok(Flow::Continue)
    });
    let Some(writer) = writer else { return pumped.map(|()| 0) };
    pumped.map_err(|error| error.context(format!("extracting {:?}", writer.shown_path())))?;
    let sockets = writer.sockets();
    writer.finish()?;
    Ok(sockets)
}

/// Writes the stream of an index in order, for pipes.
///
/// # Errors
///
/// If a chunk cannot be had or written.
pub fn stream(index: &mut Index, chain: &Chain, output: &OwnedFd, budget: Budget, counters: &Counters) -> Result<()> {
    with_feed(index, chain, budget, counters, |feed: &mut Feed<'_>| {
        loop {
            let piece = feed.fill()?;
            let length = piece.len();
            if length == 0 {
                return Ok(());
            }
            blob::write_all(output, piece).context(|| "write to standard output")?;
            feed.consume(length);
        }
    })
}
