// Downloads with seeds, plans, caches and targets that are resumed; pausing, aborting, verifying.

import { assert, base, bytes, counting, data, fails, load } from "./harness.js";

const { CasyncError, MemoryCache, open, Pause, Pool } = await load("index.js");
const image = data("image.img");
const stores = [`${base}zstd.castr`];
const index = `${base}zstd.caibx`;
const whole = await open(index, { stores });
const distinct = new Set(Array.from({ length: whole.index.length }, (_, number) => whole.index.chunk(number).id)).size;

/** A target in memory that can be resumed. */
function target(before = new Uint8Array()) {
  const sink = {
    bytes: before.slice(),
    write(piece, offset) {
      const end = offset + piece.length;
      if (end > sink.bytes.length) {
        const grown = new Uint8Array(end);
        grown.set(sink.bytes);
        sink.bytes = grown;
      }
      sink.bytes.set(piece, offset);
    },
    close(size) {
      sink.bytes = sink.bytes.slice(0, size);
    },
    size: () => sink.bytes.length,
    read: (offset, length) => sink.bytes.slice(offset, offset + length),
  };
  return sink;
}

// A plan says what happens.
{
  const fetch = counting();
  const blob = await open(index, { stores, fetch });
  const plan = await blob.plan();
  assert.equal(plan.requests, distinct);
  assert.equal(plan.total.bytes, image.length);
  assert.equal(plan.fetch.bytes + plan.repeats.bytes, image.length);
  const chunks = [];
  const sink = target();
  const done = await blob.writeTo(sink, { onChunk: (chunk, origin) => chunks.push([chunk.number, origin]) });
  assert.ok(image.equals(sink.bytes));
  assert.equal(fetch.urls.length - 1, plan.requests);
  assert.equal(done.requests, plan.requests);
  assert.deepEqual(chunks.map(([number]) => number), Array.from({ length: blob.index.length }, (_, number) => number));
  assert.equal(done.store, plan.fetch.bytes);
  assert.equal(done.memory, plan.repeats.bytes);
}

// Seeds: looked through, or with their index; what they have is not fetched.
const old = data("old.img");
const pool = await Pool.start({ size: 2 });
const fetched = [];
for (const seed of [new Blob([old]), new Uint8Array(old), { file: new Blob([old]), index: new Blob([data("old.caibx")]) }]) {
  for (const worker of [undefined, pool]) {
    const fetch = counting();
    const blob = await open(index, { stores, fetch, seeds: [seed], worker });
    const plan = await blob.plan();
    assert.ok(plan.seeds.bytes > 1_500_000, `${plan.seeds.bytes} bytes from the seed`);
    const sink = target();
    const done = await blob.writeTo(sink);
    assert.ok(image.equals(sink.bytes));
    assert.equal(fetch.urls.length - 1, plan.requests);
    assert.equal(done.seed, plan.seeds.bytes);
    fetched.push(plan.requests);
  }
}
assert.ok(fetched.every((requests) => requests === fetched[0] && requests < distinct / 2), String(fetched));

// A seed that has changed since is a seed that has less.
{
  const warnings = [];
  const changed = { size: old.length, read: (at, length) => new Uint8Array(length) };
  const blob = await open(index, { stores, seeds: [{ file: changed, index: new Blob([data("old.caibx")]) }], onWarning: (error) => warnings.push(error.code) });
  assert.ok(image.equals(await bytes(blob.stream())));
  assert.ok(warnings.length > 0 && warnings.every((code) => code === "mismatch"), String(warnings));
}

// What another version has need not be fetched.
{
  const other = await open(`${base}old.caibx`, { stores });
  const plan = await whole.plan(other);
  assert.equal(plan.requests, fetched[0]);
  assert.equal((await whole.plan(() => true)).requests, 0);
}

// After a cut, a target goes on where it was: what it has is not fetched again.
for (const worker of [undefined, pool]) {
  const controller = new AbortController();
  const sink = target();
  const blob = await open(index, { stores, worker });
  const stopped = blob.writeTo(sink, { signal: controller.signal, onProgress: ({ done }) => done > 1_000_000 && controller.abort() });
  const error = await fails("aborted", stopped);
  assert.equal(error.name, "AbortError");
  assert.ok(sink.bytes.length >= 1_000_000 && sink.bytes.length < image.length, String(sink.bytes.length));
  // A byte that went bad meanwhile.
  sink.bytes[500_000] ^= 1;
  const fetch = counting();
  const again = await open(index, { stores, fetch, worker });
  const done = await again.writeTo(sink, { resume: true });
  assert.ok(image.equals(sink.bytes));
  assert.ok(done.have > 700_000 && done.have < 1_400_000, `${done.have} bytes were there`);
  assert.ok(done.store < image.length - done.have + 300_000);
}

// With a cache, so does everything else.
{
  const cache = new MemoryCache(64 << 20);
  const first = await open(index, { stores, cache });
  const reader = first.stream().getReader();
  for (let length = 0; length < 800_000; length += (await reader.read()).value.length);
  await reader.cancel();
  const fetch = counting();
  const second = await open(index, { stores, cache, fetch });
  const plan = await second.plan();
  assert.ok(plan.cache.bytes >= 800_000, String(plan.cache.bytes));
  assert.ok(image.equals(await bytes(second.stream())));
  assert.ok(fetch.urls.length - 1 <= plan.requests);
  // A cache that lies is found out and set right.
  const id = second.index.chunk(3).id;
  cache.delete(id);
  cache.put(id, new Uint8Array(second.index.chunk(3).size));
  const third = await open(index, { stores, cache });
  assert.ok(image.equals(await bytes(third.stream())));
}

// A full cache is told once and left alone.
{
  const warnings = [];
  let puts = 0;
  const full = { get: () => undefined, put: async () => { puts += 1; throw new DOMException("full", "QuotaExceededError"); } };
  const blob = await open(index, { stores, cache: full, parallel: 1, onWarning: (error) => warnings.push(error.code) });
  assert.ok(image.equals(await bytes(blob.stream())));
  assert.deepEqual([puts, warnings], [1, ["quota"]]);
}

// A full target is an error.
{
  const sink = { ...target(), write() { throw new DOMException("full", "QuotaExceededError"); } };
  const blob = await open(index, { stores });
  await fails("quota", blob.writeTo(sink));
  // As browsers do it in workers: nothing more is written, or (Chromium) an error comes as a number.
  for (const answer of [0, 2 ** 32 - 8]) {
    const handle = { getSize: () => 0, truncate() {}, flush() {}, read: () => 0, write: (piece, { at }) => (at > 100_000 ? answer : piece.length) };
    await fails("quota", blob.writeTo(handle));
  }
  // Or what was to be cut to a length is not.
  const short = { getSize: () => 0, truncate() {}, flush() {}, read: () => 0, write: (piece) => piece.length };
  await fails("quota", blob.writeTo(short));
  await fails("usage", blob.writeTo(new WritableStream(), { resume: true }));
}

// Streams of the web.
{
  const pieces = [];
  const blob = await open(index, { stores });
  await blob.writeTo(new WritableStream({ write: (piece) => void pieces.push(piece) }));
  assert.ok(image.equals(Buffer.concat(pieces)));
}

// Paused, nothing new is asked for.
{
  const pause = new Pause();
  const fetch = counting();
  const blob = await open(index, { stores, fetch, pause, parallel: 2 });
  pause.pause();
  const all = bytes(blob.stream());
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(fetch.urls.length, 1);
  pause.resume();
  assert.ok(image.equals(await all));
  pause.pause();
  // Not AbortSignal.timeout: its timer lets the program end.
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 20);
  await fails("aborted", open(index, { stores, pause, signal: controller.signal }));
}

// No more than so many at once.
{
  let now = 0;
  let most = 0;
  const slow = async (url, init) => {
    now += 1;
    most = Math.max(most, now);
    const response = await fetch(url, init);
    await new Promise((resolve) => setTimeout(resolve, 2));
    now -= 1;
    return response;
  };
  const blob = await open(index, { stores, fetch: slow, parallel: 5 });
  await bytes(blob.stream());
  assert.equal(most, 5);
}

// Verifying fetches nothing.
{
  const fetch = counting();
  const blob = await open(index, { stores, fetch, worker: pool });
  assert.deepEqual(await blob.verify(new Blob([image])), { ok: true, size: { expected: image.length, actual: image.length }, chunks: blob.index.length, wrong: { chunks: 0, bytes: 0 }, places: [] });
  const spoiled = new Uint8Array(image);
  spoiled[777_777] ^= 1;
  const report = await blob.verify(new Blob([spoiled]));
  assert.ok(!report.ok && report.wrong.chunks === 1);
  const [place] = report.places;
  assert.ok(place.start <= 777_777 && 777_777 < place.start + place.size);
  assert.ok(!(await blob.verify(new Blob([image.subarray(0, -1)]))).ok);
  assert.ok(!(await blob.verify(new Blob([image, "more"]))).ok);
  assert.equal(fetch.urls.length, 1);
}
assert.ok(new CasyncError("usage", "x") instanceof Error);
pool.close();
