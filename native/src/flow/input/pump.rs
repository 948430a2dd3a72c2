//! Joins a source of bytes and a decoder.

use casync_core::archive::{Decoder, Event, Step};
use casync_core::error::Error as CoreError;

use super::ByteSource;
use crate::error::{Error, Result};

/// What the consumer of an event wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The next event.
    Continue,
    /// The next event after the payload of this file.
    SkipPayload,
    /// Nothing more.
    Stop,
}

/// Decodes a source to its end and hands every event on.
///
/// # Errors
///
/// Those of source, decoder and consumer.
pub fn pump(
    source: &mut dyn ByteSource,
    decoder: &mut Decoder,
    mut consume: impl FnMut(Event<'_>) -> Result<Flow>,
) -> Result<()> {
    loop {
        let piece = source.fill()?;
        let length = piece.len();
        if length == 0 {
            let end = source.position();
            return drain(decoder, end, consume);
        }
        let mut used = 0;
        let mut skip = 0;
        while let Step::Did { used: step, event } = decoder.step(&piece[used..])? {
            used += step;
            match consume(event)? {
                Flow::Continue => {}
                Flow::SkipPayload => {
                    let left = decoder.payload_left();
                    decoder.skip_payload(left)?;
                    let here = left.min((length - used) as u64);
                    used += usize::try_from(here).unwrap_or(usize::MAX);
                    skip = left - here;
                    if skip > 0 {
                        break;
                    }
                }
                Flow::Stop => return Ok(()),
            }
        }
        source.consume(if skip > 0 { used } else { length });
        if skip > 0 {
            source.skip(skip)?;
        }
    }
}

/// Takes the events that come without more input, and makes sure that the archive is complete.
fn drain(decoder: &mut Decoder, end: u64, mut consume: impl FnMut(Event<'_>) -> Result<Flow>) -> Result<()> {
    while let Step::Did { event, .. } = decoder.step(&[])? {
        match consume(event)? {
            Flow::Continue => {}
            Flow::SkipPayload => {
                let left = decoder.payload_left();
                decoder.skip_payload(left)?;
            }
            Flow::Stop => return Ok(()),
        }
    }
    decoder.finish().map_err(|error| {
        // Payload that is passed over counts as read, whether it is there or not.
        let error = match error {
            CoreError::Truncated { length } => CoreError::Truncated { length: length.min(end) },
            other => other,
        };
        Error::from(error).hint("the archive is incomplete: was it copied in full, or was its making interrupted?")
    })
}
