//! What the modules want of their hosts.

use wasmtime::{Engine, Module};

use crate::guest::MODULE;

#[test]
fn the_plain_module_imports_nothing() {
    assert_eq!(imports(&MODULE.1), Vec::<String>::new());
}

/// An import from `env` is a function that no JavaScript has: some dependency wants a C library.
#[test]
fn the_module_for_javascript_imports_from_its_bindings_alone() {
    let module = crate::build::module("bindgen,zstd,xz,gzip");
    let module = Module::new(&Engine::default(), module).expect("the module is valid");
    let imports = imports(&module);
    assert!(!imports.is_empty(), "JavaScript makes its errors");
    let foreign: Vec<_> = imports.iter().filter(|from| !from.starts_with("__wbindgen_")).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
}

fn imports(module: &Module) -> Vec<String> {
    module.imports().map(|import| format!("{}.{}", import.module(), import.name())).collect()
}
