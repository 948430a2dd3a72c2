//! xz streams, by `lzma-rust2`.

use alloc::vec::Vec;

use lzma_rust2::{Action, Status, XzStream};

use super::Growing;
use crate::error::{Error, Malformed, Result, Unsupported};

/// Memory for the dictionary, in KiB: enough for the largest that any preset uses (64 MiB) and some.
const MEMORY_KIB: u32 = 128 << 10;

pub(super) fn decode(frame: &[u8], limit: u64, out: &mut Vec<u8>) -> Result<()> {
    let mut stream = XzStream::new_mem_limit(false, MEMORY_KIB);
    let mut input = frame;
    let mut output = Growing::new(out, limit);
    loop {
        let (buffer, written) = output.room()?;
        let result = match stream.process(input, &mut buffer[written..], Action::Run) {
            Ok(result) => result,
            Err(_) if stream.memory_usage().is_some_and(|kib| kib > MEMORY_KIB) => {
                return Err(Unsupported::CodecMemory.into());
            }
            Err(_) => return Err(Malformed::Compressed.into()),
        };
        input = &input[result.bytes_consumed..];
        output.wrote(result.bytes_produced);
        match result.status {
            Status::StreamEnd if input.is_empty() => return output.finish(),
            Status::StreamEnd => return Err(Malformed::Compressed.into()),
            Status::Ok if result.bytes_consumed == 0 && result.bytes_produced == 0 => {
                // There was room, so it was input that was lacking.
                return Err(Error::Truncated { length: frame.len() as u64 });
            }
            Status::Ok => {}
        }
    }
}
