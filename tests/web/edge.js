// What an edge worker answers, whatever runs it: Node in this process, or Deno or workerd behind HTTP.

import { assert, base, data, load, serve, sha256 } from "./harness.js";
import { checkImage, checkTree } from "./edge-checks.js";
import { start } from "./edge-hosts.js";

const runtime = process.env.CASYNC_RUNTIME;
const stores = (name) => [`${base}${name}.castr`];

for (const store of ["zstd", "xz", "gzip", "sha256"]) {
  const tree = await start(runtime, { index: `${base}${store}.caidx`, stores: stores(store) });
  await checkTree(tree.get, data, data(`${store}.caidx`));
  await tree.close();
}
const image = await start(runtime, { index: `${base}zstd.caibx`, stores: stores("zstd") });
await checkImage(image.get, data("image.img"));
await image.close();

// A bound of chunks: a range is shortened, all of it is refused.
const bounded = await start(runtime, { index: `${base}zstd.caibx`, stores: stores("zstd"), maxChunks: 5 });
assert.equal((await bounded.get("image.img")).status, 413);
const part = await bounded.get("image.img", { headers: { Range: "bytes=0-" } });
assert.equal(part.status, 206);
const body = Buffer.from(await part.arrayBuffer());
assert.ok(body.length > 80_000 && body.length < 5 * (256 << 10), String(body.length));
assert.equal(sha256(body), sha256(data("image.img").subarray(0, body.length)));
await bounded.close();

// An origin that is damaged or gone.
let damage = false;
let stall = false;
const origin = await serve((request, response) => {
  const path = new URL(request.url, "http://x").pathname.slice(1);
  if (stall && path.endsWith(".cacnk")) return;
  const bytes = Buffer.from(data(path));
  if (damage && path.endsWith(".cacnk")) bytes[bytes.length >> 1] ^= 0x55;
  response.end(bytes);
});
const spoiled = await start(runtime, { index: `${origin.address}zstd.caidx`, stores: [`${origin.address}zstd.castr`], memory: 0, retries: 0, timeout: 1000 });
assert.equal((await spoiled.get("docs/deep/hello.txt")).status, 200);
damage = true;
const refused = await spoiled.get("docs/deep/hello.txt");
assert.equal(refused.status, 502);
assert.ok(["mismatch", "format", "truncated", "limit"].includes(refused.headers.get("x-casync-error")), refused.headers.get("x-casync-error"));
damage = false;
// Damage in the middle of a body ends it early: never with wrong bytes.
const big = await spoiled.get("big.bin");
assert.equal(big.status, 200);
damage = true;
const got = [];
const ended = await (async () => { for await (const piece of big.body) got.push(piece); })().then(() => "whole", () => "early");
const bytes = Buffer.concat(got);
assert.ok(data("tree/big.bin").subarray(0, bytes.length).equals(bytes));
if (ended === "whole") assert.equal(bytes.length, data("tree/big.bin").length);
damage = false;
// One that never answers.
stall = true;
const late = await spoiled.get("docs/deep/hello.txt");
assert.equal(late.status, 504);
assert.equal(late.headers.get("x-casync-error"), "timeout");
assert.equal(late.headers.get("cache-control"), "no-store");
await late.text();
stall = false;
assert.equal(await (await spoiled.get("docs/deep/hello.txt")).text(), "hello\n");
await spoiled.close();
origin.close();
const gone = await start(runtime, { index: `${base}nothing.caidx` });
assert.equal((await gone.get("")).status, 502);
await gone.close();
