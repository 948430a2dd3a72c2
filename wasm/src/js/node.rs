//! Nodes of archives as plain objects.

use casync_core::Name;
use casync_core::archive::{Content, Located, Node, Xattr};
use js_sys::{Array, Object, Uint8Array};
use wasm_bindgen::prelude::*;

use super::{Failure, amount};
use crate::file_type;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** An extended attribute. */
export interface Xattr {
  readonly name: string;
  readonly value: Uint8Array;
}

/** A member of an archive. What the archive does not store is 0 or missing. */
export interface ArchiveNode {
  /** Its name, for people; missing for the root. */
  readonly name?: string;
  /** Its name as it is. */
  readonly nameBytes?: Uint8Array;
  readonly type: "directory" | "file" | "symlink" | "block" | "character" | "fifo" | "socket";
  /** The twelve permission bits. */
  readonly permissions: number;
  readonly uid: number;
  readonly gid: number;
  /** Name of the owner, never `root`. */
  readonly user?: string;
  readonly group?: string;
  /** Modification time: whole seconds since 1970 and nanoseconds above that. */
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  /** chattr, FAT and subvolume flags. */
  readonly flags: bigint;
  readonly xattrs: Xattr[];
  /** Bytes of a file. */
  readonly size?: number;
  /** Where a symbolic link points, for people. */
  readonly target?: string;
  readonly targetBytes?: Uint8Array;
  /** Numbers of a device. */
  readonly major?: number;
  readonly minor?: number;
  /** Where its first record starts in the archive. */
  readonly entry: number;
  /** Where its contents start: a file's first byte. */
  readonly content: number;
  /** Where it ends in the archive; known when it was found in a tree. */
  readonly end?: number;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// A member of an archive.
    #[wasm_bindgen(typescript_type = "ArchiveNode")]
    #[derive(Debug)]
    pub type JsNode;

    #[wasm_bindgen(method, setter)]
    fn set_name(this: &JsNode, name: &str);

    #[wasm_bindgen(method, setter, js_name = nameBytes)]
    fn set_name_bytes(this: &JsNode, name: Uint8Array);

    #[wasm_bindgen(method, setter, js_name = "type")]
    fn set_type(this: &JsNode, name: &str);

    #[wasm_bindgen(method, setter)]
    fn set_permissions(this: &JsNode, bits: u32);

    #[wasm_bindgen(method, setter)]
    fn set_uid(this: &JsNode, id: u32);

    #[wasm_bindgen(method, setter)]
    fn set_gid(this: &JsNode, id: u32);

    #[wasm_bindgen(method, setter)]
    fn set_user(this: &JsNode, name: &str);

    #[wasm_bindgen(method, setter)]
    fn set_group(this: &JsNode, name: &str);

    #[wasm_bindgen(method, setter, js_name = mtimeSeconds)]
    fn set_mtime_seconds(this: &JsNode, seconds: f64);

    #[wasm_bindgen(method, setter, js_name = mtimeNanoseconds)]
    fn set_mtime_nanoseconds(this: &JsNode, nanoseconds: u32);

    #[wasm_bindgen(method, setter)]
    fn set_flags(this: &JsNode, bits: u64);

    #[wasm_bindgen(method, setter)]
    fn set_xattrs(this: &JsNode, xattrs: Array);

    #[wasm_bindgen(method, setter)]
    fn set_size(this: &JsNode, bytes: f64);

    #[wasm_bindgen(method, setter)]
    fn set_target(this: &JsNode, target: &str);

    #[wasm_bindgen(method, setter, js_name = targetBytes)]
    fn set_target_bytes(this: &JsNode, target: Uint8Array);

    #[wasm_bindgen(method, setter)]
    fn set_major(this: &JsNode, number: u32);

    #[wasm_bindgen(method, setter)]
    fn set_minor(this: &JsNode, number: u32);

    #[wasm_bindgen(method, getter)]
    fn entry(this: &JsNode) -> f64;

    #[wasm_bindgen(method, setter)]
    fn set_entry(this: &JsNode, offset: f64);

    #[wasm_bindgen(method, setter)]
    fn set_content(this: &JsNode, offset: f64);

    #[wasm_bindgen(method, getter)]
    fn end(this: &JsNode) -> Option<f64>;

    #[wasm_bindgen(method, setter)]
    fn set_end(this: &JsNode, offset: f64);

    /// An extended attribute.
    #[wasm_bindgen(typescript_type = "Xattr")]
    #[derive(Debug)]
    pub type JsXattr;

    #[wasm_bindgen(method, setter, js_name = name)]
    fn set_xattr_name(this: &JsXattr, name: &str);

    #[wasm_bindgen(method, setter)]
    fn set_value(this: &JsXattr, value: Uint8Array);
}

/// A node as an object; its place is added by who knows it.
pub(super) fn object(name: Option<&Name>, node: &Node, entry: u64, content: u64) -> Result<JsNode, Failure> {
    let object = Object::new().unchecked_into::<JsNode>();
    if let Some(name) = name {
        object.set_name(&String::from_utf8_lossy(name));
        object.set_name_bytes(bytes(name));
    }
    object.set_type(file_type::name(node.content.file_type()));
    let metadata = &node.metadata;
    object.set_permissions(metadata.permissions);
    object.set_uid(metadata.uid);
    object.set_gid(metadata.gid);
    if let Some(user) = &metadata.user {
        object.set_user(&String::from_utf8_lossy(user));
    }
    if let Some(group) = &metadata.group {
        object.set_group(&String::from_utf8_lossy(group));
    }
    let (seconds, nanoseconds) = metadata.mtime.to_unix();
    object.set_mtime_seconds(amount::to_js(seconds)?);
    object.set_mtime_nanoseconds(nanoseconds);
    object.set_flags(metadata.flags.bits());
    object.set_xattrs(metadata.xattrs.iter().map(xattr).collect());
    match &node.content {
        Content::Regular { size } => object.set_size(amount::to_js(*size)?),
        Content::Symlink { target } => {
            object.set_target(&String::from_utf8_lossy(target));
            object.set_target_bytes(bytes(target));
        }
        Content::Block(device) | Content::Character(device) => {
            object.set_major(device.major);
            object.set_minor(device.minor);
        }
        Content::Directory | Content::Fifo | Content::Socket => {}
    }
    object.set_entry(amount::to_js(entry)?);
    object.set_content(amount::to_js(content)?);
    Ok(object)
}

/// Adds where the node ends.
pub(super) fn set_end(object: &JsNode, end: u64) -> Result<(), Failure> {
    object.set_end(amount::to_js(end)?);
    Ok(())
}

/// Where a node lies that came from a tree.
pub(super) fn located(object: &JsNode) -> Result<Located, Failure> {
    // A node without an end does not come from a tree; NaN is refused with a message that fits.
    let end = object.end().unwrap_or(f64::NAN);
    Ok(Located { entry: amount::from_js(object.entry())?, end: amount::from_js(end)? })
}

fn xattr(xattr: &Xattr) -> JsXattr {
    let object = Object::new().unchecked_into::<JsXattr>();
    object.set_xattr_name(&String::from_utf8_lossy(&xattr.name));
    object.set_value(bytes(&xattr.value));
    object
}

/// A copy.
fn bytes(bytes: &[u8]) -> Uint8Array {
    Uint8Array::new_from_slice(bytes)
}
