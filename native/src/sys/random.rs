//! Unguessable names for temporary files.

/// A random number.
pub(crate) fn random_u64() -> u64 {
    // Without entropy the process number and an address still keep names apart; O_EXCL catches the rest.
    getrandom::u64().unwrap_or_else(|_| {
        let place: u8 = 0;
        u64::from(std::process::id()) << 32 ^ (&raw const place as usize as u64)
    })
}

/// Sixteen lower-case hexadecimal digits.
pub(crate) fn random_hex() -> String {
    format!("{:016x}", random_u64())
}
