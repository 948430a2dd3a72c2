// Seeds: files on this side that have some of an image's chunks. Which ones is found out by cutting the file as the image
// was cut, or told by the file's own index. What a seed returns is verified like anything else.

import { check, explain } from "./errors.js";
import { readIndex } from "./index-file.js";
import { Cutter } from "./module/casync_wasm.js";
import { toSource } from "./sources.js";

/** Bytes that are read at once. */
const PIECE = 1 << 20;

/** A seed for the chunks of one index: where each lies in the file. 8 bytes of memory for each chunk. */
class Seed {
  constructor(source, index) {
    Object.assign(this, { source, index });
    /** By the number of a chunk's first occurrence: where it lies in the file, plus 1; 0 if it does not. */
    this.places = new Float64Array(index.length);
    this.chunks = 0;
    this.bytes = 0;
  }

  /** Takes note that the file has a chunk. */
  add(id, place, size) {
    const number = this.index.find(id);
    if (number === undefined || this.places[number]) return;
    this.places[number] = place + 1;
    this.chunks += 1;
    this.bytes += size;
  }

  has(chunk) {
    return this.places[this.index.first(chunk.number)] > 0;
  }

  /** The chunk's bytes as the file has them now; nothing if it has none. */
  async get(chunk) {
    const place = this.places[this.index.first(chunk.number)];
    return place ? this.source.read(place - 1, chunk.size) : undefined;
  }
}

/** Looks through a file for chunks of an index, by cutting it. */
export async function scanSeed(index, file, worker, { signal, onProgress } = {}) {
  const source = toSource(file);
  const seed = new Seed(source, index);
  await cut(source, index.chunkSizes, index.algorithm, worker, { signal, onProgress }, (id, place, size) => seed.add(id, place, size));
  return seed;
}

/** Looks up chunks of an index in the file's own index; nothing of the file is read. */
export async function indexedSeed(index, file, own, limits) {
  const table = await readIndex(own, limits);
  try {
    const seed = new Seed(toSource(file), index);
    for (let number = 0; number < table.length; number += 1) {
      const chunk = table.chunk(number);
      seed.add(chunk.id, chunk.start, chunk.size);
    }
    return seed;
  } finally {
    table.free();
  }
}

/**
 * Cuts a file and digests its chunks, several at once; `chunk(id, place, size, bytes)` is called in order.
 */
export async function cut(source, sizes, algorithm, worker, { signal, onProgress } = {}, chunk) {
  const cutter = new Cutter(sizes.min, sizes.avg, sizes.max);
  const waiting = [];
  let place = 0;
  const settle = async () => {
    const { bytes, id } = waiting.shift();
    await chunk(await id, place, bytes.length, bytes);
    place += bytes.length;
  };
  const take = async (chunks) => {
    for (const bytes of chunks) {
      const id = worker.digest(bytes, algorithm);
      id.catch?.(() => {});
      waiting.push({ bytes, id });
      if (waiting.length > worker.width) await settle();
    }
  };
  try {
    // A source whose size is not known ends when nothing comes any more.
    for (let at = 0; at < source.size; ) {
      check(signal);
      const piece = await source.read(at, Math.min(PIECE, source.size - at));
      if (!piece.length) break;
      at += piece.length;
      await take(cutter.feed(piece));
      onProgress?.({ done: at, total: source.size });
    }
    await take(cutter.finish());
    while (waiting.length) await settle();
  } catch (error) {
    throw explain(error, "cutting a file");
  }
  return place;
}
