// Starts the edge worker in one of the runtimes: `{ get(path, init), close() }`.

import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { load } from "./harness.js";

const program = process.env.CASYNC_PROGRAM;
const edge = () => pathToFileURL(join(process.env.CASYNC_PACKAGE, "edge.js")).href;

export async function start(runtime, options) {
  if (runtime === "node") {
    const { serve } = await load("edge.js");
    const handle = serve(options);
    return { get: (path, init) => handle(new Request(`http://edge.invalid/${path}`, init)), close() {} };
  }
  const directory = mkdtempSync(join(tmpdir(), "casync-edge-"));
  const port = await freePort();
  const child = runtime === "deno" ? deno(directory, port, options) : workerd(directory, port, options);
  let said = "";
  child.stderr.on("data", (text) => (said += text));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const address = `http://127.0.0.1:${port}/`;
  for (let tried = 0; ; tried += 1) {
    if (child.exitCode !== null || tried > 600) throw new Error(`${program} does not serve: ${said}`);
    const up = await fetch(address, { method: "PUT" }).then((answer) => answer.arrayBuffer(), () => undefined);
    if (up) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    get: (path, init) => fetch(address + path, init),
    async close() {
      child.kill("SIGKILL");
      await ended;
      rmSync(directory, { recursive: true });
    },
  };
}

function deno(directory, port, options) {
  const file = join(directory, "main.js");
  writeFileSync(file, `import { serve } from ${JSON.stringify(edge())};
Deno.serve({ hostname: "127.0.0.1", port: ${port}, onListen() {} }, serve(${JSON.stringify(options)}));`);
  const environment = { ...process.env, DENO_DIR: directory, NO_COLOR: "1" };
  return spawn(program, ["run", "--no-prompt", "--allow-net", "--allow-read", file], { env: environment, stdio: ["ignore", "ignore", "pipe"] });
}

function workerd(directory, port, options) {
  cpSync(process.env.CASYNC_PACKAGE, directory, { recursive: true });
  writeFileSync(join(directory, "main.js"), `import module from "./module/casync_wasm_bg.wasm";
import { serve } from "./edge.js";
export default { fetch: serve({ ...${JSON.stringify(options)}, module }) };`);
  const scripts = ["main.js", "edge.js", "archive.js", "caches.js", "chunks.js", "content-types.js", "content.js", "errors.js", "http.js", "image.js", "index-file.js", "index.js", "inline.js", "listing-page.js", "module.js", "plan.js", "pool.js", "seeds.js", "sinks.js", "sources.js", "stores.js", "verify.js", "waiting.js", "module/casync_wasm.js"];
  const modules = scripts.map((name) => `(name = "${name}", esModule = embed "${name}")`);
  modules.push('(name = "module/casync_wasm_bg.wasm", wasm = embed "module/casync_wasm_bg.wasm")');
  // By default a worker reaches public addresses only.
  writeFileSync(join(directory, "config.capnp"), `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (modules = [${modules.join(", ")}], compatibilityDate = "2026-01-01")),
    (name = "internet", network = (allow = ["local", "private", "public"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);`);
  return spawn(program, ["serve", join(directory, "config.capnp")], { stdio: ["ignore", "ignore", "pipe"] });
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
