//! Where the data of a sparse member lies: GNU's old form in the header, and its three forms in pax records.

use rustix::io::Errno;
use tar::GnuSparseHeader;

use super::member::{Member, TarFile};
use super::pax::{Records, malformed, number};
use crate::error::{Error, Result};

/// More data ranges than any file has that is worth keeping.
const PIECES_MAX: usize = 1 << 20;

/// A range of a file that is stored; between them are zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Offset in the file.
    pub(super) offset: u64,
    /// Bytes.
    pub(super) length: u64,
}

/// The content of a regular file.
#[derive(Debug)]
pub(super) struct Layout {
    /// Bytes in the file.
    pub(super) size: u64,
    /// Offset in the tar of the first byte of data.
    pub(super) data: u64,
    /// The stored ranges, ascending; in the tar they follow each other.
    pub(super) pieces: Vec<Piece>,
}

/// Ranges that are being collected.
#[derive(Clone, Debug, Default)]
pub(super) struct Map(Vec<Piece>);

impl Map {
    fn push(&mut self, offset: u64, length: u64) -> Result<()> {
        if self.0.len() == PIECES_MAX {
            return Err(Error::new(Errno::FBIG, "the map of a sparse file has too many ranges"));
        }
        self.0.push(Piece { offset, length });
        Ok(())
    }

    /// Takes the ranges of a header in GNU's old form.
    pub(super) fn extend(&mut self, headers: &[GnuSparseHeader]) -> Result<()> {
        for header in headers.iter().take_while(|header| !header.is_empty()) {
            let field = |number: std::io::Result<u64>| number.map_err(|_| malformed("the map of a sparse file"));
            self.push(field(header.offset())?, field(header.length())?)?;
        }
        Ok(())
    }
}

/// The layout of a regular file.
pub(super) fn layout(file: &TarFile, member: &Member) -> Result<Layout> {
    let (data, stored) = (member.data, member.size);
    if let Some((map, size)) = &member.old_sparse {
        return check(*size, data, stored, map.clone());
    }
    let bad = || malformed("the map of a sparse file");
    let (mut map, mut offset, mut size, mut major) = (Map::default(), None, None, 0);
    let mut is_sparse = false;
    for record in Records(&member.records) {
        let (key, value) = record?;
        let Some(key) = key.strip_prefix(b"GNU.sparse.") else { continue };
        match key {
            b"major" => major = number(value).ok_or_else(bad)?,
            b"size" | b"realsize" => size = Some(number(value).ok_or_else(bad)?),
            b"offset" => offset = Some(number(value).ok_or_else(bad)?),
            b"numbytes" => map.push(offset.take().ok_or_else(bad)?, number(value).ok_or_else(bad)?)?,
            b"map" => {
                let mut numbers = value.split(|&byte| byte == b',').filter(|text| !text.is_empty());
                while let Some(offset) = numbers.next() {
                    let length = numbers.next().and_then(number).ok_or_else(bad)?;
                    map.push(number(offset).ok_or_else(bad)?, length)?;
                }
            }
            _ => {}
        }
        is_sparse = true;
    }
    match (is_sparse, major) {
        (false, _) => Ok(Layout { size: stored, data, pieces: vec![Piece { offset: 0, length: stored }] }),
        (true, 0) => check(size.ok_or_else(bad)?, data, stored, map),
        (true, 1) => {
            let (map, length) = leading_map(file, data, stored)?;
            check(size.ok_or_else(bad)?, data + length, stored - length, map)
        }
        (true, other) => Err(Error::new(Errno::OPNOTSUPP, format!("sparse files of version {other} are not known"))),
    }
}

/// The map that stands before the data, a number a line, and how many bytes it takes with what fills its last block.
fn leading_map(file: &TarFile, data: u64, stored: u64) -> Result<(Map, u64)> {
    let bad = || malformed("the map of a sparse file");
    let mut map = Map::default();
    let mut left = None;
    let (mut offset, mut digits) = (None, Vec::new());
    let mut position = 0;
    while position < stored {
        let block = file.block(data + position)?;
        position += block.len() as u64;
        for &byte in &block {
            if byte != b'\n' {
                digits.push(byte);
                if digits.len() > 20 {
                    return Err(bad());
                }
                continue;
            }
            let value = number(&digits).filter(|_| !digits.is_empty()).ok_or_else(bad)?;
            digits.clear();
            match (left, offset.take()) {
                (None, _) => left = Some(value),
                (Some(_), None) => offset = Some(value),
                (Some(count), Some(offset)) => {
                    map.push(offset, value)?;
                    left = Some(count - 1);
                }
            }
            if left == Some(0) {
                return Ok((map, position.min(stored)));
            }
        }
    }
    Err(bad())
}

/// Makes sure that ranges ascend inside of the file and are all that is stored.
fn check(size: u64, data: u64, stored: u64, map: Map) -> Result<Layout> {
    let (mut end, mut sum) = (0, 0_u64);
    for piece in &map.0 {
        let next = piece.offset.checked_add(piece.length).filter(|next| piece.offset >= end && *next <= size);
        end = next.ok_or_else(|| malformed("the map of a sparse file"))?;
        sum += piece.length;
    }
    if sum != stored {
        return Err(malformed("the map of a sparse file"));
    }
    Ok(Layout { size, data, pieces: map.0 })
}
