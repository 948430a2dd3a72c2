//! Which part of a file is wanted, and whether any is (RFC 9110, 13 and 14).

use std::ops::Range;
use std::time::{Duration, SystemTime};

use hyper::HeaderMap;
use hyper::header::{self, HeaderName, HeaderValue};
use jiff::Timestamp;
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};

/// What tells one state of a file from another.
#[derive(Clone, Debug)]
pub(super) struct Validators {
    /// With its quotes.
    pub(super) etag: String,
    pub(super) modified: Option<SystemTime>,
}

/// What is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// Nothing: the client has it.
    Nothing,
    /// Nothing: the client wants it only if it has not changed, or only if it is not there.
    Refused,
    /// Nothing: there are no such bytes.
    OutOfRange,
}

/// Decides by the headers of a request for a file of `size` bytes.
pub(super) fn wanted(headers: &HeaderMap, state: &Validators, size: u64) -> Wanted {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let unchanged_since = |text: &str| {
        let since = parse_date(text)?;
        Some(whole_seconds(state.modified?) <= since)
    };
    if let Some(tags) = text(header::IF_MATCH) {
        if !lists(tags, &state.etag, Comparison::Strong) {
            return Wanted::Refused;
        }
    } else if text(header::IF_UNMODIFIED_SINCE).and_then(unchanged_since) == Some(false) {
        return Wanted::Refused;
    }
    if let Some(tags) = text(header::IF_NONE_MATCH) {
        if lists(tags, &state.etag, Comparison::Weak) {
            return Wanted::Nothing;
        }
    } else if text(header::IF_MODIFIED_SINCE).and_then(unchanged_since) == Some(true) {
        return Wanted::Nothing;
    }
    let Some(range) = text(header::RANGE) else { return Wanted::Whole };
    let still_valid = match text(header::IF_RANGE).map(str::trim) {
        None => true,
        Some(tag) if tag.starts_with('"') => tag == state.etag,
        // Weak tags say nothing about bytes; a date does if it is the exact one.
        Some(tag) if tag.starts_with("W/") => false,
        Some(date) => state.modified.is_some_and(|time| parse_date(date) == Some(whole_seconds(time))),
    };
    if still_valid { part(range, size) } else { Wanted::Whole }
}

/// Whether a request to write wants to only where nothing is, or only where this state is; `None`: nothing is there.
pub(super) fn may_write(headers: &HeaderMap, state: Option<&Validators>) -> bool {
    let lists_it = |name: HeaderName, comparison: Comparison| {
        let tags = headers.get(name)?.to_str().ok()?;
        Some(state.is_some_and(|state| lists(tags, &state.etag, comparison)))
    };
    lists_it(header::IF_MATCH, Comparison::Strong) != Some(false)
        && lists_it(header::IF_NONE_MATCH, Comparison::Weak) != Some(true)
}

/// One range; several at once are answered with all, as is what cannot be understood.
fn part(range: &str, size: u64) -> Wanted {
    let Some((first, last)) = range.trim().strip_prefix("bytes=").and_then(|range| range.trim().split_once('-')) else {
        return Wanted::Whole;
    };
    let number = |text: &str| text.parse::<u64>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    match (first, last) {
        ("", last) => match number(last) {
            Some(0) => Wanted::OutOfRange,
            Some(_) if size == 0 => Wanted::OutOfRange,
            Some(length) => Wanted::Part(size.saturating_sub(length)..size),
            None => Wanted::Whole,
        },
        (first, last) => match (number(first), number(last), last) {
            (Some(first), Some(last), _) if first > last => Wanted::Whole,
            (Some(first), _, _) if first >= size => Wanted::OutOfRange,
            (Some(first), _, "") => Wanted::Part(first..size),
            (Some(first), Some(last), _) => Wanted::Part(first..last.saturating_add(1).min(size)),
            _ => Wanted::Whole,
        },
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

/// Whether a list of tags, or `*`, has this one.
fn lists(tags: &str, etag: &str, comparison: Comparison) -> bool {
    tags.trim() == "*"
        || tags.split(',').map(str::trim).any(|tag| match tag.strip_prefix("W/") {
            Some(tag) => comparison == Comparison::Weak && tag == etag,
            None => tag == etag,
        })
}

fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

fn parse_date(text: &str) -> Option<SystemTime> {
    DateTimeParser::new().parse_timestamp(text.trim()).ok().map(SystemTime::from)
}

/// A time as HTTP writes it.
pub(super) fn date(time: SystemTime) -> Option<HeaderValue> {
    let timestamp = Timestamp::try_from(time).ok()?;
    HeaderValue::try_from(DateTimePrinter::new().timestamp_to_rfc9110_string(&timestamp).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODIFIED: &str = "Sat, 28 Nov 2026 02:24:05 GMT";

    fn of(request: &[(HeaderName, &str)]) -> Wanted {
        let modified = parse_date(MODIFIED).unwrap() + Duration::from_millis(300);
        let state = Validators { etag: "\"tag\"".to_owned(), modified: Some(modified) };
        let header = |(name, value): &(HeaderName, &str)| (name.clone(), HeaderValue::from_str(value).unwrap());
        wanted(&request.iter().map(header).collect(), &state, 1000)
    }

    #[test]
    fn ranges() {
        for (range, expected) in [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=0-", Wanted::Part(0..1000)),
            ("bytes=990-2000", Wanted::Part(990..1000)),
            ("bytes=-10", Wanted::Part(990..1000)),
            ("bytes=-5000", Wanted::Part(0..1000)),
            ("bytes=1000-", Wanted::OutOfRange),
            ("bytes=-0", Wanted::OutOfRange),
            ("bytes=18446744073709551615-", Wanted::OutOfRange),
            ("bytes=0-18446744073709551615", Wanted::Part(0..1000)),
            ("bytes=5-4", Wanted::Whole),
            ("bytes=0-1,3-4", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("bytes=99999999999999999999-", Wanted::Whole),
            ("items=0-1", Wanted::Whole),
            ("bytes=", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
        ] {
            assert_eq!(of(&[(header::RANGE, range)]), expected, "{range}");
        }
    }

    #[test]
    fn conditions() {
        for (name, value, expected) in [
            (header::IF_NONE_MATCH, "\"tag\"", Wanted::Nothing),
            (header::IF_NONE_MATCH, "\"other\", W/\"tag\"", Wanted::Nothing),
            (header::IF_NONE_MATCH, "*", Wanted::Nothing),
            (header::IF_NONE_MATCH, "\"other\"", Wanted::Whole),
            (header::IF_MODIFIED_SINCE, MODIFIED, Wanted::Nothing),
            (header::IF_MODIFIED_SINCE, "Sat, 28 Nov 2026 02:24:04 GMT", Wanted::Whole),
            (header::IF_MODIFIED_SINCE, "nonsense", Wanted::Whole),
            (header::IF_MATCH, "\"other\"", Wanted::Refused),
            (header::IF_MATCH, "W/\"tag\"", Wanted::Refused),
            (header::IF_MATCH, "\"tag\"", Wanted::Whole),
            (header::IF_UNMODIFIED_SINCE, "Sat, 28 Nov 2026 02:24:04 GMT", Wanted::Refused),
        ] {
            assert_eq!(of(&[(name.clone(), value)]), expected, "{name}: {value}");
        }
        let range = |condition: &str| of(&[(header::RANGE, "bytes=1-2"), (header::IF_RANGE, condition)]);
        assert_eq!(range("\"tag\""), Wanted::Part(1..3));
        assert_eq!(range(MODIFIED), Wanted::Part(1..3));
        for other in ["\"other\"", "W/\"tag\"", "Sat, 28 Nov 2026 02:24:06 GMT"] {
            assert_eq!(range(other), Wanted::Whole, "{other}");
        }
        assert_eq!(date(parse_date(MODIFIED).unwrap()).unwrap(), MODIFIED);
    }
}
