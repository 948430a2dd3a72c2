// Starts the edge worker in one of the runtimes: `{ get(path, init), close(), process }`.

import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
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
  // A port that was free a moment ago may be somebody else's now.
  for (let tried = 0; ; tried += 1) {
    const host = await started(runtime, options);
    if (host.get) return host;
    if (tried === 4 || !/in use/i.test(host.said)) throw new Error(`${program} does not serve: ${host.said}`);
  }
}

/** A server that answers, or what it said when it ended. */
async function started(runtime, options) {
  const directory = mkdtempSync(join(tmpdir(), "casync-edge-"));
  const port = await freePort();
  const child = { deno, bun, workerd, miniflare, wasmtime }[runtime](directory, port, options);
  let said = "";
  child.stderr.on("data", (text) => (said += text));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const close = async () => {
    child.kill("SIGKILL");
    await ended;
    rmSync(directory, { recursive: true });
  };
  const address = `http://127.0.0.1:${port}/`;
  for (let tried = 0; tried < 600 && child.exitCode === null; tried += 1) {
    const up = await fetch(address, { method: "PUT" }).then((answer) => answer.arrayBuffer(), () => undefined);
    if (up && child.exitCode === null) return { get: (path, init) => fetch(address + path, init), close, process: child.pid };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await close();
  return { said };
}

function deno(directory, port, options) {
  const file = join(directory, "main.js");
  writeFileSync(file, `import { serve } from ${JSON.stringify(edge())};
Deno.serve({ hostname: "127.0.0.1", port: ${port}, onListen() {} }, serve(${JSON.stringify(options)}));`);
  const environment = { ...process.env, DENO_DIR: directory, NO_COLOR: "1" };
  return spawn(program, ["run", "--no-prompt", "--allow-net", "--allow-read", file], { env: environment, stdio: ["ignore", "ignore", "pipe"] });
}

function bun(directory, port, options) {
  const file = join(directory, "main.js");
  writeFileSync(file, `import { serve } from ${JSON.stringify(edge())};
Bun.serve({ hostname: "127.0.0.1", port: ${port}, fetch: serve(${JSON.stringify(options)}) });`);
  return spawn(program, ["run", file], { env: { ...process.env, NO_COLOR: "1" }, stdio: ["ignore", "ignore", "pipe"] });
}

/** The component, which is told by its environment what to serve and may take no more memory than is said of it. */
function wasmtime(_directory, port, { index, stores, maxChunks, memory, retries, timeout }) {
  const settings = { INDEX: index, STORES: stores?.join(" "), MAX_CHUNKS: maxChunks, MEMORY: memory, RETRIES: retries, TIMEOUT: timeout && timeout / 1000 };
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  const environment = given.flatMap(([name, value]) => ["--env", `CASYNC_${name}=${value}`]);
  const bounds = ["-W", `max-memory-size=${16 << 20}`, "--max-instance-reuse-count", "50"];
  const where = ["--addr", `127.0.0.1:${port}`, process.env.CASYNC_COMPONENT];
  return spawn(program, ["serve", "-Scli", ...bounds, ...environment, ...where], { stdio: ["ignore", "ignore", "pipe"] });
}

/** What people try workers out with on their own machines. */
function miniflare(directory, port, options) {
  const main = workers(directory, options);
  const modules = main.map((name) => ({ type: name.endsWith(".wasm") ? "CompiledWasm" : "ESModule", path: join(directory, name) }));
  const script = join(directory, "host.mjs");
  writeFileSync(script, `import { Miniflare } from ${JSON.stringify(pathToFileURL(join(program, "miniflare/dist/src/index.js")).href)};
new Miniflare(${JSON.stringify({ host: "127.0.0.1", port, modules, modulesRoot: directory, compatibilityDate: "2026-01-01" })});`);
  return spawn(process.execPath, [script], { env: { ...process.env, CI: "1" }, stdio: ["ignore", "ignore", "pipe"] });
}

function workerd(directory, port, options) {
  const modules = workers(directory, options).map((name) => `(name = "${name}", ${name.endsWith(".wasm") ? "wasm" : "esModule"} = embed "${name}")`);
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

/** A module worker in a directory: the names of its modules, the one to begin with first. */
function workers(directory, options) {
  cpSync(process.env.CASYNC_PACKAGE, directory, { recursive: true });
  const scripts = readdirSync(directory).filter((name) => name.endsWith(".js"));
  writeFileSync(join(directory, "main.js"), `import module from "./module/casync_wasm_bg.wasm";
import { serve } from "./edge.js";
export default { fetch: serve({ ...${JSON.stringify(options)}, module }) };`);
  return ["main.js", ...scripts, "module/casync_wasm.js", "module/casync_wasm_bg.wasm"];
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
