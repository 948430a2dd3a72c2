//! Owners by number and name.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use casync_core::archive::{IdShift, Metadata};
use rustix::fs::{Gid, Uid};
use rustix::io::Errno;

use crate::error::{Error, Result};

/// Names of users and groups. Nobody is looked up twice, known or not.
#[derive(Debug, Default)]
pub(crate) struct OwnerNames {
    users: HashMap<u32, Option<Box<[u8]>>>,
    groups: HashMap<u32, Option<Box<[u8]>>>,
}

impl OwnerNames {
    pub(crate) fn user(&mut self, id: u32) -> Option<Box<[u8]>> {
        let look_up = || uzers::get_user_by_uid(id).map(|user| user.name().as_bytes().into());
        self.users.entry(id).or_insert_with(look_up).clone()
    }

    pub(crate) fn group(&mut self, id: u32) -> Option<Box<[u8]>> {
        let look_up = || uzers::get_group_by_gid(id).map(|group| group.name().as_bytes().into());
        self.groups.entry(id).or_insert_with(look_up).clone()
    }
}

/// Owner and group that a node is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owners {
    user: u32,
    group: u32,
    /// Which of them differ from what is.
    change: (bool, bool),
}

impl Owners {
    /// What has to be changed; `None` if nothing.
    pub(super) fn change_from(mut self, now: (u32, u32)) -> Option<Self> {
        self.change = (self.user != now.0, self.group != now.1);
        (self.change.0 || self.change.1).then_some(self)
    }

    pub(super) fn user(&self) -> Option<Uid> {
        self.change.0.then(|| Uid::from_raw(self.user))
    }

    pub(super) fn group(&self) -> Option<Gid> {
        self.change.1.then(|| Gid::from_raw(self.group))
    }
}

/// Ids on the host for owners in an archive. Nobody is looked up twice.
#[derive(Debug)]
pub(crate) struct OwnerIds {
    shift: IdShift,
    users: HashMap<Box<[u8]>, u32>,
    groups: HashMap<Box<[u8]>, u32>,
}

impl OwnerIds {
    pub(crate) fn new(shift: IdShift) -> Self {
        Self { shift, users: HashMap::new(), groups: HashMap::new() }
    }

    /// The owners of a node. `names`: a name counts more than the number beside it.
    pub(super) fn of(&mut self, metadata: &Metadata, names: bool) -> Result<Owners> {
        let user = self.user(metadata.uid, metadata.user.as_deref().filter(|_| names))?;
        let group = self.group(metadata.gid, metadata.group.as_deref().filter(|_| names))?;
        Ok(Owners { user, group, change: (true, true) })
    }

    pub(crate) fn user(&mut self, id: u32, name: Option<&[u8]>) -> Result<u32> {
        let look_up = |name: &OsStr| uzers::get_user_by_name(name).map(|user| user.uid());
        resolve(self.shift, &mut self.users, id, name, look_up, "user")
    }

    pub(crate) fn group(&mut self, id: u32, name: Option<&[u8]>) -> Result<u32> {
        let look_up = |name: &OsStr| uzers::get_group_by_name(name).map(|group| group.gid());
        resolve(self.shift, &mut self.groups, id, name, look_up, "group")
    }
}

fn resolve(
    shift: IdShift,
    known: &mut HashMap<Box<[u8]>, u32>,
    id: u32,
    name: Option<&[u8]>,
    look_up: impl FnOnce(&OsStr) -> Option<u32>,
    what: &str,
) -> Result<u32> {
    let shifted = |id: u32| {
        shift.to_host(id).ok_or_else(|| Error::new(Errno::INVAL, format!("{what} id {id} cannot be shifted")))
    };
    let Some(name) = name else { return shifted(id) };
    if let Some(id) = known.get(name) {
        return Ok(*id);
    }
    // compat: a number in place of a name is shifted, a name is not.
    let number = std::str::from_utf8(name).ok().and_then(|text| text.parse().ok());
    let id = match number {
        Some(number) => shifted(number)?,
        None => look_up(OsStr::from_bytes(name)).ok_or_else(|| {
            let name = String::from_utf8_lossy(name);
            Error::new(Errno::SRCH, format!("unknown {what} {name:?}"))
                .hint("restore owners by number with --without=user-names")
        })?,
    };
    known.insert(name.into(), id);
    Ok(id)
}
