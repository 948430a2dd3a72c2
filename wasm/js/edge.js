// A request handler that serves a remote index from the edge: files and directories of a .caidx, ranges of a .caibx, out of any
// static origin, verified on the way. For workerd, Deno and Bun alike: `(request) => Promise<Response>`.

import { Archive } from "./archive.js";
import { Chunks } from "./chunks.js";
import { ChunkedContent, readable } from "./content.js";
import { contentType } from "./content-types.js";
import { CasyncError } from "./errors.js";
import { open } from "./index.js";
import { page } from "./listing-page.js";

/** Small enough for 16 MiB in all, and for platforms with six connections at once. */
const DEFAULTS = { memory: 2 << 20, budget: 2 << 20, parallel: 6, limits: { chunk: 1 << 20, indexChunks: 1 << 16 } };
/** Chunks that finding a path and listing a directory may take beside an answer's contents. */
const SEARCH = 60;
/** Symbolic links that are followed on the way to a file. */
const LINKS = 16;

/**
 * Makes the handler. `options`: those of `open`, `index` (its address), `base` (the path in front of everything, default `/`), `maxChunks`
 * (chunks that one answer may take, default 900: each is one request to the origin), `cacheControl`. Or a function of the platform's
 * `env` that returns them.
 */
export function serve(options) {
  // Whatever outlives a request must be plain data: on some platforms nothing else may be shared between them.
  let opened;
  return async (request, env) => {
    const settings = { ...DEFAULTS, base: "/", maxChunks: 900, cacheControl: "public, max-age=31536000, immutable", ...(typeof options === "function" ? options(env) : options) };
    try {
      if (!opened) {
        const { index, ...rest } = settings;
        const fresh = await open(index, { ...rest, memory: settings.memory });
        opened ??= fresh;
      }
      return await new Answer(opened, settings, request).send();
    } catch (error) {
      return failure(error, request);
    }
  };
}

/** One request and what is sent for it. */
class Answer {
  constructor(opened, settings, request) {
    Object.assign(this, { settings, request, url: new URL(request.url), isHead: request.method === "HEAD" });
    // What is under way belongs to this request alone.
    const { index, stores, cache, memory, worker, parallel, budget, onWarning } = opened.chunks;
    const most = settings.maxChunks + SEARCH;
    this.chunks = new Chunks({ index, stores, cache, memory, worker, parallel, budget, onWarning, most });
    this.content = new ChunkedContent(this.chunks);
    this.index = index;
    this.kind = opened.kind;
    this.limits = settings.limits;
  }

  async send() {
    const { request, url, settings } = this;
    if (request.method !== "GET" && !this.isHead) return text(405, "Only GET and HEAD.", { Allow: "GET, HEAD" });
    if (this.kind === "blob") return this.body({ start: 0, size: this.index.size, name: "image.img" });
    if (!url.pathname.startsWith(settings.base)) return text(404, "Not found.");
    let path;
    try {
      path = decodeURIComponent(url.pathname.slice(settings.base.length)).replace(/^\/+/, "");
    } catch {
      return text(400, "The path is not UTF-8.");
    }
    const archive = new Archive({ url: settings.index, content: this.content, chunks: this.chunks, limits: this.limits, signal: request.signal });
    try {
      return await this.member(archive, path);
    } finally {
      archive.close({ index: false });
    }
  }

  async member(archive, path) {
    const found = await follow(archive, path);
    if (!found) return text(404, "Not found.", this.headers());
    const { node } = found;
    if (node.type === "file") return this.body({ start: node.content, size: node.size, name: found.path, modified: node.mtimeSeconds });
    if (node.type !== "directory") return text(404, `This is a ${node.type}.`, this.headers());
    if (path && !path.endsWith("/")) {
      return text(301, "It is a directory.", { Location: `${this.url.pathname}/${this.url.search}`, ...this.headers() });
    }
    const format = this.url.searchParams.get("format");
    const at = `${found.path.replace(/\/$/, "")}/`.replace(/^\//, "");
    const home = format ? undefined : await follow(archive, `${at}index.html`);
    if (home?.node.type === "file") {
      return this.body({ start: home.node.content, size: home.node.size, name: "index.html", modified: home.node.mtimeSeconds });
    }
    const etag = this.etag(`d${node.entry}${format === "json" ? "j" : ""}`);
    if (this.unchanged(etag)) return new Response(null, { status: 304, headers: this.headers(etag) });
    const entries = await archive.list(node);
    const [type, body] = page(this.url.pathname, entries, format === "json");
    const headers = { ...this.headers(etag), "Content-Type": type };
    return new Response(this.isHead ? null : body, { headers });
  }

  /** A part of the stream as a body, whole or a range of it. */
  body({ start, size, name, modified }) {
    const etag = this.etag(`${start.toString(36)}-${size.toString(36)}`);
    const headers = { ...this.headers(etag), "Content-Type": contentType(name), "Accept-Ranges": "bytes" };
    // A page out of an archive may run no more than any other page of this origin.
    headers["X-Content-Type-Options"] = "nosniff";
    if (modified) headers["Last-Modified"] = new Date(modified * 1000).toUTCString();
    if (this.unchanged(etag)) return new Response(null, { status: 304, headers });
    const range = this.range(size, etag);
    if (range === "none") return text(416, "There is no such range.", { ...headers, "Content-Range": `bytes */${size}` });
    let [from, to] = range ?? [0, size];
    const most = this.reach(start + from, start + to) - start;
    if (most < to) {
      // Part of what was asked for is an answer to a range, not to anything else.
      if (!range) return text(413, `This takes more than ${this.settings.maxChunks} requests to the origin: ask for ranges.`, headers);
      to = most;
    }
    headers["Content-Length"] = String(to - from);
    if (range) headers["Content-Range"] = `bytes ${from}-${to - 1}/${size}`;
    const pieces = () => {
      const stream = readable(this.content.pieces(start + from, start + to, { signal: this.request.signal }), name);
      // workerd tells clients that a body has ended early only if it knows how long it should have been.
      return globalThis.FixedLengthStream ? stream.pipeThrough(new FixedLengthStream(to - from)) : stream;
    };
    return new Response(this.isHead || from === to ? null : pieces(), { status: range ? 206 : 200, headers });
  }

  /** How far the chunks go that one answer may take. */
  reach(from, to) {
    const first = from < to ? this.index.at(from) : undefined;
    const last = first && this.index.chunk(first.number + this.settings.maxChunks - 1);
    return last ? Math.min(to, last.start + last.size) : to;
  }

  /** The range asked for: bytes from and to, nothing, or "none" if it lies outside. Several ranges count as nothing. */
  range(size, etag) {
    const match = /^bytes=(\d*)-(\d*)$/.exec(this.request.headers.get("range") ?? "");
    const condition = this.request.headers.get("if-range");
    if (!match || (!match[1] && !match[2]) || (condition && condition !== etag)) return undefined;
    const from = match[1] ? Number(match[1]) : Math.max(0, size - Number(match[2]));
    const to = match[1] && match[2] ? Math.min(size, Number(match[2]) + 1) : size;
    if (match[1] && match[2] && Number(match[2]) < from) return undefined;
    return from < to ? [from, to] : "none";
  }

  /** Bytes of the same stream at the same place: equal forever. */
  etag(place) {
    const { length, size } = this.index;
    // The ends of the stream and its middle are as good as all of it: archives end with a table of everything before.
    const ids = length ? [0, length >> 1, length - 1].map((number) => this.index.chunk(number).id.slice(0, 10)) : [];
    return `"${ids.join("")}-${size.toString(36)}-${place}"`;
  }

  unchanged(etag) {
    const given = this.request.headers.get("if-none-match");
    return given !== null && given.split(",").some((tag) => [etag, "*"].includes(tag.trim().replace(/^W\//, "")));
  }

  headers(etag) {
    return { "Cache-Control": etag ? this.settings.cacheControl : "no-cache", ...(etag && { ETag: etag }) };
  }
}

/** The node at a path, through symbolic links that stay in the archive. */
async function follow(archive, path) {
  for (let links = 0; links < LINKS; links += 1) {
    const parts = path.split("/").filter((part) => part && part !== ".");
    const node = await archive.stat(parts.join("/"));
    if (node && node.type !== "symlink") return { path: parts.join("/"), node };
    const link = node ? { target: node.target, at: parts.length - 1 } : await linkOn(archive, parts);
    if (!link) return undefined;
    const rest = parts.slice(link.at + 1);
    const up = link.target.startsWith("/") ? [] : parts.slice(0, link.at);
    for (const part of link.target.split("/")) {
      if (part === "..") up.pop();
      else if (part && part !== ".") up.push(part);
    }
    path = [...up, ...rest].join("/");
  }
  return undefined;
}

/** The first symbolic link among the directories of a path. */
async function linkOn(archive, parts) {
  for (let at = 0; at < parts.length - 1; at += 1) {
    const node = await archive.stat(parts.slice(0, at + 1).join("/"));
    if (!node) return undefined;
    if (node.type === "symlink") return { target: node.target, at };
  }
  return undefined;
}

function failure(error, request) {
  const code = error instanceof CasyncError ? error.code : "internal";
  const status = code === "timeout" ? 504 : code === "aborted" && request.signal?.aborted ? 499 : 502;
  return text(status, `${code}: what the origin has cannot be served.`, { "X-Casync-Error": code, "Cache-Control": "no-store" });
}

function text(status, message, headers = {}) {
  return new Response(`${message}\n`, { status, headers: { ...headers, "Content-Type": "text/plain; charset=utf-8" } });
}
