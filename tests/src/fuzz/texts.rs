//! Arguments and names of any bytes.

use casync_core::Name;
use casync_core::archive::{ExcludeFile, ExcludeRules};
use casync_core::chunk::{ChunkId, ChunkSizes};
use casync_core::codec::Compression;
use casync_core::hash::DigestAlgorithm;
use casync_core::quantity::{Bytes, parse_size};
use casync_core::record::{FeatureFlags, SelinuxLabel, SymlinkTarget, check_owner_name};
use casync_core::show::{Escaped, ShownPath};

/// Every line and field is an argument.
pub(super) fn text(bytes: &[u8]) {
    let escaped = Escaped(bytes).to_string();
    assert!(escaped.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#'));
    assert_eq!(unescaped(&escaped), bytes);
    assert!(!ShownPath(bytes).to_string().is_empty());
    let _ = (check_owner_name(bytes), SymlinkTarget::check(bytes), SelinuxLabel::check(bytes));
    if let Ok(name) = Name::new(bytes) {
        assert_eq!(name.as_bytes(), bytes);
        assert!(!bytes.contains(&b'/') && bytes != b"..");
    }
    exclude(bytes);
    for line in String::from_utf8_lossy(bytes).split(['\n', '\t']) {
        argument(line);
    }
}

fn argument(text: &str) {
    if let Ok(size) = parse_size(text) {
        assert_eq!(parse_size(&format!("{size}B")), Ok(size));
        assert!(!Bytes(size).to_string().is_empty());
    }
    if let Ok(sizes) = text.parse::<ChunkSizes>() {
        let shown = format!("{}:{}:{}", sizes.min(), sizes.avg(), sizes.max());
        assert_eq!(shown.parse(), Ok(sizes));
    }
    if let Ok(id) = text.parse::<ChunkId>() {
        assert_eq!(id.to_string(), text);
    }
    if let Ok(flags) = FeatureFlags::parse(text) {
        assert!(!flags.is_empty());
    }
    let _ = (text.parse::<DigestAlgorithm>(), text.parse::<Compression>());
}

/// The bytes as a `.caexclude` file, its lines as names.
fn exclude(bytes: &[u8]) {
    let Ok(file) = ExcludeFile::parse(bytes) else { return };
    let rules = ExcludeRules::root(&file);
    assert_eq!(rules.is_empty(), file == ExcludeFile::default());
    for name in bytes.split(|byte| matches!(byte, b'\n' | b'/' | 0)).filter(|name| Name::check(name).is_ok()) {
        let below = rules.enter(name, &ExcludeFile::default()).enter(name, &file);
        let _ = (rules.excludes(name, false), rules.excludes(name, true), below.excludes(name, true));
    }
}

/// What was escaped: a backslash and three octal digits stand for a byte.
fn unescaped(mut text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some((plain, rest)) = text.split_once('\\') {
        bytes.extend_from_slice(plain.as_bytes());
        bytes.push(u8::from_str_radix(&rest[..3], 8).expect("three octal digits"));
        text = &rest[3..];
    }
    bytes.extend_from_slice(text.as_bytes());
    bytes
}
