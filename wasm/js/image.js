// A blob: the stream that a .caibx (or .caidx) describes.

import { ChunkedContent, readable } from "./content.js";
import { CasyncError, check, explain } from "./errors.js";
import { Hasher } from "./module/casync_wasm.js";
import { toSink } from "./sinks.js";
import { plan } from "./plan.js";
import { verifyImage } from "./verify.js";

/** An image. Made by `open`. */
export class Image {
  constructor({ url, chunks, signal, http }) {
    Object.assign(this, { url, chunks, signal, http });
    this.index = chunks.index;
    this.content = new ChunkedContent(chunks);
  }

  get kind() {
    return "blob";
  }

  /** Bytes in the image. */
  get size() {
    return this.index.size;
  }

  /** The digest of its chunk ids. */
  get algorithm() {
    return this.index.algorithm;
  }

  /** Requests sent and bytes received so far. */
  get traffic() {
    return trafficOf(this.http);
  }

  /** All of it as a stream. */
  stream(options) {
    return this.range(0, this.size, options);
  }

  /** Bytes `from` to before `to` as a stream. */
  range(from, to, { signal = this.signal } = {}) {
    const end = checkRange(from, to, this.size);
    return readable(this.content.pieces(from, end, { signal }), `reading ${this.url}`);
  }

  /**
   * Writes the image to a `WritableStream`, a `FileSystemSyncAccessHandle`, a `FileSystemFileHandle` or a sink of your own;
   * what is there already is kept with `resume`. Returns what was done.
   */
  async writeTo(target, { signal = this.signal, resume = false, onProgress, onChunk } = {}) {
    const { index, chunks } = this;
    const sink = await toSink(target, { resume });
    const progress = { total: this.size, done: 0, have: 0, seed: 0, cache: 0, memory: 0, store: 0, received: 0, requests: 0 };
    const http = { bytes: this.http.bytes, requests: this.http.requests };
    const advance = (chunk, origin) => {
      progress.done += chunk.size;
      progress[origin] += chunk.size;
      progress.received = this.http.bytes - http.bytes;
      progress.requests = this.http.requests - http.requests;
      onChunk?.(chunk, origin);
      onProgress?.({ ...progress });
    };
    const there = resume ? await sink.size() : 0;
    const skip = async (chunk) => {
      if (chunk.start + chunk.size > there) return false;
      check(signal);
      const bytes = await sink.read(chunk.start, chunk.size);
      if ((await chunks.worker.digest(bytes, index.algorithm)) !== chunk.id) return false;
      advance(chunk, "have");
      return true;
    };
    try {
      for await (const { chunk, bytes, origin } of chunks.covering(0, this.size, { signal, skip: resume ? skip : undefined })) {
        await sink.write(bytes, chunk.start);
        advance(chunk, origin);
      }
      check(signal);
      await sink.close(this.size);
    } catch (error) {
      const failure = explain(error, `writing ${this.url}`);
      await sink.abort(failure);
      throw failure;
    }
    return progress;
  }

  /** What a download would take, before it begins. */
  plan(have) {
    return plan(this.chunks, have);
  }

  /** Compares a file on this side with the image, chunk by chunk, without fetching any. */
  verify(file, options) {
    return verifyImage(this, file, options);
  }

  /** The digest of the whole stream, as `casync digest` prints it; all of it is read. */
  async digest({ signal = this.signal } = {}) {
    const hasher = new Hasher(this.algorithm);
    for await (const { bytes } of this.chunks.covering(0, this.size, { signal })) hasher.update(bytes);
    return hasher.finish();
  }

  /** Gives back the module's memory. */
  close() {
    this.index.free();
  }
}

/** What went over the network. */
export function trafficOf({ requests, bytes }) {
  return { requests, bytes };
}

/** The end of a range, cut to what there is. */
export function checkRange(from, to, size) {
  const end = to === undefined ? size : Math.min(to, size);
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(end) || from < 0 || from > end) {
    throw new CasyncError("usage", `bytes ${from} to ${to} are no range of ${size} bytes`);
  }
  return end;
}
