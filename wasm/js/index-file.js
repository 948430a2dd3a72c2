// Index files into tables.

import { CasyncError, explain } from "./errors.js";
import { Hasher, IndexReader } from "./module/casync_wasm.js";
import { toSource } from "./sources.js";

/** Largest piece of a file that is handed over at once. */
const PIECE = 256 << 10;

/** Fetches an index; `expect` may name its digest: `{ "sha512-256": hex }` or `{ sha256: hex }`. */
export async function fetchIndex(url, http, { limits, signal, expect }) {
  let reader;
  let hasher;
  const algorithm = Object.keys(expect ?? {})[0];
  try {
    await http.pieces(url, {
      signal,
      begin() {
        reader?.free();
        hasher?.free();
        reader = new IndexReader(limits);
        hasher = algorithm && new Hasher(algorithm);
      },
      piece(bytes) {
        reader.feed(bytes);
        hasher?.update(bytes);
      },
    });
    const actual = hasher?.finish();
    hasher = undefined;
    if (actual !== expect?.[algorithm]) {
      throw new CasyncError("mismatch", `${url} has the digest ${actual}, not ${expect[algorithm]}`, { url });
    }
    const finished = reader;
    reader = undefined;
    return finished.finish();
  } catch (error) {
    throw explain(error, `reading ${url}`, { url });
  } finally {
    reader?.free();
    hasher?.free();
  }
}

/** Reads an index that is on this side: a File, bytes, or an object with a table. */
export async function readIndex(file, limits) {
  const source = toSource(file);
  const reader = new IndexReader(limits);
  try {
    for (let at = 0; at < source.size; ) {
      const piece = await source.read(at, Math.min(PIECE, source.size - at));
      if (!piece.length) break;
      reader.feed(piece);
      at += piece.length;
    }
  } catch (error) {
    reader.free();
    throw explain(error, "reading an index");
  }
  try {
    return reader.finish();
  } catch (error) {
    throw explain(error, "reading an index");
  }
}
