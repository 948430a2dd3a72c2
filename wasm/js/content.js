// Byte ranges of a stream: out of chunks, verified, or out of a plain file by HTTP ranges.

import { Ahead } from "./ahead.js";
import { CasyncError, explain } from "./errors.js";

/** The stream that an index describes. */
export class ChunkedContent {
  constructor(chunks) {
    this.chunks = chunks;
    this.size = chunks.index.size;
  }

  /**
   * At least the bytes from `from` to before `to`: `{ start, bytes }`, whole chunks where that costs nothing. `ahead` and `next` as
   * `Ahead` has them.
   */
  async read(from, to, { signal, ahead, next } = {}) {
    const first = this.chunks.index.at(from);
    if (!first || to > first.start + first.size) return gathered(this, from, to, signal);
    const bytes = ahead && next ? await ahead.get(first, next) : (await this.chunks.get(first, signal)).bytes;
    return { start: first.start, bytes };
  }

  /** Fetches ahead, for one reader. */
  ahead(signal) {
    return new Ahead(this.chunks, signal);
  }

  /** The bytes from `from` to before `to` in pieces of at most a chunk. */
  async *pieces(from, to, options) {
    for await (const { chunk, bytes } of this.chunks.covering(from, to, options)) {
      // Copies, never views: what is handed out may be changed or transferred by whoever gets it.
      yield bytes.slice(Math.max(0, from - chunk.start), Math.min(chunk.size, to - chunk.start));
    }
  }
}

/** Bytes that are read at once, in blocks at multiples of this. */
const BLOCK = 64 << 10;

/** A file that a server sends ranges of. Nothing can be verified: there are no digests. */
export class RangedContent {
  #blocks;
  #etag;

  constructor(url, http, memory) {
    Object.assign(this, { url, http });
    this.#blocks = memory;
  }

  /** Asks for the first block, and with it the size. */
  async open(signal) {
    await this.#block(0, signal);
    return this;
  }

  async #block(number, signal) {
    const key = `${this.url} ${number}`;
    const held = this.#blocks.get(key);
    if (held) return held;
    const from = number * BLOCK;
    const answer = await this.http.range(this.url, from, Math.min(from + BLOCK, this.size ?? Infinity), { signal });
    this.size ??= answer.size;
    this.#etag ??= answer.etag;
    if (answer.size !== this.size || answer.etag !== this.#etag) {
      throw new CasyncError("changed", `${this.url} has changed while it was read`, { url: this.url });
    }
    this.#blocks.put(key, answer.bytes);
    return answer.bytes;
  }

  async read(from, to, { signal } = {}) {
    const first = Math.floor(from / BLOCK);
    if (to > (first + 1) * BLOCK) return gathered(this, from, to, signal);
    return { start: first * BLOCK, bytes: await this.#block(first, signal) };
  }

  async *pieces(from, to, { signal } = {}) {
    for (let at = from; at < to; ) {
      const number = Math.floor(at / BLOCK);
      const block = await this.#block(number, signal);
      const start = number * BLOCK;
      const piece = block.slice(at - start, Math.min(to - start, block.length));
      if (!piece.length) throw new CasyncError("range", `${this.url} ends before byte ${to}`, { url: this.url });
      yield piece;
      at += piece.length;
    }
  }
}

/** A range that lies in several pieces, as one. */
async function gathered(content, from, to, signal) {
  const bytes = new Uint8Array(to - from);
  let at = 0;
  for await (const piece of content.pieces(from, to, { signal })) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return { start: from, bytes };
}

/** A stream of the web out of an async iterator; what is not read is not fetched, and cancelling ends the fetches. */
export function readable(pieces, doing) {
  const iterator = pieces[Symbol.asyncIterator]();
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { done, value } = await iterator.next();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          controller.error(explain(error, doing));
        }
      },
      async cancel() {
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
