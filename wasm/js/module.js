// The WebAssembly module: loaded once, wherever this runs.

import { initSync } from "./module/casync_wasm.js";

const WASM = "./module/casync_wasm_bg.wasm";

let loading;
let compiled;

/**
 * Makes the module's classes usable. Without an argument the module is found beside this file; edge runtimes, which compile
 * nothing at run time, import it and hand it over.
 */
export function load(module) {
  if (module instanceof WebAssembly.Module) instantiate(module);
  if (compiled) return Promise.resolve();
  loading ??= find().then(instantiate);
  return loading;
}

/** The compiled module, for workers: each instantiates its own. */
export function compiledModule() {
  return compiled;
}

function instantiate(module) {
  if (compiled) return;
  initSync({ module });
  compiled = module;
}

async function find() {
  const url = new URL(WASM, import.meta.url);
  if (url.protocol === "file:" && globalThis.process?.versions?.node) {
    const { readFile } = await import("node:fs/promises");
    return WebAssembly.compile(await readFile(url));
  }
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: status ${response.status}`);
  // Streaming takes the right content type; without it the bytes do.
  return WebAssembly.compileStreaming(response.clone()).catch(async () => WebAssembly.compile(await response.arrayBuffer()));
}
