// Bad answers, one after the other: an error with a code, and nothing unverified is delivered.

import { assert, base, bytes, data, fails, load, serve } from "./harness.js";

const { open } = await load("index.js");
const image = data("image.img");
const index = data("zstd.caibx");
const hurried = { retries: 1, retryPause: 1 };
const impatient = { ...hurried, timeout: 300 };

/** What the server does with chunks; the index is answered as it is unless `wrong` changes that. */
let wrong = {};
const server = await serve(async (request, response) => {
  const path = new URL(request.url, "http://x").pathname.slice(1);
  const what = path.endsWith(".caibx") ? "index" : path.endsWith(".catar") ? "archive" : "chunk";
  if (wrong[what]) return wrong[what](response, path, request);
  send(response, path);
});
function send(response, path, change = (bytes) => bytes) {
  const body = change(data(path));
  response.writeHead(200, { "Content-Length": body.length });
  response.end(body);
}
const opened = (more) => open(`${server.address}zstd.caibx`, { stores: [`${server.address}zstd.castr`], ...hurried, ...more });

/** Reads all; what comes before an error must be the beginning of the image. */
async function prefix(blob) {
  let length = 0;
  for await (const piece of blob.stream()) {
    assert.ok(image.subarray(length, length + piece.length).equals(piece), "nothing unverified comes out");
    length += piece.length;
  }
}
const flipped = (bytes) => Buffer.from(bytes).fill(bytes[bytes.length >> 1] ^ 0x55, bytes.length >> 1, (bytes.length >> 1) + 1);

// Chunks that are damaged, cut, other ones, padded, empty, huge.
const other = data(`zstd.castr/${(await opened()).index.chunk(0).id.replace(/^(.{4})/, "$1/$1")}.cacnk`);
for (const [name, codes, change] of [
  ["damaged", ["format", "mismatch", "truncated", "limit"], flipped],
  ["cut", ["truncated", "format"], (bytes) => bytes.subarray(0, bytes.length - 7)],
  ["padded", ["format"], (bytes) => Buffer.concat([bytes, Buffer.from("more")])],
  ["empty", ["truncated"], () => Buffer.alloc(0)],
  ["zeros", ["mismatch", "format", "limit"], (bytes) => Buffer.alloc(bytes.length)],
  ["huge", ["limit"], () => Buffer.alloc(3 << 20)],
]) {
  wrong = { chunk: (response, path) => send(response, path, change) };
  const error = await prefix(await opened()).then(() => assert.fail(name), (error) => error);
  assert.ok(codes.includes(error.code), `${name}: ${error.code} ${error.message}`);
  assert.ok(error.chunk && error.message.includes(error.chunk), `${name}: ${error.message}`);
}
// The right chunk under every name: all others are refused.
wrong = { chunk: (response) => { response.end(other); } };
await prefix(await opened()).then(() => assert.fail("others"), (error) => assert.ok(["mismatch", "format", "limit"].includes(error.code), error.code));

// A second store makes up for the first; a bad answer is asked for once more.
wrong = { chunk: (response, path) => send(response, path, flipped) };
const made = await opened({ stores: [`${server.address}zstd.castr`, `${base}zstd.castr`] });
assert.ok(image.equals(await bytes(made.stream())));
let turns = new Set();
wrong = { chunk: (response, path) => { const first = !turns.has(path); turns.add(path); send(response, path, first ? flipped : undefined); } };
assert.ok(image.equals(await bytes((await opened()).stream())));

// Statuses.
wrong = { chunk: (response) => response.writeHead(404).end() };
await fails("missing", prefix(await opened()));
wrong = { chunk: (response) => response.writeHead(403).end() };
assert.equal((await fails("http", prefix(await opened()))).status, 403);
const asked = [];
wrong = { chunk: (response, path) => { asked.push(path); response.writeHead(503).end(); } };
const busy = await opened({ parallel: 1 });
await fails("http", prefix(busy));
assert.equal(asked.filter((path) => path.includes(busy.index.chunk(0).id)).length, 2, "a busy server is asked again");
turns = new Set();
wrong = { chunk: (response, path) => { const first = !turns.has(path); turns.add(path); if (first) response.writeHead(429, { "Retry-After": "0" }).end(); else send(response, path); } };
assert.ok(image.equals(await bytes((await opened()).stream())));

// Slow and cut connections.
wrong = { chunk: (response) => response.writeHead(200).write("x") };
await fails("timeout", prefix(await opened(impatient)));
wrong = { chunk: () => {} };
await fails("timeout", prefix(await opened(impatient)));
const cut = (response, path) => {
  const body = data(path);
  response.writeHead(200, { "Content-Length": body.length });
  response.write(body.subarray(0, body.length >> 1), () => response.destroy());
};
wrong = { chunk: cut };
await fails("network", prefix(await opened()));
turns = new Set();
wrong = { chunk: (response, path) => { const first = !turns.has(path); turns.add(path); (first ? cut : send)(response, path); } };
assert.ok(image.equals(await bytes((await opened()).stream())));
// A body without a length that ends early is a frame that ends early.
wrong = { chunk: (response, path) => response.writeHead(200, { "Transfer-Encoding": "chunked" }).end(data(path).subarray(0, -3)) };
await prefix(await opened()).then(() => assert.fail(), (error) => assert.ok(["truncated", "format"].includes(error.code), error.code));

// Indexes: gone, cut, damaged, of something else, hostile.
for (const [code, body] of [
  ["truncated", index.subarray(0, 50)],
  ["truncated", index.subarray(0, index.length - 40)],
  ["format", Buffer.concat([index, Buffer.from("x")])],
  ["format", Buffer.from("<!doctype html>".repeat(10))],
  ["truncated", Buffer.alloc(0)],
]) {
  wrong = { index: (response) => response.end(body) };
  await fails(code, opened(), `${body.length} bytes of index`);
}
wrong = { index: (response) => response.writeHead(404).end() };
await fails("missing", opened());
// One that never ends: every item is right, there are only too many.
{
  const endless = (response) => {
    response.writeHead(200);
    response.write(index.subarray(0, 64));
    let end = 0n;
    const more = () => {
      const items = Buffer.alloc(40 * 10_000);
      for (let at = 0; at < items.length; at += 40) items.writeBigUInt64LE((end += 1n), at);
      if (!response.destroyed && response.write(items)) setImmediate(more);
      else response.once("drain", more);
    };
    more();
  };
  wrong = { index: endless };
  const before = process.memoryUsage().rss;
  await fails("limit", opened());
  const grown = process.memoryUsage().rss - before;
  assert.ok(grown < 96 << 20, `${grown} bytes for an endless index`);
}
// Chunks of the largest size of the format: more than a page should hold.
{
  const items = Buffer.from(index.subarray(0, 104));
  items.writeBigUInt64LE(1n << 27n, 40);
  items.writeBigUInt64LE(1n << 27n, 64);
  wrong = { index: (response) => response.end(items) };
  await fails("limit", opened());
}

// Ranges: a server that has none, that sends another one, a file that changes.
const archive = data("tree.catar");
const catar = () => open(`${server.address}tree.catar`, hurried);
wrong = { archive: (response) => response.end(archive) };
await fails("range", catar());
const partial = (response, request, shift = 0, tag = "a", total = archive.length) => {
  const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range).map(Number);
  const last = Math.min(to, archive.length - 1);
  response.writeHead(206, { ETag: tag, "Content-Range": `bytes ${from + shift}-${last + shift}/${total}` });
  response.end(archive.subarray(from, last + 1));
};
wrong = { archive: (response, _, request) => partial(response, request, 1) };
await fails("range", catar());
let tag = 0;
wrong = { archive: (response, _, request) => partial(response, request, 0, String((tag += 1))) };
await fails("changed", catar().then((archive) => archive.list()));
wrong = { archive: (response, _, request) => partial(response, request, 0, "a", archive.length + 1000) };
await catar().then((archive) => archive.list()).then(() => assert.fail(), (error) => assert.ok(["format", "range", "truncated"].includes(error.code), error.code));

// A host without a net.
await fails("network", open("http://127.0.0.1:1/a.caibx", { ...hurried }));
await fails("usage", open(`${server.address}unknown`));
server.close();
