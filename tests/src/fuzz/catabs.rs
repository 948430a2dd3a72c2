//! Seed tables of any bytes.

use casync_core::catab::{CatabEvent, CatabReader, CatabStep, CatabWriter};
use casync_core::hash::DigestAlgorithm;
use casync_core::{Limits, Result};

use super::seed;
use crate::random::Rng;
use crate::split::random_cuts;

/// What is accepted is in the one form that the writer writes; pieces agree with the whole. Since hardly any input has the
/// right digest, each is tried with it, too.
pub(super) fn catab(file: &[u8]) {
    table(file);
    if let Some(end) = file.len().checked_sub(32) {
        let digest = DigestAlgorithm::Sha256.digest(&file[..end]);
        table(&[&file[..end], digest.as_bytes()].concat());
    }
}

fn table(file: &[u8]) {
    let whole = rewritten(&[file]);
    let parts = random_cuts(file, &mut Rng::new(seed(file)));
    let split = rewritten(&parts);
    assert_eq!(whole.as_ref().err(), split.as_ref().err(), "pieces do not matter");
    if let Ok(whole) = whole {
        assert!(whole == file, "another table for the same seed");
    }
}

/// Reads a table and writes what is in it. Pieces of records are written as records of their own.
fn rewritten(pieces: &[&[u8]]) -> Result<Vec<u8>> {
    let mut reader = CatabReader::new(&Limits::default());
    let (mut writer, mut out) = (None::<CatabWriter>, Vec::new());
    for mut piece in pieces.iter().copied() {
        while let CatabStep::Did { used, event } = reader.step(piece)? {
            piece = &piece[used..];
            let Some(writer) = &mut writer else {
                let CatabEvent::Header(header) = event else { panic!("{event:?} before the header") };
                writer = Some(CatabWriter::new(&header, &mut out).expect("what was read can be written"));
                continue;
            };
            let written = match event {
                CatabEvent::Header(header) => panic!("a second header: {header:?}"),
                CatabEvent::Records(bytes) => writer.records(bytes, &mut out),
                CatabEvent::File { identity, path } => writer.file(&identity, path, &mut out),
                CatabEvent::Gap(size) => writer.gap(size, &mut out),
                CatabEvent::Chunk { id, size, .. } => writer.chunk(id, size, &mut out),
            };
            written.expect("what was read can be written");
        }
    }
    let size = reader.finish()?;
    let writer = writer.expect("a table has a header");
    assert_eq!(writer.size(), size);
    writer.finish(&mut out).expect("what was read can be written");
    Ok(out)
}
