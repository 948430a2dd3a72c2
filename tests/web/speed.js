// Speed of the module on this engine: the best of several passes over 64 KiB-class chunks, one thread.

import { Inline } from "./casync-wasm/inline.js";
import { load } from "./casync-wasm/module.js";
import { compress, Cutter } from "./casync-wasm/module/casync_wasm.js";

const SIZES = { min: 16 << 10, avg: 64 << 10, max: 256 << 10 };

/** Text-like bytes, half as long once packed. */
function bytes(length) {
  const out = new Uint8Array(length);
  let state = 1;
  const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const words = Array.from({ length: 4000 }, () => Array.from({ length: 2 + random() * 8 }, () => 97 + random() * 16));
  for (let at = 0; at < length; ) {
    const word = words[Math.floor(random() * words.length)];
    for (const byte of word) if (at < length) out[at++] = byte;
    if (at < length) out[at++] = 32;
  }
  return out;
}

/** MB/s by name; a megabyte is 10^6 bytes. */
export async function measure(passes = 5, length = 16 << 20) {
  await load();
  const inline = new Inline();
  const data = bytes(length);
  const rate = (run) => {
    let best = Infinity;
    for (let pass = 0; pass < passes; pass += 1) {
      const start = performance.now();
      run();
      best = Math.min(best, performance.now() - start);
    }
    return Math.round(length / best / 1000);
  };
  const cut = () => {
    const cutter = new Cutter(SIZES.min, SIZES.avg, SIZES.max);
    const chunks = [];
    for (let at = 0; at < length; at += 1 << 20) chunks.push(...cutter.feed(data.subarray(at, at + (1 << 20))));
    chunks.push(...cutter.finish());
    return chunks;
  };
  const result = { chunking: rate(cut) };
  const chunks = cut();
  for (const algorithm of ["sha512-256", "sha256"]) {
    const packed = chunks.map((bytes) => ({ id: inline.digest(bytes, algorithm), size: bytes.length, frame: compress(bytes) }));
    result[`digest ${algorithm}`] = rate(() => chunks.forEach((bytes) => inline.digest(bytes, algorithm)));
    result[`verified decode ${algorithm}`] = rate(() => packed.forEach(({ id, size, frame }) => inline.decode(frame, { id, size }, algorithm)));
  }
  result.compress = rate(() => chunks.forEach(compress));
  return result;
}
