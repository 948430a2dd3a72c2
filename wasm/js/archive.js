// An archive: the tree that a .caidx or .catar holds.

import { readable } from "./content.js";
import { CasyncError, check, explain } from "./errors.js";
import { checkRange, trafficOf } from "./image.js";
import { ArchiveDecoder, Hasher, Lines, Tree } from "./module/casync_wasm.js";
import { plan } from "./plan.js";
import { verifyTree } from "./verify.js";

/** An archive. Made by `open`. */
export class Archive {
  #tree;

  constructor({ url, content, chunks, limits, signal, http }) {
    Object.assign(this, { url, content, chunks, limits, signal, http });
    this.index = chunks?.index;
    this.#tree = new Tree(content.size, limits);
    if (this.index) this.#tree.expect(this.index.features);
  }

  get kind() {
    return "archive";
  }

  /** Bytes in the archive as a stream. */
  get size() {
    return this.content.size;
  }

  /** The digest of its chunk ids; nothing for a .catar. */
  get algorithm() {
    return this.index?.algorithm;
  }

  /** Requests sent and bytes received so far. */
  get traffic() {
    return trafficOf(this.http);
  }

  /** The node at a path; nothing if there is none. */
  stat(path = "", { signal = this.signal } = {}) {
    const find = () => (path instanceof Uint8Array ? this.#tree.findBytes(path) : this.#tree.find(String(path)));
    return this.#answer(find, `looking for ${show(path)}`, signal);
  }

  /** The entries of a directory, in order of their names. */
  async list(path = "", { signal = this.signal } = {}) {
    const directory = typeof path === "object" && path.type ? path : await this.#must(path, signal);
    if (directory.type !== "directory") throw new CasyncError("notdirectory", `${show(path)} is no directory`, { path });
    const entries = [];
    let listing;
    try {
      listing = this.#tree.list(directory);
      for (;;) {
        const entry = await this.#ask(listing, signal);
        if (!entry) return entries;
        entries.push(entry);
      }
    } catch (error) {
      throw explain(error, `listing ${show(path)}`, { path });
    } finally {
      listing?.free();
    }
  }

  /** All nodes with their paths, directories before what is in them; contents of files are not read. */
  async *walk({ signal = this.signal } = {}) {
    const decoder = new ArchiveDecoder(this.limits);
    const trail = [];
    try {
      for (let at = 0; at < this.size; ) {
        check(signal);
        const { start, bytes } = await this.content.read(at, at + 1, { signal });
        decoder.feed(bytes.subarray(at - start));
        at = start + bytes.length;
        for (let event; (event = decoder.step()); ) {
          if (event.kind === "end") trail.pop();
          else if (event.kind === "node") {
            const { node, depth } = event;
            trail.push(node.name ?? "");
            yield { path: trail.slice(1).join("/"), depth, node };
            // By how much later the next piece starts than where this one ends.
            if (node.size) at += decoder.skipPayload(node.size);
          }
        }
      }
      decoder.finish();
    } catch (error) {
      throw explain(error, `walking through ${this.url}`);
    } finally {
      decoder.free();
    }
  }

  /** A file's contents as a stream. */
  async file(path, { signal = this.signal } = {}) {
    return this.range(path, 0, undefined, { signal });
  }

  /** A part of a file's contents as a stream: bytes `from` to before `to`. */
  async range(path, from, to, { signal = this.signal } = {}) {
    const node = await this.#file(path, signal);
    const end = checkRange(from, to, node.size);
    const pieces = this.content.pieces(node.content + from, node.content + end, { signal });
    return readable(pieces, `reading ${show(path)}`);
  }

  /** The text of `casync mtree`, as a stream of bytes; all of the archive is read. */
  mtree(options) {
    return this.#text(() => Lines.mtree(this.limits), options);
  }

  /** The text of `casync list`, as a stream of bytes; contents of files are not read. */
  listing(options) {
    return this.#text(() => Lines.list(this.limits), options);
  }

  /** What it would take to fetch all of it; see `Image.plan`. */
  plan(have) {
    if (!this.chunks) throw new CasyncError("usage", "a .catar has no chunks to plan with");
    return plan(this.chunks, have);
  }

  /** Compares a directory on this side with the archive. */
  verify(directory, options) {
    return verifyTree(this, directory, options);
  }

  /** The digest of the whole archive, as `casync digest` prints it; all of it is read. */
  async digest({ algorithm = this.algorithm ?? "sha512-256", signal = this.signal } = {}) {
    const hasher = new Hasher(algorithm);
    for await (const piece of this.content.pieces(0, this.size, { signal })) hasher.update(piece);
    return hasher.finish();
  }

  /** Gives back the module's memory. */
  close({ index = true } = {}) {
    this.#tree.free();
    if (index) this.index?.free();
  }

  #text(make, { signal = this.signal } = {}) {
    const pieces = async function* (archive) {
      const lines = make();
      const encoder = new TextEncoder();
      try {
        for (let at = 0; at < archive.size; ) {
          check(signal);
          const { start, bytes } = await archive.content.read(at, at + 1, { signal });
          const text = lines.feed(bytes.subarray(at - start));
          at = start + bytes.length + lines.skip();
          if (text) yield encoder.encode(text);
        }
        lines.finish();
      } finally {
        lines.free();
      }
    };
    return readable(pieces(this), `listing ${this.url}`);
  }

  async #must(path, signal) {
    const node = await this.stat(path, { signal });
    if (!node) throw new CasyncError("notfound", `${show(path)} is not in the archive`, { path });
    return node;
  }

  async #file(path, signal) {
    const node = typeof path === "object" && path.type ? path : await this.#must(path, signal);
    if (node.type !== "file") throw new CasyncError("notfile", `${show(path)} is a ${node.type}, not a file`, { path });
    return node;
  }

  async #answer(make, doing, signal) {
    let question;
    try {
      question = make();
      return await this.#ask(question, signal);
    } catch (error) {
      throw explain(error, doing);
    } finally {
      question?.free();
    }
  }

  /** Asks until there is an answer; each time what is lacking is read. */
  async #ask(question, signal) {
    for (;;) {
      check(signal);
      const { need, ready } = question.step();
      if (!need) return ready;
      const { start, bytes } = await this.content.read(need.start, need.end, { signal });
      question.provide(start, bytes);
    }
  }
}

function show(path) {
  if (path instanceof Uint8Array) return new TextDecoder().decode(path);
  return typeof path === "object" ? (path.name ?? "the root") : path || "the root";
}
