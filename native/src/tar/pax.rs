//! The records of pax extended headers.

use rustix::io::Errno;

use crate::error::{Error, Result};

/// Records `LENGTH KEY=VALUE\n`, where the length counts all of the record, its own digits too.
#[derive(Clone, Debug)]
pub(super) struct Records<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Records<'a> {
    type Item = Result<(&'a [u8], &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let record = split(self.0);
        // After a malformed record there is no knowing where the next one begins.
        self.0 = record.map_or(&[], |(.., rest)| rest);
        Some(record.map(|(key, value, _)| (key, value)).ok_or_else(|| malformed("a record of an extended header")))
    }
}

/// Key and value of the first record, and what follows.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    // No extended header is longer than that has digits.
    const DIGITS: usize = 10;
    let space = bytes.iter().take(DIGITS + 1).position(|&byte| byte == b' ')?;
    let length: usize = number(&bytes[..space])?.try_into().ok()?;
    let (record, rest) = bytes.split_at_checked(length)?;
    let (b'\n', body) = record.get(space + 1..)?.split_last()? else { return None };
    let equals = body.iter().position(|&byte| byte == b'=')?;
    Some((&body[..equals], &body[equals + 1..], rest))
}

/// Appends a record.
pub(super) fn emit(key: &[u8], value: &[u8], out: &mut Vec<u8>) {
    // Without the digits of the length: blank, equals sign, newline.
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    out.extend_from_slice(format!("{length} ").as_bytes());
    out.extend_from_slice(key);
    out.push(b'=');
    out.extend_from_slice(value);
    out.push(b'\n');
}

/// A decimal number without sign.
pub(super) fn number(text: &[u8]) -> Option<u64> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Seconds with a fraction, maybe before 1970, as seconds and nanoseconds above them.
pub(super) fn time(text: &[u8]) -> Option<(i64, u32)> {
    let (negative, text) = text.strip_prefix(b"-").map_or((false, text), |rest| (true, rest));
    let (seconds, fraction) = match text.iter().position(|&byte| byte == b'.') {
        Some(dot) => (&text[..dot], &text[dot + 1..]),
        None => (text, &text[..0]),
    };
    if seconds.is_empty() || !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let seconds = i64::try_from(number(seconds)?).ok()?;
    let digits = fraction.iter().chain(std::iter::repeat(&b'0')).take(9);
    let nanoseconds = digits.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    Some(match (negative, nanoseconds) {
        (false, _) => (seconds, nanoseconds),
        (true, 0) => (-seconds, 0),
        (true, _) => (-seconds - 1, 1_000_000_000 - nanoseconds),
    })
}

/// Undoes what GNU tar does to `=` and `%` in the names of extended attributes.
pub(super) fn decoded(name: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((&byte, tail)) = rest.split_first() {
        let (byte, tail) = match rest.get(..3) {
            Some(b"%3D") => (b'=', &rest[3..]),
            Some(b"%25") => (b'%', &rest[3..]),
            _ => (byte, tail),
        };
        decoded.push(byte);
        rest = tail;
    }
    decoded
}

/// An error for what no tar program has written.
pub(super) fn malformed(what: &str) -> Error {
    Error::new(Errno::BADMSG, format!("{what} is malformed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_may_hold_newlines() {
        let records: Vec<_> = Records(b"12 a=b\nc=\n\n\n6 b=c\n").map(|record| record.unwrap()).collect();
        assert_eq!(records, [(&b"a"[..], &b"b\nc=\n\n"[..]), (b"b", b"c")]);
        for bad in [
            &b"6 b=c"[..],
            b"7 b=c\n",
            b"5 b=c\n",
            b"6 bcd\n",
            b"b=c\n",
            b"99999999999999999999 b=c\n",
            b"-6 b=c\n",
            b"1 ",
        ] {
            let mut records = Records(bad);
            assert!(records.next().unwrap().is_err(), "{bad:?}");
            assert!(records.next().is_none());
        }
    }

    #[test]
    fn lengths_count_themselves() {
        for length in 0..1200 {
            let mut record = Vec::new();
            emit(b"key", &vec![b'\n'; length], &mut record);
            let (key, value) = Records(&record).next().unwrap().unwrap();
            assert_eq!((key, value.len()), (&b"key"[..], length));
        }
    }

    #[test]
    fn times() {
        for (text, time) in [
            ("0", Some((0, 0))),
            ("1.5", Some((1, 500_000_000))),
            ("1.0000000019", Some((1, 1))),
            ("-1", Some((-1, 0))),
            ("-1.25", Some((-2, 750_000_000))),
            ("-0.000000001", Some((-1, 999_999_999))),
            ("", None),
            (".5", None),
            ("1.x", None),
            ("+1", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(super::time(text.as_bytes()), time, "{text}");
        }
    }

    #[test]
    fn names_of_attributes() {
        assert_eq!(decoded(b"user.a%3Db%25c%2"), b"user.a=b%c%2");
    }
}
