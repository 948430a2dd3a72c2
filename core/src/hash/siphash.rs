//! The hash by which goodbye tables find names.

use core::hash::Hasher as _;

use siphasher::sip::SipHasher24;

/// Fixed key of the format (spec: catar.md 6).
const KEY: [u8; 16] = [0xb3, 0x84, 0x1d, 0x0f, 0x2b, 0x44, 0x74, 0x85, 0xc1, 0x2e, 0xc2, 0xd1, 0x30, 0xed, 0x36, 0x27];

/// SipHash-2-4 of a file name's bytes, without the NUL that follows it in the archive.
///
/// ```
/// assert_eq!(casync_core::hash::name_hash(b"foobar"), 0x85d8_7204_958e_ae98);
/// ```
pub fn name_hash(name: &[u8]) -> u64 {
    let mut hasher = SipHasher24::new_with_key(&KEY);
    hasher.write(name);
    hasher.finish()
}
