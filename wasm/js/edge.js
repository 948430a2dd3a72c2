// A request handler that serves a remote index from the edge: files and directories of a .caidx, ranges of a .caibx, out of any
// static origin, verified on the way. For workerd, Deno and Bun alike: `(request) => Promise<Response>`. What is answered to which
// request, the module knows.

import { ask } from "./ahead.js";
import { Chunks } from "./chunks.js";
import { ChunkedContent, readable } from "./content.js";
import { CasyncError } from "./errors.js";
import { open } from "./index.js";
import { searchChunks, Site, SiteAnswer } from "./module/casync_wasm.js";

/** Small enough for 16 MiB in all, and for platforms with six connections at once. */
const DEFAULTS = { memory: 2 << 20, budget: 2 << 20, parallel: 6, maxChunks: 900 };
const LIMITS = { chunk: 1 << 20, indexChunks: 1 << 16, directoryEntries: 1 << 15 };

/**
 * Makes the handler. `options`: those of `open`, `index` (its address), `base` (the path in front of everything, default `/`), `maxChunks`
 * (chunks that one answer may take, default 900: each is one request to the origin), `cacheControl`. Or a function of the platform's
 * `env` that returns them.
 */
export function serve(options) {
  // Whatever outlives a request must be plain data: on some platforms nothing else may be shared between them.
  let served;
  return async (request, env) => {
    const settings = { ...DEFAULTS, ...(typeof options === "function" ? options(env) : options) };
    settings.limits = { ...LIMITS, ...settings.limits };
    try {
      if (!served) {
        const { index, ...rest } = settings;
        const opened = await open(index, rest);
        served ??= { chunks: opened.chunks, site: new Site(opened.index, opened.kind, settings, settings.limits) };
      }
      return await answer(served, settings, request);
    } catch (error) {
      return failure(error);
    }
  };
}

/** The response to one request. */
async function answer(served, settings, request) {
  const { signal } = request;
  // What is under way belongs to this request alone.
  const { index, stores, cache, memory, worker, parallel, budget, onWarning } = served.chunks;
  const chunks = new Chunks({ index, stores, cache, memory, worker, parallel, budget, onWarning, most: settings.maxChunks + searchChunks() });
  const content = new ChunkedContent(chunks);
  const ahead = content.ahead(signal);
  const visit = served.site.visit(request);
  let found;
  try {
    found = await ask(visit, content, ahead, signal);
    const { stream } = found;
    return found.response(stream && body(content, stream, signal));
  } finally {
    ahead.close();
    visit.free();
    found?.free();
  }
}

function body(content, { start, end }, signal) {
  const stream = readable(content.pieces(start, end, { signal }), "serving");
  // workerd tells clients that a body has ended early only if it knows how long it should have been.
  return globalThis.FixedLengthStream ? stream.pipeThrough(new FixedLengthStream(end - start)) : stream;
}

function failure(error) {
  const answer = SiteAnswer.failure(error instanceof CasyncError ? error.code : "internal");
  try {
    return answer.response();
  } finally {
    answer.free();
  }
}
