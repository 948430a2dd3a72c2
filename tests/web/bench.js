// Speed of the package in Node and in Chromium, and of the core as native code: run by `bench`, which see.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, tmpdir } from "node:os";
import { extname, join } from "node:path";
import { load, random, serve } from "./harness.js";
import { measure } from "./speed.js";

const SIZE = 16 << 20;
const { CASYNC_PACKAGE: package_, CASYNC_MODULES: modules } = process.env;

/** Text of 4000 words, about half as long once packed. */
function text() {
  const out = Buffer.alloc(SIZE);
  const next = random(1);
  // The low bits of these numbers come again soon.
  const below = (limit) => Math.floor((next() / 2 ** 32) * limit);
  const words = Array.from({ length: 4000 }, () => Array.from({ length: 2 + below(8) }, () => 97 + below(16)));
  for (let at = 0; at < SIZE; out[at++] = 32) for (const byte of words[below(4000)]) out[at++] = byte;
  return out;
}

function noise() {
  const next = random(7);
  return Buffer.from(Uint32Array.from({ length: SIZE / 4 }, () => next()).buffer);
}

/** What the image of a system is made of, for the most part. */
const program = () => readFileSync(process.execPath).subarray(0, SIZE);

/** Time of processors, which others on the machine do not take part of; a page has no such clock. */
const clock = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** What the core does natively, in MB/s: one thread, the same work. */
function natively(blob) {
  const names = { "blob-decode": "verified decode", "blob-digest": "digest", "blob-cut": "chunking", "blob-pack": "compress" };
  const arguments_ = ["bench", "--quiet", "--locked", "--package=casync-tests", "--bench=hot", "--", "--json", `--blob=${blob}`];
  const lines = execFileSync("cargo", arguments_, { cwd: new URL("../..", import.meta.url), encoding: "utf8" }).trim().split("\n");
  return Object.fromEntries(lines.map((line) => JSON.parse(line)).map(({ name, bytes_per_s }) => [names[name], Math.round(bytes_per_s / 1e6)]));
}

const directory = mkdtempSync(join(tmpdir(), "casync-bench-"));
const server = await serve((request, response) => {
  const path = new URL(request.url, "http://x").pathname;
  const file = path === "/speed.js" ? new URL("./speed.js", import.meta.url) : path.startsWith("/package/") ? join(package_, path.slice(9)) : join(directory, path);
  const type = { ".js": "text/javascript", ".wasm": "application/wasm" }[extname(path)] ?? "application/octet-stream";
  if (path === "/favicon.ico") return response.writeHead(204).end();
  if (path === "/") return response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html>");
  return response.writeHead(200, { "Content-Type": type }).end(readFileSync(file));
});
try {
  console.log(`${cpus().length} x ${cpus()[0].model}, Node ${process.versions.node}`);
  for (const [name, make] of Object.entries({ program, text, noise })) {
    writeFileSync(join(directory, name), make());
    for (const digest of ["sha512-256", "sha256"]) {
      execFileSync("casync", ["make", `--store=${name}.castr`, `--digest=${digest}`, `${name}.caibx`, name], { cwd: directory });
      console.log(`Node      ${name.padEnd(8)} ${JSON.stringify(await measure(load, server.address, name, clock))}`);
      const { chromium } = createRequire(join(modules, "x.js"))("playwright-core");
      const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"], timeout: 60_000 });
      const page = await browser.newPage();
      await page.goto(server.address);
      const result = await page.evaluate(async ([base, name]) => {
        const { measure } = await import("/speed.js");
        return measure((file) => import(`/package/${file}`), base, name);
      }, [server.address, name]);
      console.log(`Chromium  ${name.padEnd(8)} ${JSON.stringify(result)}`);
      await browser.close();
      console.log(`native    ${name.padEnd(8)} ${JSON.stringify({ algorithm: result.algorithm, packed: result.packed, ...natively(join(directory, name)) })}`);
    }
  }
} finally {
  server.close();
  rmSync(directory, { recursive: true });
}
