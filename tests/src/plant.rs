//! Trees with all that a file system can hold, made by other people's tools.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use crate::mount::FileSystem;
use crate::sandbox::outcome;

/// What every rich file system can hold. `set -e` is on; times come last.
const COMMON: &str = r#"
for mode in 0000 0600 0644 4755 2755 1777 7777; do echo "$mode" >mode-$mode; chmod $mode mode-$mode; done
mkdir empty deep deep/er deep/er/est closed
chmod 0 closed
chmod 7777 deep/er
echo content >deep/er/est/file
truncate --size=1M sparse; printf end >>sparse
: >nothing
ln -s deep/er link; ln -s /nowhere/at/all broken
mkfifo pipe; chmod 2640 pipe
mknod null c 1 3; mknod disk b 7 200; mknod far c 511 262143
touch owned-1 owned-name owned-32bit; ln -s x owned-link
chown 1:1 owned-1; chown daemon:games owned-name; chown 1234567890:4000000000 owned-32bit; chown -h 7:8 owned-link
touch attributes; mkdir attributes-dir
setfattr -n user.one -v 1 attributes; setfattr -n user.empty attributes
setfattr -n user.binary -v 0x00ff000a attributes; setfattr -n trusted.secret -v x attributes
setfattr -n user.one -v 1 attributes-dir; setfattr -n trusted.secret -v x attributes-dir
chmod 0444 attributes
cp /bin/true capable; setcap cap_net_raw,cap_net_admin+ep capable
mkdir "$(printf '%0255d' 1)"; echo odd >"$(printf 'by\377te \n new')"
"#;

/// The longest name; the C casync has no room for its temporary names beside it.
const LONG: &str = r#"echo full >"$(printf '%0255d' 0)"; mkfifo "$(printf '%0255d' 2)"; ln -s x "$(printf '%0255d' 3)"
"#;

/// ACLs: with names, without, on a pipe, and defaults.
const ACLS: &str = r#"
touch acl; setfacl -m u:daemon:rwx,u:54321:r,g:games:rx,g:65533:-,m::rx acl
mkdir acl-dir; setfacl -m u:1:rwx acl-dir; setfacl -d -m u:54321:rwx,g:2:r,o::- acl-dir
mkdir acl-dir/inherits; rm -rf acl-dir/inherits/*; touch acl-dir/file
mkdir default-only; setfacl -d -m u::rwx,g::rx,o::r default-only
mkfifo acl-pipe; setfacl -m u:1:rw acl-pipe
touch acl-mask; chmod 0640 acl-mask; setfacl -m m::rwx acl-mask
"#;

/// Labels with the NUL at their end that all have, where the kernel lets anybody set one: with SELinux off they are like any attribute.
const LABELS: &str = r#"
touch label; mkdir label-dir; ln -s x label-link; mkfifo label-pipe
for node in label label-dir label-link label-pipe; do
    setfattr -h -n security.selinux -v 0x73797374656d5f753a6f626a6563745f723a6574635f743a733000 $node
done
"#;

const EXT4: &str = r#"
for flag in A d D i S a P; do mkdir flag-$flag-dir; [ $flag = D ] || [ $flag = P ] || echo x >flag-$flag; done
"#;

const XFS: &str = r#"
for flag in A d i S a P; do mkdir flag-$flag-dir; [ $flag = P ] || echo x >flag-$flag; done
"#;

/// Project ids, given and inherited.
const PROJECTS: &str = r#"
touch project; chattr -p 77 project
mkdir project-dir; chattr -p 78 project-dir; chattr +P project-dir; touch project-dir/inherits
"#;

const BTRFS: &str = r#"
for flag in A c C d D i S m a; do mkdir flag-$flag-dir; [ $flag = D ] || touch flag-$flag; done
btrfs --quiet subvolume create subvolume; echo x >subvolume/file
btrfs --quiet subvolume create read-only; echo x >read-only/file
"#;

/// After everything else: what forbids changes, and the times.
const LAST: &str = r#"
find . -depth -name 'flag-*' | while read path; do flag=${path#./flag-}; chattr +${flag%-dir} $path; done
touch -h -d '2001-02-03 04:05:06.789012345' link; touch -d '1970-01-01 00:00:00' nothing
touch -d '2038-01-19 03:14:08.000000001' sparse; touch -d '2200-06-07 08:09:10.111213141' deep/er/est/file
touch -h -d '2005-05-05 05:05:05.55' pipe null disk
touch -d '1999-12-31 23:59:59.999999999' deep/er/est deep/er deep empty .
[ ! -d read-only ] || { touch -d '2010-10-10 10:10:10.101' read-only; btrfs property set read-only ro true; }
"#;

/// Which of it all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Everything.
    Full,
    /// What the C casync can extract again: no long names, and no ACLs on XFS, which it takes for other attributes and loses.
    Shared,
}

/// Makes a tree with all that this file system can hold.
pub fn plant(root: &Path, system: FileSystem, extent: Extent) {
    std::fs::create_dir(root).unwrap();
    let own = match system {
        FileSystem::Ext4 => EXT4,
        FileSystem::Xfs => XFS,
        FileSystem::Btrfs => BTRFS,
        FileSystem::Tmpfs | FileSystem::Vfat => "",
    };
    drop(UnixListener::bind(root.join("socket")).unwrap());
    if std::fs::read_to_string("/sys/fs/selinux/enforce").is_ok() {
        crate::skip::skip("SELinux is on, which lets nobody make up labels");
    } else {
        shell(root, LABELS);
    }
    let may_have_projects = matches!(system, FileSystem::Ext4 | FileSystem::Xfs);
    let projects = if may_have_projects && has_projects(root) { PROJECTS } else { "" };
    let full = extent == Extent::Full;
    let acls = if full || system != FileSystem::Xfs { ACLS } else { "" };
    shell(root, &format!("{COMMON}{}{acls}{own}{projects}{LAST}", if full { LONG } else { "" }));
}

fn has_projects(root: &Path) -> bool {
    let set = Command::new("chattr").args(["-p", "1"]).arg(root).output().is_ok_and(|output| output.status.success());
    if !set {
        crate::skip::skip("the kernel has no quota projects on this file system");
        return false;
    }
    outcome(Command::new("chattr").args(["-p", "0"]).arg(root)).success();
    true
}

/// Runs a script in a directory.
#[track_caller]
pub fn shell(directory: &Path, script: &str) -> Vec<u8> {
    let mut shell = Command::new("bash");
    shell.args(["-euc", &format!("set -o pipefail; umask 022\n{script}")]).current_dir(directory);
    outcome(shell.env("LC_ALL", "C.UTF-8").env("TZ", "UTC")).success()
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    std::str::from_utf8(path.as_os_str().as_bytes()).expect("paths of sandboxes are text")
}
