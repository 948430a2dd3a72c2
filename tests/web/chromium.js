// The package in a page of Chromium: what only a browser has. Caches that outlive the page, Web Workers, quotas, closed tabs.

import { createRequire } from "node:module";
import { extname, join } from "node:path";
import { readFileSync } from "node:fs";
import { assert, data, serve, sha256 } from "./harness.js";

const { chromium } = createRequire(join(process.env.CASYNC_PROGRAM, "x.js"))("playwright-core");
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };
const image = data("image.img");
const whole = sha256(image);

/** Chunks asked for; after `most` of them the others wait. */
let chunks = [];
let most = Infinity;
let damaged = false;
const server = await serve((request, response) => {
  const path = new URL(request.url, "http://x").pathname;
  if (path === "/") return response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><title>casync</title>");
  if (path === "/favicon.ico") return response.writeHead(204).end();
  const isChunk = path.endsWith(".cacnk");
  if (isChunk && chunks.push(path) > most) return undefined;
  const bytes = path.startsWith("/package/") ? readFileSync(join(process.env.CASYNC_PACKAGE, path.slice(9))) : Buffer.from(data(path));
  if (isChunk && damaged) bytes[bytes.length >> 1] ^= 0x55;
  response.writeHead(200, { "Content-Type": TYPES[extname(path)] ?? "application/octet-stream", "Cache-Control": "no-store" });
  return response.end(bytes);
});

const browser = await chromium.launch({ executablePath: process.env.CASYNC_CHROMIUM, args: ["--no-sandbox"], timeout: 60_000 });
const context = await browser.newContext();
const errors = [];
async function open() {
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  page.on("pageerror", (error) => errors.push(String(error.stack)));
  await page.goto(server.address);
  // What every scenario in the page begins with.
  await page.evaluate(async () => {
    const casync = await import("/package/index.js");
    const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
    const digest = async (bytes) => hex(await crypto.subtle.digest("SHA-256", bytes));
    const kinds = { StorageCache: () => new casync.StorageCache(), DirectoryCache: () => new casync.DirectoryCache() };
    const image = (options) => casync.open("/zstd.caibx", { stores: ["/zstd.castr"], retries: 0, ...options });
    // Not by a Response, which tells of no error what it was.
    const all = async (blob) => {
      const parts = [];
      const reader = blob.stream().getReader();
      for (let part; !(part = await reader.read()).done; ) parts.push(part.value);
      return digest(await new Blob(parts).arrayBuffer());
    };
    const file = async () => (await navigator.storage.getDirectory()).getFileHandle("image.img", { create: true });
    const code = (promise) => promise.then(() => "nothing", (error) => error.code);
    Object.assign(globalThis, { casync, digest, kinds, image, all, file, code });
  });
  return page;
}

// Without a cache, decoded here and in Web Workers.
let page = await open();
const distinct = await page.evaluate(async () => {
  const { index } = await image();
  return new Set(Array.from({ length: index.length }, (_, number) => index.chunk(number).id)).size;
});
for (const size of [0, 1, 3]) {
  chunks = [];
  const digest = await page.evaluate(async (size) => {
    const worker = size ? await casync.Pool.start({ size }) : undefined;
    const result = await all(await image({ worker, memory: 8 << 20 }));
    worker?.close();
    return result;
  }, size);
  assert.equal(digest, whole, `${size} workers`);
  assert.equal(chunks.length, distinct);
}
// What a worker finds damaged is an error here; after it the worker goes on.
damaged = true;
const told = await page.evaluate(async () => {
  const worker = await casync.Pool.start({ size: 2 });
  globalThis.pool = worker;
  return code(all(await image({ worker })));
});
assert.ok(["format", "mismatch", "truncated", "limit"].includes(told), told);
damaged = false;
assert.equal(await page.evaluate(async () => all(await image({ worker: pool }))), whole);
assert.equal(await page.evaluate(() => { pool.close(); return code(image({ worker: pool }).then(all)); }), "aborted");

for (const name of ["StorageCache", "DirectoryCache"]) {
  // What a page has fetched, another page finds.
  chunks = [];
  assert.equal(await page.evaluate(async (name) => all(await image({ cache: kinds[name]() })), name), whole, name);
  assert.equal(chunks.length, distinct, name);
  await page.close();
  page = await open();
  chunks = [];
  const again = await page.evaluate(async (name) => {
    const blob = await image({ cache: kinds[name]() });
    const plan = await blob.plan();
    return { requests: plan.requests, digest: await all(blob) };
  }, name);
  assert.deepEqual(again, { requests: 0, digest: whole }, name);
  assert.equal(chunks.length, 0, name);
  // A chunk that went bad on the disk is found out and fetched again; one that was taken away, too.
  const warned = await page.evaluate(async (name) => {
    const cache = kinds[name]();
    const warnings = [];
    const blob = await image({ cache, memory: 0, onWarning: (error) => warnings.push(error.code) });
    const [first, second] = [blob.index.chunk(0), blob.index.chunk(1)];
    await cache.delete(first.id);
    if (await cache.has(first.id)) return "it is still there";
    await cache.put(second.id, new Uint8Array(second.size));
    return { warnings, digest: await all(blob), has: await cache.has(first.id) };
  }, name);
  assert.deepEqual(warned, { warnings: ["mismatch"], digest: whole, has: true }, name);
  assert.equal(chunks.length, 2, name);
}

// A tab that is closed in the middle: the next one goes on with what is in the file already.
chunks = [];
most = 12;
await page.evaluate(() => void image().then(async (blob) => blob.writeTo(await file()).catch(() => {})));
for (let tried = 0; chunks.length <= most && tried < 1200; tried += 1) await new Promise((resolve) => setTimeout(resolve, 50));
assert.ok(chunks.length > most, `${chunks.length} chunks were asked for`);
await page.close();
most = Infinity;
page = await open();
chunks = [];
const resumed = await page.evaluate(async () => {
  const handle = await file();
  const done = await (await image()).writeTo(handle, { resume: true });
  return { have: done.have, digest: await digest(await (await handle.getFile()).arrayBuffer()) };
});
assert.equal(resumed.digest, whole);
assert.ok(chunks.length <= distinct, `${chunks.length} chunks were fetched`);
// With a cache nothing of what was verified is fetched again, whatever became of the file.
await page.evaluate(async () => { await (await navigator.storage.getDirectory()).removeEntry("casync-chunks", { recursive: true }); });
chunks = [];
most = 12;
await page.evaluate(() => void image({ cache: kinds.DirectoryCache() }).then(async (blob) => blob.writeTo(await file()).catch(() => {})));
for (let tried = 0; chunks.length <= most && tried < 1200; tried += 1) await new Promise((resolve) => setTimeout(resolve, 50));
const kept = await page.evaluate(async () => (await (await image({ cache: kinds.DirectoryCache() })).plan()).requests);
await page.close();
most = Infinity;
page = await open();
chunks = [];
const cached = await page.evaluate(async () => {
  const handle = await file();
  await (await image({ cache: kinds.DirectoryCache() })).writeTo(handle);
  return digest(await (await handle.getFile()).arrayBuffer());
});
assert.equal(cached, whole);
assert.ok(kept < distinct && chunks.length <= kept, `${chunks.length} of ${distinct} chunks were fetched, ${kept} planned`);

// No room left: a cache is told once and left alone, a target is an error.
const developer = await context.newCDPSession(page);
const origin = new URL(server.address).origin;
await page.evaluate(async () => { for await (const name of (await navigator.storage.getDirectory()).keys()) await (await navigator.storage.getDirectory()).removeEntry(name, { recursive: true }); });
await page.evaluate(async () => { for (const name of await caches.keys()) await caches.delete(name); });
await developer.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 700_000 });
for (const name of ["StorageCache", "DirectoryCache"]) {
  const full = await page.evaluate(async (name) => {
    const warnings = [];
    const blob = await image({ cache: kinds[name](), onWarning: (error) => warnings.push(error.code) });
    return { digest: await all(blob), warnings };
  }, name);
  assert.deepEqual(full, { digest: whole, warnings: ["quota"] }, name);
}
assert.equal(await page.evaluate(async () => code((await image()).writeTo(await file()))), "quota");

assert.deepEqual(errors, []);
await browser.close();
server.close();
