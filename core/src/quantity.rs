//! Amounts of bytes as people write and read them (spec: commands.md 4 and 8).

use core::fmt;
use core::time::Duration;

use crate::error::{Error, Result, UsageError};

/// The units, largest first.
const UNITS: [(u8, u64); 7] =
    [(b'E', 1 << 60), (b'P', 1 << 50), (b'T', 1 << 40), (b'G', 1 << 30), (b'M', 1 << 20), (b'K', 1 << 10), (b'B', 1)];

/// Parses a size: one or more terms such as `1.5K` or `1M 512K`, each with a smaller unit than the one before.
///
/// A term is a decimal number, perhaps a fraction, and perhaps one of the units `E P T G M K B` (powers of 1024, upper
/// case). Blanks and tabs may stand before a term and before its unit.
///
/// ```
/// use casync_core::quantity::parse_size;
///
/// assert_eq!(parse_size("1.5K"), Ok(1536));
/// assert_eq!(parse_size("1K 16B"), Ok(1040));
/// assert!(parse_size("1k").is_err());
/// ```
///
/// # Errors
///
/// [`UsageError::SizeRange`] for numbers below zero and sums above 2^64 − 1, [`UsageError::Size`] for anything else.
pub fn parse_size(text: &str) -> Result<u64> {
    let (bad, range) = (Error::Usage(UsageError::Size), Error::Usage(UsageError::SizeRange));
    let mut rest = text.as_bytes();
    let mut sum: u64 = 0;
    // Index of the first unit that the next term may have.
    let mut allowed = 0;
    loop {
        rest = skip_blanks(rest);
        if rest.starts_with(b"-") {
            return Err(range);
        }
        // compat: the number is read by strtoull, which takes a plus sign.
        rest = rest.strip_prefix(b"+").unwrap_or(rest);
        let (whole, after) = digits(rest);
        if whole.is_empty() {
            return Err(bad);
        }
        let number = decimal(whole).ok_or_else(|| range.clone())?;
        // compat: there may be no digit behind the point.
        let (fraction, after) = match after {
            [b'.', after @ ..] => digits(after),
            _ => (&[][..], after),
        };
        let blanks_skipped = skip_blanks(after);
        let unit = UNITS.iter().position(|(letter, _)| blanks_skipped.first() == Some(letter));
        let (unit, after) = match unit {
            Some(unit) => (unit, &blanks_skipped[1..]),
            // Without a letter the term counts bytes; blanks behind it may only stand before another term.
            None => (UNITS.len() - 1, after),
        };
        if unit < allowed {
            return Err(bad);
        }
        allowed = unit + 1;
        let factor = UNITS[unit].1;
        let fraction = fraction.iter().rev().fold(0.0, |value, digit| (value + f64::from(digit - b'0')) / 10.0);
        let value = number.checked_mul(factor).and_then(|value| value.checked_add((fraction * factor as f64) as u64));
        sum = value.and_then(|value| sum.checked_add(value)).ok_or_else(|| range.clone())?;
        if after.is_empty() {
            return Ok(sum);
        }
        rest = after;
    }
}

/// Shows a number of bytes as upstream does: `342.6K`, one decimal, truncated; below 1024 as `12B`.
///
/// ```
/// assert_eq!(casync_core::quantity::Bytes(350_898).to_string(), "342.6K");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS[..6].iter().find(|(_, factor)| self.0 >= *factor) {
            Some(&(letter, factor)) => {
                // The remainder of ten parts in 2^60 does not fit 64 bits.
                let tenths = u128::from(self.0 % factor) * 10 / u128::from(factor);
                write!(f, "{}.{}{}", self.0 / factor, tenths, char::from(letter))
            }
            None => write!(f, "{}B", self.0),
        }
    }
}

/// Shows a span of time as upstream does, to the millisecond: `52ms`, `1.234s`, `1min 5s`.
///
/// ```
/// use core::time::Duration;
/// use casync_core::quantity::Span;
///
/// assert_eq!(Span(Duration::from_millis(65_000)).to_string(), "1min 5s");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u64); 7] = [
            ("y", 31_557_600),
            ("month", 2_629_800),
            ("w", 604_800),
            ("d", 86_400),
            ("h", 3600),
            ("min", 60),
            ("s", 1),
        ];
        let (seconds, milliseconds) = (self.0.as_secs(), self.0.subsec_millis());
        match (seconds, milliseconds) {
            (0, 0) if self.0.subsec_micros() == 0 => f.write_str("0"),
            (0, 0) => write!(f, "{}us", self.0.subsec_micros()),
            (0, _) => write!(f, "{milliseconds}ms"),
            (1..60, 1..) => write!(f, "{seconds}.{milliseconds:03}s"),
            _ => {
                let mut rest = seconds;
                let mut separator = "";
                for (unit, length) in UNITS {
                    if rest >= length {
                        write!(f, "{separator}{}{unit}", rest / length)?;
                        rest %= length;
                        separator = " ";
                    }
                }
                Ok(())
            }
        }
    }
}

fn skip_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    &text[blanks..]
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|byte| byte.is_ascii_digit()).count())
}

fn decimal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |value, digit| value.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn sizes() {
        for (text, expected) in [
            ("1", Some(1)),
            ("1K5", Some(1029)),
            ("1 K", Some(1024)),
            ("\t1M512K", Some(1_572_864)),
            ("+7", Some(7)),
            ("0.5", Some(0)),
            ("16E", None),
            ("15E", Some(15 << 60)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("", None),
            (" ", None),
            ("-1", None),
            ("1KB", None),
            ("1Ki", None),
            ("4K ", None),
            ("1K1K", None),
            ("1K1M", None),
            ("1.", Some(1)),
            ("5.K", Some(5120)),
            ("1..", None),
            (".5K", None),
            ("0x10", None),
        ] {
            assert_eq!(parse_size(text).ok(), expected, "{text:?}");
        }
        for text in ["-1", " -0", "1K-1", "16E", "18446744073709551616"] {
            assert_eq!(parse_size(text), Err(Error::Usage(UsageError::SizeRange)), "{text:?}");
        }
    }

    #[test]
    fn spans() {
        for (microseconds, expected) in [
            (0, "0"),
            (897, "897us"),
            (52_000, "52ms"),
            (52_999, "52ms"),
            (1_234_000, "1.234s"),
            (2_000_000, "2s"),
            (61_500_000, "1min 1s"),
            (90_061_000_000, "1d 1h 1min 1s"),
        ] {
            assert_eq!(Span(Duration::from_micros(microseconds)).to_string(), expected);
        }
    }

    #[test]
    fn amounts() {
        for (bytes, expected) in [(0, "0B"), (1023, "1023B"), (1024, "1.0K"), (57_856, "56.5K"), (u64::MAX, "15.9E")] {
            assert_eq!(Bytes(bytes).to_string(), expected);
        }
    }
}
