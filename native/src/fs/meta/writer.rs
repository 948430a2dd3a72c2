//! Sets metadata in an order in which nothing undoes what was set before (spec: filesystem.md 8).

use std::os::fd::BorrowedFd;

use casync_core::archive::{FileType, IdShift, Metadata, Node as ArchivedNode, Selection};
use casync_core::record::FeatureFlags;
use rustix::fs::{self as os, AtFlags, Mode, Stat};
use rustix::io::Errno;

use super::owner::{OwnerIds, Owners};
use super::{MetadataReader, acl, chattr, fat, fcaps, project, selinux, subvolume, time, xattr};
use crate::error::{Error, Result};
use crate::fs::Place;
use crate::fs::apply::ApplyOptions;

/// What leaves modes out: any of these features alone restores them.
const MODES: &str = "--without=permissions --without=acl --without=read-only";
/// What leaves times out.
const TIMES: &str = "--without=nsec-time --without=usec-time --without=sec-time --without=2sec-time";

/// An open node whose contents are complete.
pub(crate) struct Node<'a> {
    pub(crate) file: BorrowedFd<'a>,
    pub(crate) file_type: FileType,
    pub(crate) metadata: &'a Metadata,
    /// Permission bits that it is to have.
    pub(crate) mode: u32,
}

/// How a file that this run has made looks before anything was set.
pub(crate) struct Created<'a> {
    /// Permission bits that it was made with, before the umask.
    pub(crate) mode: u32,
    /// What it has from its directory.
    pub(crate) inherited: &'a Inherited,
}

/// What new nodes get from the directory they are made in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inherited {
    /// The group, from directories with the set-group-id bit.
    pub(crate) group: Option<u32>,
    /// Whether there is a default ACL.
    pub(crate) acl: bool,
    /// Whether there are chattr flags that are passed on, or a project id.
    pub(crate) flags: bool,
}

impl Inherited {
    /// What an existing directory passes on.
    pub(crate) fn from_directory(directory: BorrowedFd<'_>, stat: &Stat) -> Self {
        const SET_GROUP_ID: u32 = 0o2000;
        Self {
            group: (stat.st_mode & SET_GROUP_ID != 0).then_some(stat.st_gid),
            acl: acl::has_default(directory),
            flags: chattr::passes_on(directory) || project::passes_on(directory),
        }
    }
}

/// Sets what the options want restored.
#[derive(Debug)]
pub(crate) struct MetadataWriter {
    pub(super) features: FeatureFlags,
    best_effort: bool,
    unset: u64,
    /// What could not be set since somebody last asked.
    remarks: Vec<String>,
    owners: OwnerIds,
    umask: u32,
    /// Owner and group of what this process makes.
    own: (u32, u32),
    /// Reads files that may stand for archived ones, once there is one.
    pub(super) reader: Option<MetadataReader>,
    shift: IdShift,
    /// Whether a time was read back with all its digits: the file system then keeps them.
    times_are_kept: bool,
}

impl MetadataWriter {
    pub(crate) fn new(options: &ApplyOptions) -> Self {
        // The only way to ask for the umask is to set it.
        let umask = rustix::process::umask(Mode::from_raw_mode(0o077));
        rustix::process::umask(umask);
        let own = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        Self {
            features: options.features,
            best_effort: options.best_effort,
            unset: 0,
            remarks: Vec::new(),
            owners: OwnerIds::new(options.shift),
            umask: umask.as_raw_mode(),
            own,
            reader: None,
            shift: options.shift,
            times_are_kept: false,
        }
    }

    /// Attributes that could not be set.
    pub(crate) const fn unset(&self) -> u64 {
        self.unset
    }

    /// What could not be set since this was last asked, for messages that name the node.
    pub(crate) fn take_remarks(&mut self) -> Vec<String> {
        std::mem::take(&mut self.remarks)
    }

    /// The permission bits that a node is to have.
    pub(crate) fn mode(&self, metadata: &Metadata, file_type: FileType) -> u32 {
        const WRITE: u32 = 0o222;
        if self.features.intersects(FeatureFlags::PERMISSIONS | FeatureFlags::ACL) {
            return metadata.permissions;
        }
        // compat: upstream leaves such nodes as it made them: directories closed, set-id bits of the archive on files.
        let open = if file_type == FileType::Directory { 0o777 } else { 0o666 } & !self.umask;
        let read_only = self.features.contains(FeatureFlags::READ_ONLY) && metadata.permissions & WRITE == 0;
        if read_only { open & !WRITE } else { open }
    }

    /// Sets what must be there before the first byte of content. `stale`: the node may have what the archive does not.
    pub(crate) fn begin(&mut self, file: BorrowedFd<'_>, metadata: &Metadata, stale: bool) -> Result<()> {
        let early = self.features & chattr::EARLY;
        if stale || metadata.flags.intersects(early) {
            let set = chattr::apply(file, metadata.flags, early);
            // What is tolerated is counted when these flags are set again at the end.
            if !self.best_effort {
                self.chattr(set)?;
            }
        }
        if self.features.contains(FeatureFlags::QUOTA_PROJID) && (metadata.project_id.is_some() || stale) {
            let set = project::apply(file, metadata.project_id);
            self.attribute(set, "set the quota project id", "--without=quota-projid")?;
        }
        Ok(())
    }

    /// Sets everything that a rename does not touch, the time last. `created`: how the node looks; `None` to look.
    pub(crate) fn finish(&mut self, node: &Node<'_>, created: Option<&Created<'_>>) -> Result<()> {
        let Node { file, file_type, metadata, mode } = *node;
        let place = Place::Open(file);
        let (owner, mut now) = match created {
            // An inherited ACL takes the place of the umask.
            Some(created) if !created.inherited.acl => (self.own_in(created.inherited), created.mode & !self.umask),
            _ => {
                let stat = os::fstat(file)?;
                ((stat.st_uid, stat.st_gid), stat.st_mode & 0o7777)
            }
        };
        if let Some(changed) = self.owner_change(metadata, owner)? {
            let set = os::fchown(file, changed.user(), changed.group());
            self.attribute(set.map_err(Error::from), "set the owner", "--without=privileged")?;
            // A new owner costs the set-id bits.
            now &= 0o1777;
        }
        // Before a mode that may forbid even the owner to write.
        if self.features.contains(FeatureFlags::XATTRS) {
            let refused = |error| self.attribute(Err(error), "set an extended attribute", "--without=xattrs");
            xattr::apply(file, &metadata.xattrs, created.is_none(), refused)?;
        }
        if now != mode {
            let set = os::fchmod(file, Mode::from_raw_mode(mode));
            self.attribute(set.map_err(Error::from), "set the mode", MODES)?;
        }
        if self.features.contains(FeatureFlags::ACL) {
            // After the other attributes, since XFS shows ACLs among them, and after the mode, which is part of them.
            let stale = created.is_none_or(|created| created.inherited.acl);
            let set = acl::apply(place, file_type, metadata, mode, stale, &mut self.owners);
            self.attribute(set, "set the ACL", "--without=acl")?;
        }
        if self.features.contains(FeatureFlags::FCAPS)
            && let Some(capabilities) = &metadata.fcaps
        {
            let set = fcaps::apply(file, capabilities);
            self.attribute(set, "set the file capabilities", "--without=fcaps")?;
        }
        self.label(place, metadata, created.is_none())?;
        self.time(metadata, |times| os::futimens(file, times), || os::fstat(file))
    }

    /// The same for a node that cannot be opened, by a descriptor that only points at it: by its name somebody could have
    /// put another there.
    pub(crate) fn finish_unopened(
        &mut self,
        file: BorrowedFd<'_>,
        node: &ArchivedNode,
        mode: u32,
        inherited: &Inherited,
    ) -> Result<()> {
        let metadata = &node.metadata;
        let file_type = node.content.file_type();
        let place = Place::Pointer(file);
        let owner = self.own_in(inherited);
        let mut now = mode & 0o777 & !self.umask;
        if let Some(changed) = self.owner_change(metadata, owner)? {
            let flags = AtFlags::EMPTY_PATH;
            let set = os::chownat(file, c"", changed.user(), changed.group(), flags);
            self.attribute(set.map_err(Error::from), "set the owner", "--without=privileged")?;
            now &= 0o1777;
        }
        if file_type != FileType::Symlink {
            if now != mode || inherited.acl {
                let set = os::chmod(place.proc_path(), Mode::from_raw_mode(mode));
                self.attribute(set.map_err(Error::from), "set the mode", MODES)?;
            }
            if self.features.contains(FeatureFlags::ACL) {
                let set = acl::apply(place, file_type, metadata, mode, inherited.acl, &mut self.owners);
                self.attribute(set, "set the ACL", "--without=acl")?;
            }
        }
        self.label(place, metadata, false)?;
        let set = |times: &os::Timestamps| match os::utimensat(file, c"", times, AtFlags::EMPTY_PATH) {
            // Linux before 5.8. The link in /proc is followed, the node itself is not.
            Err(Errno::INVAL) => os::utimensat(os::CWD, place.proc_path(), times, AtFlags::empty()),
            set => set,
        };
        self.time(metadata, set, || os::fstat(file))
    }

    /// Sets what would be in the way before: flags that forbid changes come last. `stale`: flags may be set that the
    /// archive does not have.
    pub(crate) fn late(&mut self, node: &Node<'_>, stale: bool) -> Result<()> {
        let flags = node.metadata.flags & self.features;
        let restored = self.features & FeatureFlags::CHATTR;
        if stale || flags.intersects(FeatureFlags::CHATTR) {
            let set = chattr::apply(node.file, flags, restored);
            self.chattr(set)?;
        }
        if self.features.intersects(FeatureFlags::FAT_ATTRS) {
            let set = fat::apply(node.file, flags, self.features);
            self.attribute(set, "set FAT attributes", "--without=fat-attrs")?;
        }
        if node.file_type == FileType::Directory && self.features.contains(FeatureFlags::SUBVOLUME) {
            let set = subvolume::apply(node.file, flags, self.features);
            self.attribute(set, "set the subvolume", "--without=subvolume --without=subvolume-ro")?;
        }
        Ok(())
    }

    /// Reads metadata as archives of these features and this shift have it.
    pub(super) fn reader(&mut self) -> &mut MetadataReader {
        let (features, shift) = (self.features, self.shift);
        self.reader.get_or_insert_with(|| MetadataReader::new(Selection::new(features, shift)))
    }

    /// Owner and group of a node that this process makes in a directory.
    pub(super) fn own_in(&self, inherited: &Inherited) -> (u32, u32) {
        (self.own.0, inherited.group.unwrap_or(self.own.1))
    }

    pub(super) fn owner_change(&mut self, metadata: &Metadata, now: (u32, u32)) -> Result<Option<Owners>> {
        if !self.features.intersects(FeatureFlags::UIDS | FeatureFlags::USER_NAMES) {
            return Ok(None);
        }
        let names = self.features.contains(FeatureFlags::USER_NAMES);
        let wanted = self.owners.of(metadata, names)?;
        Ok(wanted.change_from(now))
    }

    fn label(&mut self, place: Place<'_>, metadata: &Metadata, stale: bool) -> Result<()> {
        if !self.features.contains(FeatureFlags::SELINUX) {
            return Ok(());
        }
        match &metadata.selinux {
            Some(label) => {
                let set = selinux::apply(place, label);
                self.attribute(set, "set the SELinux label", "--without=selinux")
            }
            None => {
                if stale {
                    selinux::remove(place);
                }
                Ok(())
            }
        }
    }

    fn time(
        &mut self,
        metadata: &Metadata,
        set: impl FnOnce(&os::Timestamps) -> Result<(), Errno>,
        look: impl FnOnce() -> Result<Stat, Errno>,
    ) -> Result<()> {
        let Some(granularity) = self.features.time_granularity() else { return Ok(()) };
        let done = set(&time::to_system(metadata.mtime)).map_err(Error::from).and_then(|()| {
            if self.times_are_kept { Ok(true) } else { time::check(metadata.mtime, granularity, &look()?) }
        });
        match done {
            Ok(proof) => self.times_are_kept = proof,
            Err(error) => self.attribute(Err(error), "set the modification time", TIMES)?,
        }
        Ok(())
    }

    /// Takes the result of setting chattr flags.
    fn chattr(&mut self, set: Result<FeatureFlags, (Errno, FeatureFlags)>) -> Result<()> {
        let (error, refused) = match set {
            Ok(refused) => (Error::new(Errno::OPNOTSUPP, "the file system does not have them"), refused),
            Err((errno, refused)) => (Error::from(errno), refused),
        };
        if refused.is_empty() && set.is_ok() {
            return Ok(());
        }
        let names: Vec<&str> = refused.names().collect();
        let without: Vec<String> = names.iter().map(|name| format!("--without={name}")).collect();
        let more = names.len().saturating_sub(1) as u64;
        self.attribute(Err(error), &format!("set the file attributes {}", names.join(" ")), &without.join(" "))?;
        self.unset += more;
        Ok(())
    }

    /// Takes the result of doing `what`: without `--best-effort` a failure is one. `without`: the options that avoid it.
    pub(crate) fn attribute(&mut self, set: Result<()>, what: &str, without: &str) -> Result<()> {
        match set {
            Err(error) if self.best_effort => {
                self.unset += 1;
                self.remarks.push(format!("could not {what}: {error}"));
                Ok(())
            }
            Err(error) => {
                let hint = format!("leave it out with {without}, or see --best-effort");
                Err(error.context(what).hint(hint))
            }
            Ok(()) => Ok(()),
        }
    }
}
