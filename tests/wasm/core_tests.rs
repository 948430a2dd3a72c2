//! The core's own unit tests, as a WASI program.

use wasmtime::{Engine, Module};

#[test]
fn the_cores_unit_tests_pass_as_wasm() {
    let engine = Engine::default();
    let module = Module::new(&engine, crate::build::core_tests()).expect("the module is valid");
    let outcome = crate::wasi::run(&engine, &module);
    assert_eq!(outcome.status, Some(0), "{}", outcome.text);
    let passed = outcome.text.lines().find_map(|line| line.strip_prefix("test result: ok. ")?.split(' ').next());
    let passed: usize = passed.and_then(|number| number.parse().ok()).expect("the harness counts");
    assert!(passed >= 15, "{}", outcome.text);
}
