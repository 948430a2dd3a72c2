//! Shell wildcards, byte by byte: fnmatch(3) in the C locale with FNM_PERIOD and nothing else.

/// Whether all of `name` matches `pattern`. A leading period is matched by a period only.
pub(super) fn matches(pattern: &[u8], name: &[u8]) -> bool {
    if name.starts_with(b".") && !matches!(pattern, [b'.', ..] | [b'\\', b'.', ..]) {
        return false;
    }
    let (mut p, mut n) = (0, 0);
    // Where to go on if what follows the last star does not match: the star takes one byte more.
    let mut star: Option<(usize, usize)> = None;
    loop {
        let step = match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, n));
                p += 1;
                continue;
            }
            None if n == name.len() => return true,
            None => None,
            Some(_) => name.get(n).and_then(|&byte| one(&pattern[p..], byte)),
        };
        match (step, star) {
            (Some(used), _) => {
                p += used;
                n += 1;
            }
            (None, Some((after, taken))) if taken < name.len() => {
                star = Some((after, taken + 1));
                (p, n) = (after, taken + 1);
            }
            (None, _) => return false,
        }
    }
}

/// Matches one byte against the start of a pattern; returns how much of the pattern that takes.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern {
        [b'?', ..] => Some(1),
        [b'\\', escaped, ..] => (*escaped == byte).then_some(2),
        // A backslash with nothing behind it matches nothing.
        [b'\\'] => None,
        [b'[', ..] => match bracket(&pattern[1..], byte) {
            Some((true, used)) => Some(1 + used),
            Some((false, _)) => None,
            // Without its end a bracket is an ordinary byte.
            None => (byte == b'[').then_some(1),
        },
        [literal, ..] => (*literal == byte).then_some(1),
        [] => None,
    }
}

/// Reads a bracket expression behind its `[`: whether it holds the byte, and its length with the `]`. `None` if it has no
/// end.
fn bracket(expression: &[u8], byte: u8) -> Option<(bool, usize)> {
    let negated = matches!(expression, [b'!' | b'^', ..]);
    let mut at = usize::from(negated);
    let mut found = false;
    let mut first = true;
    loop {
        let rest = expression.get(at..)?;
        if let [b']', ..] = rest
            && !first
        {
            return Some((found != negated, at + 1));
        }
        first = false;
        if let Some((name, used)) = class(rest) {
            match in_class(name, byte) {
                Some(is_in) => found |= is_in,
                // The C library looks no further once there is a match, and without one fails here.
                None if found => {}
                None => return Some((false, at + used)),
            }
            at += used;
            continue;
        }
        let (low, used) = element(rest)?;
        at += used;
        let high = match expression.get(at..)? {
            [b'-', next, ..] if *next != b']' => {
                let (high, used) = element(&expression[at + 1..])?;
                at += 1 + used;
                high
            }
            _ => low,
        };
        found |= (low..=high).contains(&byte);
    }
}

/// A character class such as `[:digit:]`: its name and length.
fn class(rest: &[u8]) -> Option<(&[u8], usize)> {
    let name = rest.strip_prefix(b"[:")?;
    let end = name.windows(2).position(|pair| pair == b":]")?;
    name[..end].iter().all(u8::is_ascii_lowercase).then_some((&name[..end], end + 4))
}

fn in_class(name: &[u8], byte: u8) -> Option<bool> {
    Some(match name {
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"alpha" => byte.is_ascii_alphabetic(),
        b"blank" => matches!(byte, b' ' | b'\t'),
        b"cntrl" => byte.is_ascii_control(),
        b"digit" => byte.is_ascii_digit(),
        b"graph" => byte.is_ascii_graphic(),
        b"lower" => byte.is_ascii_lowercase(),
        b"print" => byte.is_ascii_graphic() || byte == b' ',
        b"punct" => byte.is_ascii_punctuation(),
        b"space" => byte.is_ascii_whitespace() || byte == 0x0b,
        b"upper" => byte.is_ascii_uppercase(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        _ => return None,
    })
}

/// One byte of a bracket expression, perhaps escaped or written as `[.x.]` or `[=x=]`, and its length.
fn element(rest: &[u8]) -> Option<(u8, usize)> {
    match rest {
        [b'\\', escaped, ..] => Some((*escaped, 2)),
        [b'[', b'.', byte, b'.', b']', ..] | [b'[', b'=', byte, b'=', b']', ..] => Some((*byte, 5)),
        [byte, ..] => Some((*byte, 1)),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, name, expected) in [
            ("", "", true),
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("*", "abc", true),
            ("*", ".abc", false),
            (".*", ".abc", true),
            ("?abc", ".abc", false),
            ("[.]abc", ".abc", false),
            ("\\.abc", ".abc", true),
            ("a*b*c", "aXbXbc", true),
            ("a*b*c", "aXbX", false),
            ("*.o", "x.y.o", true),
            ("*.o", "x.oo", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[^a-c]x", "dx", true),
            ("[]]x", "]x", true),
            ("[a-]x", "-x", true),
            ("[x", "[x", true),
            ("[[:digit:]]", "7", true),
            ("[[:digit:]]", "x", false),
            ("[[:nothing:]]", "[n]", false),
            ("[a[:nothing:]]", "a", true),
            ("[^[:nothing:]]", "a", false),
            ("[\\]]", "]", true),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("a\\", "a\\", false),
            ("**", "abc", true),
            ("a?c", "a/c", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }
}
