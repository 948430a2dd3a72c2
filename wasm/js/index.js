// casync for JavaScript: list, download, verify, patch and make content-addressed images and archives. The same file runs
// in pages, workers, Node, Deno and edge runtimes.

import { Archive } from "./archive.js";
import { MemoryCache } from "./caches.js";
import { Chunks } from "./chunks.js";
import { ChunkedContent, RangedContent } from "./content.js";
import { CasyncError, check } from "./errors.js";
import { Http } from "./http.js";
import { Image } from "./image.js";
import { fetchIndex } from "./index-file.js";
import { Inline } from "./inline.js";
import { load } from "./module.js";
import { indexedSeed, scanSeed } from "./seeds.js";
import { defaultStore, toStore } from "./stores.js";

export { DirectoryCache, MemoryCache, StorageCache } from "./caches.js";
export { CasyncError } from "./errors.js";
export { Http } from "./http.js";
export { load } from "./module.js";
export { Pool } from "./pool.js";
export { HttpStore } from "./stores.js";
export { Pause } from "./waiting.js";

/** What input may cost by default: with it everything stays below 32 MiB. */
const LIMITS = { chunk: 4 << 20, indexChunks: 1 << 18 };

/**
 * Opens a `.caibx` (an image), a `.caidx` or a `.catar` (an archive). See `index.d.ts` for the options.
 */
export async function open(indexUrl, options = {}) {
  const { signal, module, limits: given, worker = new Inline(), memory = 4 << 20, expect = {} } = options;
  check(signal);
  await load(module);
  const url = new URL(indexUrl, globalThis.location?.href).href;
  const kind = options.kind ?? kindOf(url);
  const limits = { ...LIMITS, ...given };
  const http = new Http(options);
  const held = typeof memory === "number" ? new MemoryCache(memory) : memory;
  if (kind === "catar") {
    const content = await new RangedContent(url, http, held).open(signal);
    return new Archive({ url, content, limits, signal, http });
  }
  const index = await fetchIndex(url, http, { limits, signal, expect: expect.index });
  try {
    if (expect.algorithm && index.algorithm !== expect.algorithm) {
      throw new CasyncError("mismatch", `${url} uses ${index.algorithm}, not ${expect.algorithm}`, { url });
    }
    const stores = (options.stores ?? [defaultStore(url)]).map((store) => toStore(store, http));
    const { cache, parallel, budget, onWarning } = options;
    const chunks = new Chunks({ index, stores, cache, memory: held, worker, parallel, budget, onWarning });
    for (const seed of options.seeds ?? []) chunks.seeds.push(await openSeed(index, seed, worker, limits, signal));
    if (kind === "caibx") return new Image({ url, chunks, signal, http });
    return new Archive({ url, content: new ChunkedContent(chunks), chunks, limits, signal, http });
  } catch (error) {
    index.free();
    throw error;
  }
}

function openSeed(index, seed, worker, limits, signal) {
  if (typeof seed.get === "function" && typeof seed.has === "function") return seed;
  const { file = seed, index: own, onProgress } = seed;
  return own ? indexedSeed(index, file, own, limits) : scanSeed(index, file, worker, { signal, onProgress });
}

function kindOf(url) {
  const name = new URL(url).pathname;
  const kind = ["caibx", "caidx", "catar"].find((suffix) => name.endsWith(`.${suffix}`));
  if (!kind) throw new CasyncError("usage", `${url}: neither .caibx nor .caidx nor .catar; say which with the option kind`, { url });
  return kind;
}
