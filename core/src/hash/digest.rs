//! Digest values and the two algorithms that produce them.

use core::fmt;
use core::str::FromStr;

use crate::error::{Error, UsageError};
use crate::record::FeatureFlags;

/// A 32-byte digest: SHA-512/256 or SHA-256, depending on the archive's feature flags.
///
/// Written as 64 lower-case hexadecimal digits (spec: chunking-and-index.md 3).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; Self::LEN]);

impl Digest {
    /// Length in bytes, the same for both algorithms.
    pub const LEN: usize = 32;

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl From<[u8; Self::LEN]> for Digest {
    fn from(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 2 * Self::LEN];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = HEX[usize::from(byte >> 4)];
            pair[1] = HEX[usize::from(byte & 15)];
        }
        f.write_str(core::str::from_utf8(&text).expect("hexadecimal digits are ASCII"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = Error;

    /// Parses 64 lower-case hexadecimal digits.
    ///
    /// # Errors
    ///
    /// [`UsageError::Digest`] for any other length or character; upper case is refused as upstream does.
    fn from_str(text: &str) -> Result<Self, Error> {
        let digits = text.as_bytes();
        let mut bytes = [0; Self::LEN];
        if digits.len() != 2 * Self::LEN {
            return Err(UsageError::Digest.into());
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let (Some(high), Some(low)) = (nibble(pair[0]), nibble(pair[1])) else {
                return Err(UsageError::Digest.into());
            };
            *byte = high << 4 | low;
        }
        Ok(Self(bytes))
    }
}

/// Which digest an archive, an index and a store's chunk ids use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DigestAlgorithm {
    /// SHA-512/256 of FIPS 180-4 (own initial values), the default.
    #[default]
    Sha512_256,
    /// SHA-256.
    Sha256,
}

impl DigestAlgorithm {
    /// The algorithm that an archive's or index's feature flags select (bit 61).
    pub const fn of(flags: FeatureFlags) -> Self {
        if flags.contains(FeatureFlags::SHA512_256) { Self::Sha512_256 } else { Self::Sha256 }
    }

    /// The feature flag that records this algorithm: bit 61 or nothing.
    pub const fn flag(self) -> FeatureFlags {
        match self {
            Self::Sha512_256 => FeatureFlags::SHA512_256,
            Self::Sha256 => FeatureFlags::EMPTY,
        }
    }

    /// The name on the command line and in `-v` output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha512_256 => "sha512-256",
            Self::Sha256 => "sha256",
        }
    }

    /// The key under which `mtree` prints a file's payload digest.
    pub const fn mtree_key(self) -> &'static str {
        match self {
            Self::Sha512_256 => "sha512256digest",
            Self::Sha256 => "sha256digest",
        }
    }
}

impl FromStr for DigestAlgorithm {
    type Err = Error;

    /// Parses `sha512-256`, `sha256` or `default`.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "sha512-256" | "default" => Ok(Self::Sha512_256),
            "sha256" => Ok(Self::Sha256),
            _ => Err(UsageError::DigestAlgorithm.into()),
        }
    }
}

impl fmt::Display for DigestAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithms_have_names_flags_and_keys() {
        for (algorithm, name, flag, key) in [
            (DigestAlgorithm::Sha512_256, "sha512-256", FeatureFlags::SHA512_256, "sha512256digest"),
            (DigestAlgorithm::Sha256, "sha256", FeatureFlags::EMPTY, "sha256digest"),
        ] {
            assert_eq!((algorithm.name(), algorithm.flag(), algorithm.mtree_key()), (name, flag, key));
            assert_eq!(name.parse(), Ok(algorithm));
            assert_eq!(DigestAlgorithm::of(flag | FeatureFlags::ALL), algorithm);
        }
        assert_eq!("default".parse(), Ok(DigestAlgorithm::Sha512_256));
        assert_eq!("SHA256".parse::<DigestAlgorithm>(), Err(Error::Usage(UsageError::DigestAlgorithm)));
    }

    /// Check values of FIPS 180-4 and of the specification.
    #[test]
    fn digests_have_their_check_values() {
        for (algorithm, text, digest) in [
            (DigestAlgorithm::Sha512_256, "", "c672b8d1ef56ed28ab87c3622c5114069bdd3ad7b8f9737498d0c01ecef0967a"),
            (DigestAlgorithm::Sha512_256, "abc", "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"),
            (DigestAlgorithm::Sha256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ] {
            assert_eq!(Ok(algorithm.digest(text.as_bytes())), digest.parse());
        }
    }
}
