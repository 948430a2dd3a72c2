//! In what two nodes differ, in words.

use casync_core::archive::{Node, Timestamp};
use casync_core::diff::{Change, Common, changes};
use casync_core::show::{CivilTime, Escaped};

/// What of a node is different in the tree: attribute, what the archive has, what the tree has. The payload is not looked at.
pub(super) fn differences(archive: &Node, tree: &Node, common: &Common) -> Vec<String> {
    let found: Vec<String> = changes(archive, tree, common).iter().filter_map(words).collect();
    if found.is_empty() && archive != tree { vec!["metadata differs".to_owned()] } else { found }
}

/// A change from the archive to the tree; `None` if another one says it.
fn words(change: &Change<'_>) -> Option<String> {
    let key = change.key();
    let differs = |archive: String, tree: String| Some(format!("{key} is {tree} instead of {archive}"));
    let has = |what: String, archive: bool, tree: bool| {
        Some(match (archive, tree) {
            (true, false) => format!("{what} is missing"),
            (false, _) => format!("{what} is not in the archive"),
            (true, true) => format!("{what} has another value"),
        })
    };
    match change {
        // The sizes differ then, or whoever has read the bytes tells where they begin to differ.
        Change::Content => None,
        Change::Type { from, to } => {
            let name = |file_type| format!("{file_type:?}").to_lowercase();
            differs(name(from), name(to))
        }
        Change::Size { from, to } => differs(from.to_string(), to.to_string()),
        Change::Target { from, to } => differs(Escaped(from).to_string(), Escaped(to).to_string()),
        Change::Device { from, to } => differs(from.to_string(), to.to_string()),
        Change::Mode { from, to } => differs(format!("{from:04o}"), format!("{to:04o}")),
        Change::Uid { from, to } | Change::Gid { from, to } => differs(from.to_string(), to.to_string()),
        Change::User { from, to } | Change::Group { from, to } | Change::Selinux { from, to } => {
            differs(text(*from), text(*to))
        }
        Change::Mtime { from, to } => differs(time(*from), time(*to)),
        Change::Flags { set, cleared } => {
            let lists = [("has", set), ("lacks", cleared)].into_iter().filter(|(_, flags)| !flags.is_empty());
            let lists = lists.map(|(verb, flags)| format!("{verb} {}", flags.names().collect::<Vec<_>>().join(",")));
            Some(lists.collect::<Vec<_>>().join("; "))
        }
        Change::Xattr { name, from, to } => has(format!("{key} {}", Escaped(name)), from.is_some(), to.is_some()),
        Change::Acl { from, to } => has(key.to_owned(), from.is_some(), to.is_some()),
        Change::DefaultAcl { from, to } => has("default acl".to_owned(), from.is_some(), to.is_some()),
        Change::Fcaps { from, to } => has(key.to_owned(), from.is_some(), to.is_some()),
        Change::ProjectId { from, to } => {
            let text = |id: &Option<u32>| id.map_or_else(|| text(None), |id| id.to_string());
            differs(text(from), text(to)).map(|told| told.replacen(key, "project id", 1))
        }
        other => Some(other.to_string()),
    }
}

fn text(bytes: Option<&[u8]>) -> String {
    bytes.map_or_else(|| "none".to_owned(), |bytes| Escaped(bytes).to_string())
}

fn time(time: Timestamp) -> String {
    CivilTime::new(time, 0).to_string() + " UTC"
}
