// Verified chunks: from memory, seeds, a cache or stores, whichever has them first. Nothing leaves here that was not found
// to belong to its id.

import { aborted, CasyncError, check, explain } from "./errors.js";
import { linked, unlessAborted } from "./waiting.js";

/** Damaged chunks are asked for again, past any HTTP cache, before their store is given up. */
const ATTEMPTS = 2;

/** The chunks of one index. */
export class Chunks {
  /** id -> what is under way: `{ promise, waiting, controller }`. */
  #flying = new Map();
  #cacheWorks = true;
  #asked = 0;

  /**
   * `index`: the module's; `stores`, `seeds`: lists; `cache`: for longer, `memory`: for moments; `worker`: decodes and
   * verifies; `parallel`, `budget`: chunks and bytes of chunks that are under way at once; `most`: chunks that may be
   * fetched in all; `onWarning`: told what went wrong without harm.
   */
  constructor({ index, stores, seeds = [], cache, memory, worker, parallel = 8, budget = 8 << 20, onWarning, most = Infinity }) {
    Object.assign(this, { index, stores, seeds, cache, memory, worker, parallel, budget, onWarning, most });
    this.counts = { memory: 0, seed: 0, cache: 0, store: 0 };
  }

  /** A chunk's bytes and where they came from. */
  async get(chunk, signal) {
    const { id } = chunk;
    const bytes = this.memory?.get(id);
    if (bytes) return { bytes, origin: "memory" };
    let flight = this.#flying.get(id);
    const joins = flight !== undefined;
    if (!joins) {
      const controller = new AbortController();
      const promise = this.#find(chunk, controller.signal).finally(() => this.#landed(id, flight));
      flight = { promise, controller, waiting: 0 };
      this.#flying.set(id, flight);
      // Whoever waits is told; that nobody does any more is no unhandled rejection.
      promise.catch(() => {});
    }
    flight.waiting += 1;
    try {
      const found = await unlessAborted(flight.promise, signal);
      return joins ? { ...found, origin: "memory" } : found;
    } finally {
      flight.waiting -= 1;
      // Only when nobody wants it any more; who comes later begins anew.
      if (flight.waiting === 0 && signal?.aborted) {
        this.#landed(id, flight);
        flight.controller.abort(aborted(signal));
      }
    }
  }

  #landed(id, flight) {
    if (this.#flying.get(id) === flight) this.#flying.delete(id);
  }

  /**
   * All chunks that hold bytes `from` to before `to`, in order, fetched ahead within the bounds; `skip(chunk)` tells which are
   * not wanted.
   */
  async *covering(from, to, { signal, skip } = {}) {
    const link = linked(signal);
    const queue = [];
    let held = 0;
    let next = from < to ? this.index.at(from) : undefined;
    try {
      for (;;) {
        while (next && next.start < to && queue.length < this.parallel && (!queue.length || held + next.size <= this.budget)) {
          const chunk = next;
          next = this.index.chunk(chunk.number + 1);
          if (await skip?.(chunk)) continue;
          const answer = this.get(chunk, link.signal);
          answer.catch(() => {});
          queue.push({ chunk, answer });
          held += chunk.size;
        }
        const head = queue.shift();
        if (!head) return;
        const { bytes, origin } = await head.answer;
        check(signal);
        yield { chunk: head.chunk, bytes, origin };
        held -= head.chunk.size;
      }
    } finally {
      link.controller.abort(new CasyncError("aborted", "no more chunks are wanted"));
      link.unlink();
    }
  }

  async #find(chunk, signal) {
    const found = (await this.#seeded(chunk, signal)) ?? (await this.#cached(chunk, signal)) ?? (await this.#fetched(chunk, signal));
    this.counts[found.origin] += 1;
    this.memory?.put(chunk.id, found.bytes);
    return found;
  }

  async #seeded(chunk, signal) {
    for (const seed of this.seeds) {
      check(signal);
      try {
        const bytes = await seed.get(chunk);
        if (bytes) return { bytes: await this.worker.verify(bytes, chunk, this.index.algorithm), origin: "seed" };
      } catch (error) {
        // A seed that changed is a seed that has less.
        this.onWarning?.(explain(error, `reading chunk ${chunk.id} from a seed`, { chunk: chunk.id }));
      }
    }
    return undefined;
  }

  async #cached(chunk, signal) {
    if (!this.cache || !this.#cacheWorks) return undefined;
    check(signal);
    try {
      const bytes = await this.cache.get(chunk.id);
      return bytes && { bytes: await this.worker.verify(bytes, chunk, this.index.algorithm), origin: "cache" };
    } catch (error) {
      this.onWarning?.(explain(error, `reading chunk ${chunk.id} from the cache`, { chunk: chunk.id }));
      await this.cache.delete?.(chunk.id)?.catch?.(() => {});
      return undefined;
    }
  }

  async #fetched(chunk, signal) {
    this.#asked += 1;
    if (this.#asked > this.most) throw new CasyncError("limit", `more than ${this.most} chunks would have to be fetched`);
    let failure;
    for (const store of this.stores) {
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        check(signal);
        try {
          const stored = await store.get(chunk.id, { size: chunk.size, signal, fresh: attempt > 0 });
          if (!stored) break;
          const packed = stored.length;
          const bytes = await this.worker.decode(stored, chunk, this.index.algorithm);
          await this.#keep(chunk.id, bytes);
          return { bytes, origin: "store", packed };
        } catch (error) {
          check(signal);
          failure = explain(error, `chunk ${chunk.id}`, { chunk: chunk.id, url: store.url?.(chunk.id) });
          failure.chunk ??= chunk.id;
          // What the network did was tried again below; what came damaged is asked for once more.
          if (!["format", "truncated", "mismatch", "limit"].includes(failure.code)) break;
        }
      }
    }
    throw failure ?? new CasyncError("missing", `no store has chunk ${chunk.id}`, { chunk: chunk.id });
  }

  async #keep(id, bytes) {
    if (!this.cache || !this.#cacheWorks) return;
    try {
      await this.cache.put(id, bytes);
    } catch (error) {
      // Others that were on their way into it have told already.
      if (!this.#cacheWorks) return;
      // Without a cache everything still works; a full one is not asked again and again.
      this.#cacheWorks = false;
      this.onWarning?.(explain(error, "the cache takes no more chunks"));
    }
  }
}
