//! Messages of the wire protocol, made and read without the code under test.

pub(crate) const HELLO: u64 = 0x3c71_d094_8ca5_fbee;
pub(crate) const INDEX: u64 = 0xb32a_91dd_2b3e_27f8;
pub(crate) const INDEX_EOF: u64 = 0x4f09_32f1_0437_18f5;
pub(crate) const ARCHIVE: u64 = 0x95d6_428a_69ed_dcc5;
pub(crate) const REQUEST: u64 = 0x8ab4_27e0_f89d_9210;
pub(crate) const CHUNK: u64 = 0x5213_dd18_0a84_bc8c;
pub(crate) const MISSING: u64 = 0xd010_f9fa_c82b_7b6c;
pub(crate) const GOODBYE: u64 = 0xad20_5dbf_1a36_86c3;
pub(crate) const ABORT: u64 = 0xe7d9_136b_7efe_a352;

/// A message of this type.
pub(crate) fn message(kind: u64, body: &[u8]) -> Vec<u8> {
    [&(16 + body.len() as u64).to_le_bytes(), &kind.to_le_bytes(), body].concat()
}

/// HELLO with these flags.
pub(crate) fn hello(flags: u64) -> Vec<u8> {
    message(HELLO, &flags.to_le_bytes())
}

/// A chunk, compressed or not.
pub(crate) fn chunk(flags: u64, id: &[u8; 32], data: &[u8]) -> Vec<u8> {
    message(CHUNK, &[&flags.to_le_bytes(), &id[..], data].concat())
}

/// Types and bodies of whole messages; panics if there is half a one.
pub(crate) fn parse(mut bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let mut messages = Vec::new();
    while !bytes.is_empty() {
        let size = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        messages.push((u64::from_le_bytes(bytes[8..16].try_into().unwrap()), bytes[16..size].to_vec()));
        bytes = &bytes[size..];
    }
    messages
}

/// The reason of an ABORT, which must be the last message.
pub(crate) fn aborted(bytes: &[u8]) -> String {
    let messages = parse(bytes);
    let (kind, body) = messages.last().expect("something is said");
    assert_eq!(*kind, ABORT, "{messages:x?}");
    String::from_utf8(body[8..body.len() - 1].to_vec()).unwrap()
}

/// All index or archive data, joined.
pub(crate) fn data(messages: &[(u64, Vec<u8>)], wanted: u64) -> Vec<u8> {
    messages.iter().filter(|(kind, _)| *kind == wanted).flat_map(|(_, body)| body.clone()).collect()
}

/// Types without repetitions of those that carry pieces.
pub(crate) fn kinds(messages: &[(u64, Vec<u8>)]) -> Vec<u64> {
    let mut kinds: Vec<u64> = messages.iter().map(|(kind, _)| *kind).collect();
    kinds.dedup();
    kinds
}
