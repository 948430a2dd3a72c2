//! Paths of addresses.

/// The bytes of a path, whose escapes may stand for any byte; `None` for broken escapes.
pub(super) fn decode(path: &str) -> Option<Vec<u8>> {
    let mut rest = path.as_bytes();
    let mut bytes = Vec::new();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        let [high, low] = [0, 1].map(|place| char::from(digits[place]).to_digit(16));
        bytes.push((high? * 16 + low?) as u8);
        rest = after;
    }
    Some(bytes)
}

/// A name in an address: every byte that is no letter, digit or one of a few marks is escaped.
pub(super) fn encode(name: &[u8]) -> String {
    let mut text = String::new();
    for &byte in name {
        if byte.is_ascii_alphanumeric() || b"._~-".contains(&byte) {
            text.push(byte.into());
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// The components of a path; empty ones and `.` mean nothing.
pub(super) fn components(path: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let parts = path.split(|&byte| byte == b'/').filter(|part| !part.is_empty() && *part != b".");
    parts.map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        let every: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(&encode(&every)), Some(every));
        assert_eq!(decode("a%2fb"), Some(b"a/b".to_vec()));
        for broken in ["%", "a%4", "%zz", "%+1", "%\u{fc}"] {
            assert_eq!(decode(broken), None, "{broken}");
        }
    }
}
