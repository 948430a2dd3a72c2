//! Owner ids and names: from the host to the archive and back (spec: filesystem.md 6).

use alloc::boxed::Box;
use alloc::string::ToString;

use crate::error::{Result, Unrepresentable, UsageError};
use crate::record::{FeatureFlags, check_owner_name};

/// A user or group as the host knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The id.
    pub id: u32,
    /// The name in the host's database, if it has one.
    pub name: Option<Box<[u8]>>,
}

/// `--uid-shift=` and `--uid-range=`: how ids of the host and of the archive differ.
///
/// ```
/// use casync_core::archive::IdShift;
///
/// let shift = IdShift::new(100_000, 65_536);
/// assert_eq!(shift.to_archive(100_042), Some(42));
/// assert_eq!(shift.to_host(42), Some(100_042));
/// assert_eq!(shift.to_archive(42), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IdShift {
    shift: u32,
    /// 0: ids are not wrapped.
    range: u32,
}

impl IdShift {
    /// Ids of the host lie `shift` above those of the archive, which are wrapped at `range` (2^32 or 0: not wrapped).
    pub fn new(shift: u32, range: u64) -> Self {
        Self { shift, range: u32::try_from(range).unwrap_or(0) }
    }

    /// How far ids of the host lie above those of the archive.
    pub const fn shift(self) -> u32 {
        self.shift
    }

    /// Where stored ids are wrapped; 0 if they are not.
    pub const fn range(self) -> u32 {
        self.range
    }

    /// The id to store for an id of the host; `None` if it cannot be stored.
    pub fn to_archive(self, id: u32) -> Option<u32> {
        let shifted = valid(id)?.checked_sub(self.shift)?;
        valid(if self.range == 0 { shifted } else { shifted % self.range })
    }

    /// The id on the host for a stored id; `None` if there is none.
    pub fn to_host(self, id: u32) -> Option<u32> {
        let wrapped = if self.range == 0 { id } else { id % self.range };
        valid(wrapped.checked_add(self.shift)?)
    }

    /// What an archive with `features` stores of an owner: id and name.
    ///
    /// # Errors
    ///
    /// [`Unrepresentable`] for ids that cannot be stored.
    pub(super) fn select(self, owner: Owner, features: FeatureFlags) -> Result<(u32, Option<Box<[u8]>>)> {
        let numeric = features.intersects(FeatureFlags::UIDS);
        let named = features.contains(FeatureFlags::USER_NAMES) && owner.id != 0;
        // Upstream stores names that no reader takes, its own least of all; here such an owner counts as unnamed.
        let name = owner.name.filter(|name| check_owner_name(name).is_ok());
        let unnumbered = match (numeric, named, name.is_some()) {
            (false, false, _) => return Ok((0, None)),
            // compat: without numbers an unknown owner is named by its number.
            (false, true, false) => true,
            (false, true, true) => return Ok((0, name)),
            (true, ..) => false,
        };
        let reserved = Unrepresentable::Id(owner.id.into());
        let stored = self.to_archive(owner.id).ok_or(UsageError::Unrepresentable(reserved))?;
        if unnumbered {
            return Ok((0, Some(stored.to_string().into_bytes().into())));
        }
        if features.contains(FeatureFlags::UIDS_16BIT) && stored > 0xffff {
            return Err(UsageError::Unrepresentable(Unrepresentable::WideId(stored.into())).into());
        }
        Ok((stored, if named { name } else { None }))
    }
}

/// Refuses the reserved ids.
const fn valid(id: u32) -> Option<u32> {
    match id {
        0xffff | u32::MAX => None,
        _ => Some(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn ids_shift_and_wrap() {
        for (shift, range, host, archive) in [
            (0, 0, 0, Some(0)),
            (0, 0, 65_535, None),
            (0, 0, u32::MAX, None),
            (0, 0, u32::MAX - 1, Some(u32::MAX - 1)),
            (1000, 0, 999, None),
            (1000, 0, 1000, Some(0)),
            // Reserved after the shift.
            (1000, 0, 66_535, None),
            (1000, 1 << 32, 66_536, Some(65_536)),
            (0, 65_536, 70_000, Some(4464)),
            (0, 65_536, 131_071, None),
            (100, 10, 117, Some(7)),
        ] {
            assert_eq!(IdShift::new(shift, range).to_archive(host), archive, "{host} by {shift} in {range}");
        }
        for (shift, range, archive, host) in [
            (100_000, 65_536, 5, Some(100_005)),
            (100_000, 65_536, 65_537, Some(100_001)),
            (0, 0, 65_535, None),
            (1, 0, 65_534, None),
            (u32::MAX - 1, 0, 1, None),
            (u32::MAX - 1, 0, 2, None),
        ] {
            assert_eq!(IdShift::new(shift, range).to_host(archive), host, "{archive} by {shift} in {range}");
        }
    }

    fn select(id: u32, name: Option<&str>, features: FeatureFlags) -> Result<(u32, Option<Box<[u8]>>)> {
        let name = name.map(|name| name.as_bytes().into());
        IdShift::default().select(Owner { id, name }, features.normalized())
    }

    #[test]
    fn owners_are_stored_as_the_features_say() {
        let (numbers, names) = (FeatureFlags::UIDS_32BIT, FeatureFlags::USER_NAMES);
        let name = |text: &str| Some(text.as_bytes().into());
        for (id, owner, features, stored) in [
            (7, Some("me"), FeatureFlags::EMPTY, (0, None)),
            (65_535, Some("me"), FeatureFlags::EMPTY, (0, None)),
            (7, Some("me"), numbers, (7, None)),
            (7, Some("me"), numbers | names, (7, name("me"))),
            (7, None, numbers | names, (7, None)),
            (7, Some("me"), names, (0, name("me"))),
            (7, None, names, (0, name("7"))),
            // The owner 0 is known without a name.
            (0, Some("root"), numbers | names, (0, None)),
            (0, Some("root"), names, (0, None)),
            // Names that no reader would take.
            (7, Some("root"), numbers | names, (7, None)),
            (7, Some("a:b"), numbers | names, (7, None)),
            (7, Some("a/b"), names, (0, name("7"))),
        ] {
            assert_eq!(select(id, owner, features), Ok(stored), "{id} {owner:?} with {features:?}");
        }
        let refused = |what| Err(Error::Usage(UsageError::Unrepresentable(what)));
        assert_eq!(select(65_535, None, numbers), refused(Unrepresentable::Id(65_535)));
        assert_eq!(select(65_535, None, names), refused(Unrepresentable::Id(65_535)));
        assert_eq!(select(65_536, None, FeatureFlags::UIDS_16BIT), refused(Unrepresentable::WideId(65_536)));
    }
}
