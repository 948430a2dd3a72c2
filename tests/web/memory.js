// What an image costs in memory, by its size: random chunks that a server makes up as they are asked for.

import { assert, load, random, serve } from "./harness.js";

const { open, Pool } = await load("index.js");
const { serve: edge } = await load("edge.js");
const { digest, IndexWriter } = await load("module/casync_wasm.js");
await (await load("module.js")).load();

const SIZE = 64 << 10;
const MIB = 1 << 20;

/** A chunk by its number. */
function chunk(number) {
  const next = random(number);
  const words = new Uint32Array(SIZE / 4);
  for (let at = 0; at < words.length; at += 1) words[at] = next();
  return new Uint8Array(words.buffer);
}

const ids = [];
const numbers = new Map();
async function measure(mebibytes, read) {
  const chunks = (mebibytes * MIB) / SIZE;
  while (ids.length < chunks) {
    const id = digest("sha512-256", chunk(ids.length));
    numbers.set(id, ids.length);
    ids.push(id);
  }
  const writer = new IndexWriter(0xb000000000000000n, SIZE, SIZE, SIZE);
  const index = Buffer.concat([...ids.slice(0, chunks).map((id) => writer.push(id, SIZE)), writer.finish()]);
  const server = await serve((request, response) => {
    const name = request.url.split("/").at(-1);
    response.end(name.endsWith(".caibx") ? index : chunk(numbers.get(name.slice(0, 64))));
  });
  let peak = 0;
  // What this process holds in buffers, whoever holds it; the server's part is in it too.
  const sample = () => {
    const { arrayBuffers } = process.memoryUsage();
    peak = Math.max(peak, arrayBuffers);
  };
  globalThis.gc();
  const before = process.memoryUsage().arrayBuffers;
  let count = 0;
  await read(`${server.address}a.caibx`, async () => {
    if ((count += 1) % 32 !== 0) return;
    // What is not held any more is no cost of the image; buffers are given back a moment after they were found to be garbage.
    for (let turn = 0; turn < 3; turn += 1) {
      globalThis.gc();
      await new Promise((resolve) => setImmediate(resolve));
    }
    sample();
  });
  assert.equal(count, chunks);
  server.close();
  return peak - before;
}

const { setFlagsFromString } = await import("node:v8");
setFlagsFromString("--expose-gc");
globalThis.gc = (await import("node:vm")).runInNewContext("gc");

const { initSync } = await load("module/casync_wasm.js");
const memory = initSync({}).memory;
async function bounded(name, most, read) {
  const small = await measure(16, read);
  const large = await measure(48, read);
  const module = memory.buffer.byteLength;
  console.log(`${name}: buffers ${(small / MIB).toFixed(1)} and ${(large / MIB).toFixed(1)} MiB, module ${(module / MIB).toFixed(1)} MiB`);
  assert.ok(large < small + 8 * MIB, `${name}: ${small} bytes for 16 MiB, ${large} for 48 MiB`);
  assert.ok(large + module < most * MIB, `${name}: ${large} bytes beside a module of ${module}`);
}

// First, since a module's memory never shrinks: what is served at the edge.
await bounded("edge", 16, async (index, each) => {
  const { body } = await edge({ index })(new Request("http://edge.invalid/"));
  for await (const _ of body) await each();
});
for (const worker of [undefined, await Pool.start({ size: 2 })]) {
  await bounded(worker ? "with workers" : "alone", 32, async (index, write) => {
    const image = await open(index, { worker });
    await image.writeTo({ write }, {});
    image.close();
  });
  worker?.close();
}
