//! In what two nodes differ, in words.

use casync_core::archive::{Content, Metadata, Node, Xattr};
use casync_core::record::FeatureFlags;
use casync_core::show::{CivilTime, Escaped};

/// What of a node is different in the tree: attribute, what the archive has, what the tree has. The payload is not looked at.
pub(super) fn differences(archive: &Node, tree: &Node) -> Vec<String> {
    let mut found = Vec::new();
    let mut note = |name: &str, archive: String, tree: String| {
        if archive != tree {
            found.push(format!("{name} is {tree} instead of {archive}"));
        }
    };
    let both = |text: Text| (text(archive), text(tree));
    for (name, text) in ATTRIBUTES {
        let (archive, tree) = both(text);
        note(name, archive, tree);
    }
    xattrs(&archive.metadata, &tree.metadata, &mut found);
    if found.is_empty() && archive != tree {
        found.push("metadata differs".to_owned());
    }
    found
}

/// Shows an attribute.
type Text = fn(&Node) -> String;

/// What can be told in a few words, in the order of the archive.
const ATTRIBUTES: [(&str, Text); 15] = [
    ("type", |node| format!("{:?}", node.content.file_type()).to_lowercase()),
    ("mode", |node| format!("{:04o}", node.metadata.permissions)),
    ("flags", |node| flags(node.metadata.flags)),
    ("uid", |node| node.metadata.uid.to_string()),
    ("gid", |node| node.metadata.gid.to_string()),
    ("user", |node| text(node.metadata.user.as_deref())),
    ("group", |node| text(node.metadata.group.as_deref())),
    ("mtime", |node| CivilTime::new(node.metadata.mtime, 0).to_string() + " UTC"),
    ("acl", |node| node.metadata.acl.as_ref().map_or_else(none, |acl| format!("{acl:?}"))),
    ("default acl", |node| node.metadata.default_acl.as_ref().map_or_else(none, |acl| format!("{acl:?}"))),
    ("selinux", |node| text(node.metadata.selinux.as_deref())),
    ("fcaps", |node| text(node.metadata.fcaps.as_deref())),
    ("project id", |node| node.metadata.project_id.map_or_else(none, |id| id.to_string())),
    ("size", |node| match node.content {
        Content::Regular { size } => size.to_string(),
        _ => none(),
    }),
    ("target", |node| match &node.content {
        Content::Symlink { target } => text(Some(target)),
        Content::Block(device) | Content::Character(device) => device.to_string(),
        _ => none(),
    }),
];

fn none() -> String {
    "none".to_owned()
}

fn text(bytes: Option<&[u8]>) -> String {
    bytes.map_or_else(none, |bytes| Escaped(bytes).to_string())
}

fn flags(flags: FeatureFlags) -> String {
    let names: Vec<&str> = flags.names().collect();
    if names.is_empty() { none() } else { names.join(",") }
}

fn xattrs(archive: &Metadata, tree: &Metadata, found: &mut Vec<String>) {
    let value = |of: &Metadata, name: &[u8]| -> Option<Box<[u8]>> {
        of.xattrs.iter().find(|xattr| *xattr.name == *name).map(|xattr| xattr.value.clone())
    };
    for Xattr { name, value: expected } in &archive.xattrs {
        match value(tree, name) {
            None => found.push(format!("xattr {} is missing", Escaped(name))),
            Some(value) if value != *expected => found.push(format!("xattr {} has another value", Escaped(name))),
            Some(_) => {}
        }
    }
    for Xattr { name, .. } in &tree.xattrs {
        if value(archive, name).is_none() {
            found.push(format!("xattr {} is not in the archive", Escaped(name)));
        }
    }
}
