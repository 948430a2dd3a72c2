// Where `make` puts chunks and index: an object with `chunk(id, frame)`, and `has(id)`, `index(name, bytes)`, `close()` and `abort(error)`
// if it wants them.

import { Http } from "./http.js";
import { HttpStore } from "./stores.js";

/** Sends chunks and index by PUT, for instance to a `casync serve --writable`; chunks that are there are not sent. */
export function httpTarget(store, { index: indexes, check = true, ...options } = {}) {
  const http = new Http(options);
  const chunks = new HttpStore(store, http);
  const sent = { "Content-Type": "application/octet-stream" };
  return {
    has: async (id, { signal }) => check && (await http.exists(chunks.url(id), { signal })),
    chunk: (id, frame, { signal }) => http.put(chunks.url(id), frame, { signal, headers: sent }),
    index: (name, bytes, { signal }) => http.put(new URL(name, indexes ?? new URL("..", chunks.base)).href, bytes, { signal, headers: sent }),
  };
}

const BLOCK = 512;

/** Packs everything into one tar file, written to a WritableStream: to be downloaded, unpacked and served as it is. */
export function tarTarget(stream, { store = "default.castr" } = {}) {
  const writer = stream.getWriter();
  const add = async (path, bytes) => {
    await writer.ready;
    await writer.write(header(path, bytes.length));
    await writer.write(bytes.slice());
    await writer.write(new Uint8Array((BLOCK - (bytes.length % BLOCK)) % BLOCK));
  };
  return {
    chunk: (id, frame) => add(`${store}/${id.slice(0, 4)}/${id}.cacnk`, frame),
    index: add,
    async close() {
      await writer.write(new Uint8Array(2 * BLOCK));
      await writer.close();
    },
    abort: (error) => writer.abort(error).catch(() => {}),
  };
}

/** A header of the format ustar. */
function header(path, size) {
  const block = new Uint8Array(BLOCK);
  const encoder = new TextEncoder();
  const put = (at, text) => block.set(encoder.encode(text), at);
  const octal = (at, digits, number) => put(at, number.toString(8).padStart(digits, "0"));
  put(0, path);
  octal(100, 7, 0o644);
  octal(108, 7, 0);
  octal(116, 7, 0);
  octal(124, 11, size);
  octal(136, 11, Math.floor(Date.now() / 1000));
  put(148, "        ");
  put(156, "0");
  put(257, "ustar\0");
  put(263, "00");
  octal(148, 6, block.reduce((sum, byte) => sum + byte, 0));
  block[154] = 0;
  return block;
}
