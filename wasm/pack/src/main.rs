//! Binds a WebAssembly module to JavaScript: `casync-wasm-pack MODULE DIRECTORY`. Called by `wasm/build`.

use std::error::Error;
use std::path::Path;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [module, directory] = arguments.as_slice() else {
        return Err("usage: casync-wasm-pack MODULE DIRECTORY".into());
    };
    let mut bindgen = Bindgen::new();
    // `web` runs everywhere: pages, workers, Node, Deno, edge runtimes.
    bindgen.input_path(Path::new(module)).web(true)?.typescript(true);
    bindgen.generate(Path::new(directory)).map_err(Into::into)
}
