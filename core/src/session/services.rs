//! What the two sides of a session offer and ask for (spec: remote.md 4).

use core::fmt;
use core::ops::BitOr;

use crate::error::{Malformed, Result, Unsupported, UsageError};

/// The flags of a HELLO.
///
/// ```
/// use casync_core::session::Services;
///
/// let client = Services::PULL_CHUNKS | Services::PULL_INDEX;
/// let server = Services::READABLE_STORE | Services::READABLE_INDEX;
/// assert!(client.check_with(server).is_ok());
/// assert!(client.check_with(Services::READABLE_STORE).is_err());
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Services(u64);

macro_rules! services {
    ($($bit:literal $constant:ident $help:literal;)*) => {
        impl Services {
            $(
                #[doc = $help]
                pub const $constant: Self = Self(1 << $bit);
            )*
            /// Every flag with its name.
            const NAMES: &'static [(Self, &'static str)] = &[$((Self::$constant, stringify!($constant)),)*];
        }
    };
}

services! {
    0 READABLE_STORE "I serve chunks.";
    1 WRITABLE_STORE "I accept chunks.";
    2 READABLE_INDEX "I serve an index.";
    3 WRITABLE_INDEX "I accept an index.";
    4 READABLE_ARCHIVE "I serve an archive.";
    5 WRITABLE_ARCHIVE "I accept an archive.";
    6 PULL_CHUNKS "I want chunks.";
    7 PULL_INDEX "I want the index.";
    8 PULL_ARCHIVE "I want the archive.";
    9 PUSH_CHUNKS "I want to send chunks.";
    10 PUSH_INDEX "I want to send an index.";
    11 PUSH_INDEX_CHUNKS "Take from me the chunks that my index names.";
    12 PUSH_ARCHIVE "I want to send an archive.";
}

impl Services {
    /// What is asked for, each with what the other side must offer for it.
    const PAIRS: [(Self, Self); 6] = [
        (Self::PULL_CHUNKS, Self::READABLE_STORE),
        (Self::PULL_INDEX, Self::READABLE_INDEX),
        (Self::PULL_ARCHIVE, Self::READABLE_ARCHIVE),
        (Self::PUSH_CHUNKS, Self::WRITABLE_STORE),
        (Self::PUSH_INDEX, Self::WRITABLE_INDEX),
        (Self::PUSH_ARCHIVE, Self::WRITABLE_ARCHIVE),
    ];

    /// The flags of a HELLO.
    ///
    /// # Errors
    ///
    /// [`Malformed::FlagsUnset`] for none or all ones, [`Unsupported::Services`] for unknown ones,
    /// [`Malformed::Services`] for [`Self::PUSH_INDEX_CHUNKS`] without what it takes.
    pub fn from_wire(bits: u64) -> Result<Self> {
        let known = Self::NAMES.iter().fold(0, |known, (flag, _)| known | flag.0);
        let services = Self(bits);
        match bits {
            0 | u64::MAX => Err(Malformed::FlagsUnset.into()),
            _ if bits & !known != 0 => Err(Unsupported::Services(bits & !known).into()),
            _ if !services.is_complete() => Err(Malformed::Services(services).into()),
            _ => Ok(services),
        }
    }

    /// The bits on the wire.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether all of `others` are set.
    pub const fn contains(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// Checks that a side may say this: it offers no index and no archive both for reading and for writing.
    ///
    /// # Errors
    ///
    /// [`UsageError::Services`].
    pub(super) fn check_own(self) -> Result<()> {
        let both = |one: Self, other: Self| self.contains(one | other);
        if self.0 == 0
            || !self.is_complete()
            || both(Self::READABLE_INDEX, Self::WRITABLE_INDEX)
            || both(Self::READABLE_ARCHIVE, Self::WRITABLE_ARCHIVE)
        {
            return Err(UsageError::Services.into());
        }
        Ok(())
    }

    /// Checks that two sides fit: each offers what the other asks for, and one of them asks for something.
    ///
    /// # Errors
    ///
    /// [`Malformed::Services`] with the other side's flags.
    pub fn check_with(self, other: Self) -> Result<()> {
        let served = |asks: Self, offers: Self| {
            Self::PAIRS.iter().all(|&(wish, offer)| !asks.contains(wish) || offers.contains(offer))
        };
        let asks = |side: Self| Self::PAIRS.iter().any(|&(wish, _)| side.contains(wish));
        if served(self, other) && served(other, self) && (asks(self) || asks(other)) {
            Ok(())
        } else {
            Err(Malformed::Services(other).into())
        }
    }

    const fn is_complete(self) -> bool {
        self.0 & Self::PUSH_INDEX_CHUNKS.0 == 0 || self.contains(Self(Self::PUSH_CHUNKS.0 | Self::PUSH_INDEX.0))
    }
}

impl BitOr for Services {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = Self::NAMES.iter().filter(|(flag, _)| self.contains(*flag)).map(|(_, name)| name);
        match names.next() {
            Some(first) => f.write_str(first)?,
            None => return f.write_str("nothing"),
        }
        names.try_for_each(|name| write!(f, " {name}"))
    }
}
