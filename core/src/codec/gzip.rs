//! gzip members (RFC 1952), inflated by `miniz_oxide`.

use alloc::vec::Vec;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use super::Growing;
use crate::error::{Error, Malformed, Result};

pub(super) fn decode(frame: &[u8], limit: u64, out: &mut Vec<u8>) -> Result<()> {
    let truncated = || Error::Truncated { length: frame.len() as u64 };
    let header = header_length(frame)?.ok_or_else(truncated)?;
    let mut input = &frame[header..];
    let start = out.len();
    let mut output = Growing::new(out, limit);
    let mut state = DecompressorOxide::new();
    loop {
        let (buffer, written) = output.room()?;
        let (status, consumed, produced) =
            decompress(&mut state, input, buffer, written, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF);
        input = &input[consumed..];
        output.wrote(produced);
        match status {
            TINFLStatus::Done => break,
            TINFLStatus::HasMoreOutput => {}
            TINFLStatus::FailedCannotMakeProgress | TINFLStatus::NeedsMoreInput => return Err(truncated()),
            _ => return Err(Malformed::Compressed.into()),
        }
    }
    output.finish()?;
    if input.len() < 8 {
        return Err(truncated());
    }
    let trailer: [u8; 8] = input.try_into().map_err(|_| Error::from(Malformed::Compressed))?;
    let plain = &out[start..];
    let [c0, c1, c2, c3, s0, s1, s2, s3] = trailer;
    let intact = u32::from_le_bytes([c0, c1, c2, c3]) == crc32(plain)
        && u32::from_le_bytes([s0, s1, s2, s3]) == plain.len() as u32;
    if intact { Ok(()) } else { Err(Malformed::Compressed.into()) }
}

#[cfg(not(target_family = "wasm"))]
fn crc32(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

/// With one table instead of sixteen, which do not get smaller on the way to a page.
#[cfg(target_family = "wasm")]
fn crc32(bytes: &[u8]) -> u32 {
    static CRC: crc::Crc<u32, crc::Table<1>> = crc::Crc::<u32, crc::Table<1>>::new(&crc::CRC_32_ISO_HDLC);
    CRC.checksum(bytes)
}

/// Bytes in the member header; `None` if it is not all there.
fn header_length(frame: &[u8]) -> Result<Option<usize>> {
    const CRC: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    const RESERVED: u8 = 0xe0;
    const DEFLATE: u8 = 8;
    let Some(fixed) = frame.first_chunk::<10>() else { return Ok(None) };
    let flags = fixed[3];
    if fixed[2] != DEFLATE || flags & RESERVED != 0 {
        return Err(Malformed::Compressed.into());
    }
    let mut length = fixed.len();
    if flags & EXTRA != 0 {
        let Some(&[low, high]) = frame[length..].first_chunk::<2>() else { return Ok(None) };
        length += 2 + usize::from(u16::from_le_bytes([low, high]));
    }
    for field in [NAME, COMMENT] {
        if flags & field != 0 {
            let text = frame.get(length..).unwrap_or_default();
            let Some(nul) = text.iter().position(|&byte| byte == 0) else { return Ok(None) };
            length += nul + 1;
        }
    }
    if flags & CRC != 0 {
        length += 2;
    }
    Ok((length <= frame.len()).then_some(length))
}
