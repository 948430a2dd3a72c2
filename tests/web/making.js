// Makes an image and a tree, packed and by PUT.

import { createWriteStream, mkdirSync, openAsBlob, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Writable } from "node:stream";
import { assert, data, fails, load, serve } from "./harness.js";

const { Pool } = await load("index.js");
const { httpTarget, makeArchive, makeImage, tarTarget } = await load("make.js");
const made = join(process.env.CASYNC_DATA, "made");
mkdirSync(made);
const pool = await Pool.start({ size: 2 });
const image = await openAsBlob(join(process.env.CASYNC_DATA, "image.img"));

// Packed; the same with workers and without.
const tar = (name) => tarTarget(Writable.toWeb(createWriteStream(join(made, name))));
const alone = await makeImage(image, { name: "image.caibx", target: tar("image.tar") });
const together = await makeImage(image, { name: "image.caibx", target: tar("again.tar"), worker: pool });
assert.deepEqual(alone, together);
assert.equal(alone.digest, data("zstd.caibx.digest").toString().trim());
assert.ok(alone.packed < image.size * 0.9, `${alone.packed} of ${image.size} bytes`);
const sha256 = await makeImage(image, { algorithm: "sha256", target: { chunk() {} } });
assert.ok(data("sha256.caibx").equals(sha256.index));

// By PUT, to a server that keeps what it gets.
const puts = [];
const server = await serve(async (request, response) => {
  const path = join(made, new URL(request.url, "http://x").pathname);
  if (request.method === "HEAD") return response.writeHead(puts.includes(path) ? 200 : 404).end();
  const parts = [];
  for await (const part of request) parts.push(part);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, Buffer.concat(parts));
  puts.push(path);
  response.writeHead(201).end();
});
const target = () => httpTarget(`${server.address}put.castr`);
await makeImage(image, { name: "image.caibx", target: target(), worker: pool });
assert.ok(puts.at(-1).endsWith("image.caibx"), "the index comes last");
const first = puts.length;
await makeImage(image, { name: "image.caibx", target: target() });
assert.equal(puts.length, first + 1, "chunks that are there are not sent again");

/** A directory of this machine as a page has it. */
function handle(path, name = "") {
  const values = async function* () {
    // In any order.
    for (const entry of readdirSync(path, { withFileTypes: true }).reverse()) {
      const below = join(path, entry.name);
      if (entry.isDirectory()) yield handle(below, entry.name);
      else if (entry.isFile()) {
        const getFile = async () => Object.assign(await openAsBlob(below), { lastModified: Math.floor(statSync(below).mtimeMs) });
        yield { kind: "file", name: entry.name, getFile };
      }
    }
  };
  return { kind: "directory", name, values, getDirectoryHandle() {} };
}
const tree = await makeArchive(handle(join(process.env.CASYNC_DATA, "tree")), { name: "tree.caidx", target: target(), worker: pool });
writeFileSync(join(made, "tree.digest"), `${tree.digest}\n`);

// The same by a list of files.
const items = [
  { path: "b/c.txt", file: new Blob(["c"]) },
  { path: "b.txt", file: new Blob(["b"]) },
  { path: "a", target: "b.txt" },
];
const list = await makeArchive(items, { target: { chunk() {} }, features: "permissions symlinks" });
assert.equal(list.chunks, 1);

// What fails is told, and the target hears of it.
let heard;
const failing = { chunk() { throw new DOMException("full", "QuotaExceededError"); }, abort: (error) => (heard = error.code) };
await fails("quota", makeImage(image, { target: failing }));
assert.equal(heard, "quota");
await fails("aborted", makeImage(image, { target: failing, signal: AbortSignal.abort() }));
await fails("changed", makeArchive([{ path: "a", file: { size: 10, read: () => new Uint8Array() } }], { target: failing }));
server.close();
pool.close();
