// HTTP: whole resources and ranges, with limits, time-outs and retries. The host's `fetch` does the work.

import { aborted, CasyncError, check, explain } from "./errors.js";
import { linked, sleep } from "./waiting.js";

/** Statuses after which the same request may succeed. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);
/** Longest pause before a retry, whatever the server asks for, in milliseconds. */
const PAUSE_MAX = 10_000;

/** Where things are fetched from, and how patiently. */
export class Http {
  /**
   * `fetch`: the function to use; `retries`: how often a request is repeated; `timeout`: milliseconds without a byte after
   * which a request counts as failed; `headers`: sent with every request; `pause`: an object whose `over(signal)` is waited
   * for before each request; `retryPause`: milliseconds before the first retry, doubled each time.
   */
  constructor({ fetch, retries = 4, timeout = 30_000, headers, pause, retryPause = 250, credentials } = {}) {
    // A bare `fetch` must be called as the global's method, not as this object's.
    this.fetch = fetch ?? ((...request) => globalThis.fetch(...request));
    Object.assign(this, { retries, timeout, headers, pause, retryPause, credentials });
    /** Requests sent and bytes of bodies received. */
    this.requests = 0;
    this.bytes = 0;
  }

  /** The same with a few things changed. */
  with(changes) {
    return new Http({ ...this, ...changes });
  }

  /**
   * A whole resource, at most `limit` bytes; `undefined` if there is none (404, 410).
   */
  async get(url, { limit, signal, cache } = {}) {
    return this.#patiently(url, signal, async (signal, fresh) => {
      const response = await this.#send(url, {}, signal, fresh ? "reload" : cache);
      if (response.status === 404 || response.status === 410) {
        await response.body?.cancel();
        return undefined;
      }
      await expectStatus(response, 200, url);
      return collect(this.#pieces(response, signal, limit, url));
    });
  }

  /** A whole resource, piece by piece: `begin()` is called before every attempt, `piece(bytes)` for every piece. */
  async pieces(url, { limit, signal, begin, piece }) {
    return this.#patiently(url, signal, async (signal) => {
      begin?.();
      const response = await this.#send(url, {}, signal);
      await expectStatus(response, 200, url);
      for await (const bytes of this.#pieces(response, signal, limit, url)) {
        try {
          piece(bytes);
        } catch (error) {
          // What the bytes say is no fault of the network: asking again would not help.
          throw explain(error, `reading ${url}`, { url });
        }
      }
      return headersOf(response);
    });
  }

  /** Bytes `from` to before `to`; `{ bytes, size, etag }` with the size of the whole resource. */
  async range(url, from, to, { signal } = {}) {
    return this.#patiently(url, signal, async (signal) => {
      const response = await this.#send(url, { Range: `bytes=${from}-${to - 1}` }, signal);
      if (response.status === 200) {
        await response.body?.cancel();
        throw new CasyncError("range", `${url}: the server does not send ranges`, { url, status: 200 });
      }
      await expectStatus(response, 206, url);
      const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(response.headers.get("content-range") ?? "");
      const [start, last, size] = (match ?? []).slice(1).map(Number);
      const end = last + 1;
      // The last range of a resource may be shorter than asked for.
      if (!match || start !== from || end > to || (end < to && end !== size)) {
        await response.body?.cancel();
        throw new CasyncError("range", `${url}: the server sent another range than ${from}-${to - 1}`, { url, status: 206 });
      }
      const bytes = await collect(this.#pieces(response, signal, end - start, url));
      if (bytes.length !== end - start) throw retryable(new CasyncError("network", `${url}: the body ended early`, { url }));
      return { bytes, size, ...headersOf(response) };
    });
  }

  /** Whether there is such a resource. */
  async exists(url, { signal } = {}) {
    return this.#patiently(url, signal, async (signal) => {
      const response = await this.#send(url, {}, signal, undefined, { method: "HEAD" });
      await response.body?.cancel();
      if (response.status === 404 || response.status === 410) return false;
      await expectStatus(response, 200, url);
      return true;
    });
  }

  /** Sends bytes; returns the status. */
  async put(url, bytes, { signal, headers } = {}) {
    return this.#patiently(url, signal, async (signal) => {
      const response = await this.#send(url, headers ?? {}, signal, undefined, { method: "PUT", body: bytes });
      const { status } = response;
      if (!response.ok) await expectStatus(response, 200, url);
      await response.body?.cancel();
      return status;
    });
  }

  async #patiently(url, signal, attempt) {
    for (let tried = 0; ; tried += 1) {
      await this.pause?.over(signal);
      check(signal);
      const link = linked(signal);
      try {
        return await attempt(link.signal, tried > 0);
      } catch (error) {
        if (signal?.aborted) throw aborted(signal);
        const failure = error instanceof CasyncError ? error : retryable(new CasyncError("network", `${url}: ${reason(error)}`, { cause: error, url }));
        link.controller.abort(failure);
        if (!failure[RETRYABLE] || tried >= this.retries) throw failure;
        const asked = failure.retryAfter ?? 0;
        const pause = this.retryPause * 2 ** tried * (0.5 + Math.random());
        await sleep(Math.min(Math.max(pause, asked * 1000), PAUSE_MAX), signal);
      } finally {
        link.unlink();
      }
    }
  }

  async #send(url, headers, signal, cache, init = {}) {
    this.requests += 1;
    const options = { ...init, headers: { ...this.headers, ...headers }, signal };
    // Edge runtimes refuse the option; they are told by a cache that only they have.
    if (cache && "cache" in Request.prototype && globalThis.caches?.default === undefined) options.cache = cache;
    if (this.credentials) options.credentials = this.credentials;
    return this.#timely(this.fetch(url, options), url);
  }

  /** The pieces of a body, never more than `limit` bytes. */
  async *#pieces(response, signal, limit, url) {
    if (!response.body) return;
    const reader = response.body.getReader();
    let length = 0;
    let complete = false;
    try {
      for (;;) {
        check(signal);
        const { done, value } = await this.#timely(reader.read(), url);
        if (done) break;
        length += value.length;
        this.bytes += value.length;
        if (limit !== undefined && length > limit) {
          throw new CasyncError("limit", `${url}: more than ${limit} bytes`, { url });
        }
        yield value;
      }
      complete = true;
    } finally {
      // Closes the connection if the rest is not wanted.
      if (!complete) reader.cancel().catch(() => {});
    }
    const announced = response.headers.get("content-length");
    if (announced !== null && !response.headers.get("content-encoding") && Number(announced) !== length) {
      throw retryable(new CasyncError("network", `${url}: ${length} of ${announced} bytes came`, { url }));
    }
  }

  /** The promise's outcome, unless that takes longer than the time-out. */
  async #timely(promise, url) {
    let timer;
    const late = new Promise((_, reject) => {
      const error = () => retryable(new CasyncError("timeout", `${url}: nothing came for ${this.timeout} ms`, { url }));
      timer = setTimeout(() => reject(error()), this.timeout);
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

const RETRYABLE = Symbol("retryable");

function retryable(error) {
  error[RETRYABLE] = true;
  return error;
}

async function expectStatus(response, wanted, url) {
  const { status } = response;
  if (status === wanted) return;
  // Unread bodies keep their connections.
  await response.body?.cancel();
  if (status === 404 || status === 410) throw new CasyncError("missing", `${url}: there is nothing (status ${status})`, { url, status });
  const error = new CasyncError(status === 416 ? "range" : "http", `${url}: status ${status}`, { url, status });
  if (PASSING.has(status)) {
    const after = Number(response.headers.get("retry-after"));
    throw retryable(Object.assign(error, { retryAfter: Number.isFinite(after) ? after : 0 }));
  }
  throw error;
}

function headersOf(response) {
  return { etag: response.headers.get("etag") ?? undefined, url: response.url };
}

/** Node hides what went wrong in the cause. */
function reason(error) {
  return error?.cause?.message ? `${error.message}: ${error.cause.message}` : (error?.message ?? String(error));
}

/** All pieces as one. */
export async function collect(pieces) {
  const parts = [];
  for await (const piece of pieces) parts.push(piece);
  return joined(parts);
}

/** Pieces of memory as one. */
export function joined(parts) {
  if (parts.length === 1) return parts[0];
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
