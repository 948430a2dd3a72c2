//! Random access to an archive.

use casync_core::archive::{Located, Tree as CoreTree};
use casync_core::record::FeatureFlags;
use wasm_bindgen::prelude::*;

use super::{Failure, Find, JsLimits, JsNode, Listing, Lookup, amount, limits, node};

/// An archive of known size, of which parts can be read.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Tree(CoreTree);

#[wasm_bindgen]
impl Tree {
    /// An archive of `size` bytes.
    #[wasm_bindgen(constructor)]
    pub fn new(size: f64, limits: Option<JsLimits>) -> Result<Self, Failure> {
        Ok(Self(CoreTree::new(amount::from_js(size)?, &limits::read(limits)?)))
    }

    /// Demands the feature flags of the index that the archive comes from of every node.
    pub fn expect(&mut self, features: u64) -> Result<(), Failure> {
        self.0 = self.0.expecting(FeatureFlags::from_wire(features)?);
        Ok(())
    }

    /// Asks for the node at a path. The empty path is the root; `.` and `..` are names that no node has.
    pub fn find(&self, path: &str) -> Find {
        Find(self.0.find(path.as_bytes()))
    }

    /// The same for a path that need not be UTF-8.
    #[wasm_bindgen(js_name = findBytes)]
    pub fn find_bytes(&self, path: &[u8]) -> Find {
        Find(self.0.find(path))
    }

    /// Asks for the entries of a directory that was found in this tree, without what is below them.
    pub fn list(&self, directory: JsNode) -> Result<Listing, Failure> {
        Ok(Listing(self.0.list(node::located(&directory)?)))
    }

    /// Asks for the node that lies from `entry` to before `end`, as found earlier.
    pub fn node(&self, entry: f64, end: f64) -> Result<Lookup, Failure> {
        let located = Located { entry: amount::from_js(entry)?, end: amount::from_js(end)? };
        Ok(Lookup(self.0.node(located)))
    }
}
