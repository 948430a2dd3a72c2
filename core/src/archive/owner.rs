//! Owner ids and names: from the host to the archive and back (spec: filesystem.md 6).

use alloc::boxed::Box;
use alloc::string::ToString;

use crate::error::{Result, Unrepresentable, UsageError};
use crate::record::FeatureFlags;

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
        let unnumbered = match (numeric, named, owner.name.is_some()) {
            (false, false, _) => return Ok((0, None)),
            // compat: without numbers an unknown owner is named by its number.
            (false, true, false) => true,
            (false, true, true) => return Ok((0, owner.name)),
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
        Ok((stored, if named { owner.name } else { None }))
    }
}

/// Refuses the reserved ids.
const fn valid(id: u32) -> Option<u32> {
    match id {
        0xffff | u32::MAX => None,
        _ => Some(id),
    }
}
