// Reading ahead: while a chunk is looked at, those are fetched that will be wanted next.

import { CasyncError, check } from "./errors.js";
import { linked } from "./waiting.js";

/**
 * Asks a question of the module until there is an answer; each time what is lacking is read, and what it will ask for later, as far
 * as it knows, is fetched ahead.
 */
export async function ask(question, content, ahead, signal) {
  const next = question.nextAfter && ((offset) => question.nextAfter(offset));
  for (;;) {
    check(signal);
    const { need, ready } = question.step();
    if (!need) return ready;
    const { start, bytes } = await content.read(need.start, need.end, { signal, ahead, next });
    question.provide(start, bytes);
  }
}

/** Chunks of one stream that are on their way before anybody asks for them. */
export class Ahead {
  #flying = new Map();
  #link;

  constructor(chunks, signal) {
    this.chunks = chunks;
    this.#link = linked(signal);
  }

  /** A chunk's bytes; meanwhile those are fetched that hold `next(offset)`: the first byte at `offset` or behind it that will be wanted. */
  async get(chunk, next) {
    const answer = this.#flying.get(chunk.number)?.answer ?? this.chunks.get(chunk, this.#link.signal);
    for (const number of this.#flying.keys()) if (number <= chunk.number) this.#flying.delete(number);
    this.#fill(chunk, next);
    return (await answer).bytes;
  }

  /** Gives up what nobody came for. */
  close() {
    this.#link.controller.abort(new CasyncError("aborted", "no more chunks are wanted"));
    this.#link.unlink();
    this.#flying.clear();
  }

  #fill(chunk, next) {
    const { index, parallel, budget } = this.chunks;
    let held = chunk.size;
    for (const flight of this.#flying.values()) held += flight.size;
    for (let end = chunk.start + chunk.size; this.#flying.size + 1 < parallel; ) {
      const offset = next(end);
      const coming = offset === undefined ? undefined : index.at(offset);
      if (!coming) return;
      end = coming.start + coming.size;
      if (this.#flying.has(coming.number)) continue;
      held += coming.size;
      if (held > budget) return;
      const answer = this.chunks.get(coming, this.#link.signal);
      // Whoever comes for it is told.
      answer.catch(() => {});
      this.#flying.set(coming.number, { size: coming.size, answer });
    }
  }
}

/** A stream that is read from front to back, in parts: the longer nothing was passed over, the more is fetched ahead. */
export class Forward {
  #content;
  #ahead;
  #end = 0;
  #row = 0;

  constructor(content, signal) {
    Object.assign(this, { signal });
    this.#content = content;
    this.#ahead = content.ahead?.(signal);
  }

  /** The piece with the byte at `at` in it. */
  async read(at) {
    check(this.signal);
    let left = this.#row;
    const next = (offset) => (left-- > 0 ? offset : undefined);
    const piece = await this.#content.read(at, at + 1, { signal: this.signal, ahead: this.#ahead, next });
    this.#row = piece.start === this.#end ? this.#row + 1 : 0;
    this.#end = piece.start + piece.bytes.length;
    return piece;
  }

  close() {
    this.#ahead?.close();
  }
}
