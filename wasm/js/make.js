// Makes indexes and chunks out of files and directories that are on this side.

import { CasyncError, check, explain } from "./errors.js";
import { Inline } from "./inline.js";
import { load } from "./module.js";
import { ArchiveEncoder, blobFeatures, Hasher, IndexWriter } from "./module/casync_wasm.js";
import { joined } from "./http.js";
import { cut } from "./seeds.js";
import { toSource } from "./sources.js";

export { httpTarget, tarTarget } from "./targets.js";

/** As casync does by default. */
const SIZES = { min: 16 << 10, avg: 64 << 10, max: 256 << 10 };
/** What browsers tell of files: names, contents and times. */
const FEATURES = "usec-time symlinks";
/** Bytes that are read at once. */
const PIECE = 1 << 20;

/** Makes an image's index and chunks. */
export async function makeImage(file, options) {
  await load(options.module);
  return make(toSource(file), blobFeatures(options.algorithm ?? "sha512-256"), options);
}

/**
 * Makes an archive's index and chunks. The tree is a FileSystemDirectoryHandle, a FileSystemDirectoryEntry (of a drop), a list of Files
 * with `webkitRelativePath`, or a list of `{ path, file }`.
 */
export async function makeArchive(tree, options) {
  const { features = FEATURES, algorithm = "sha512-256", module } = options;
  await load(module);
  const root = await toTree(tree);
  const encoder = new ArchiveEncoder(features, algorithm);
  try {
    return await make(new Encoded(encoder, root), encoder.features, options);
  } finally {
    encoder.free();
  }
}

async function make(source, features, options) {
  const { target, sizes = SIZES, algorithm = "sha512-256", worker = new Inline(), signal, onProgress, name } = options;
  const { min, avg, max } = sizes;
  const writer = new IndexWriter(features, min, avg, max);
  const hasher = new Hasher(algorithm);
  const index = [];
  const known = new Set();
  const packing = [];
  const made = { size: 0, chunks: 0, stored: 0, packed: 0 };
  const settle = async () => {
    const { id, frame } = packing.shift();
    const packed = await frame;
    made.packed += packed.length;
    await target.chunk(id, packed, { signal });
  };
  try {
    made.size = await cut(source, sizes, algorithm, worker, { signal, onProgress }, async (id, _, size, bytes) => {
      made.chunks += 1;
      index.push(writer.push(id, size));
      hasher.update(bytes);
      if (known.has(id)) return;
      known.add(id);
      made.stored += 1;
      if (await target.has?.(id, { signal })) return;
      const frame = Promise.resolve(worker.compress(bytes));
      frame.catch(() => {});
      packing.push({ id, frame });
      while (packing.length > worker.width) await settle();
    });
    while (packing.length) await settle();
    check(signal);
    const bytes = joined([...index, writer.finish()]);
    // Last: an index that is there has its chunks.
    if (name) await target.index?.(name, bytes, { signal });
    await target.close?.();
    return { ...made, index: bytes, digest: hasher.finish() };
  } catch (error) {
    const failure = explain(error, "making an index");
    await target.abort?.(failure);
    throw failure;
  }
}

/** An archive as a source, encoded as it is read from its start to its end. */
class Encoded {
  #pieces;

  constructor(encoder, root) {
    // How long it will be is not known: `cut` stops when nothing comes any more.
    this.size = Infinity;
    this.#pieces = encode(encoder, root);
  }

  async read() {
    const { done, value } = await this.#pieces.next();
    return done ? new Uint8Array() : value;
  }
}

async function* encode(encoder, root) {
  yield encoder.root(memberOf(root));
  yield* entries(encoder, root);
  yield encoder.leave();
}

async function* entries(encoder, directory) {
  for (const entry of await directory.entries()) {
    if (entry.entries) {
      yield encoder.child(entry.name, memberOf(entry));
      yield* entries(encoder, entry);
      yield encoder.leave();
    } else if (entry.target !== undefined) {
      yield encoder.child(entry.name, { ...memberOf(entry), type: "symlink", target: entry.target });
    } else {
      const file = await entry.file();
      const source = toSource(file);
      yield encoder.child(entry.name, { ...memberOf(entry, file), type: "file", size: source.size });
      for (let at = 0; at < source.size; ) {
        const piece = await source.read(at, Math.min(PIECE, source.size - at));
        if (!piece.length) throw new CasyncError("changed", `${entry.name} became shorter while it was read`, { path: entry.name });
        at += piece.length;
        encoder.payload(piece.length);
        yield piece;
      }
    }
  }
}

function memberOf(entry, file) {
  const modified = file?.lastModified ?? entry.lastModified ?? 0;
  const times = { mtimeSeconds: Math.floor(modified / 1000), mtimeNanoseconds: (modified % 1000) * 1_000_000 };
  return { type: "directory", ...times, ...entry.attributes };
}

/** Whatever was given as a directory: `{ name, entries() }` with entries in the order of their names' bytes. */
async function toTree(tree) {
  if (typeof tree?.getDirectoryHandle === "function") return handleTree("", tree);
  if (typeof tree?.createReader === "function") return entryTree("", tree);
  if (typeof tree?.[Symbol.iterator] === "function") return listTree([...tree]);
  throw new CasyncError("usage", "a tree is a directory handle or entry, or a list of files with paths");
}

function handleTree(name, handle) {
  const entries = async () => {
    const found = [];
    for await (const child of handle.values()) {
      found.push(child.kind === "directory" ? handleTree(child.name, child) : { name: child.name, file: () => child.getFile() });
    }
    return sorted(found);
  };
  return { name, entries };
}

function entryTree(name, directory) {
  const entries = async () => {
    const reader = directory.createReader();
    const found = [];
    // It returns some at a time.
    for (;;) {
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!some.length) break;
      for (const entry of some) {
        const file = () => new Promise((resolve, reject) => entry.file(resolve, reject));
        found.push(entry.isDirectory ? entryTree(entry.name, entry) : { name: entry.name, file });
      }
    }
    return sorted(found);
  };
  return { name, entries };
}

function listTree(files) {
  const root = new Map();
  // What a browser puts before every path of a picked directory is the directory's own name.
  const picked = files.length && files.every((file) => file.webkitRelativePath);
  for (const item of files) {
    const path = (picked ? item.webkitRelativePath.split("/").slice(1) : String(item.path).split("/")).filter(Boolean);
    const name = path.pop();
    let directory = root;
    for (const part of path) {
      if (!directory.has(part)) directory.set(part, new Map());
      directory = directory.get(part);
    }
    const { file = item, target, attributes } = item;
    directory.set(name, target !== undefined ? { name, target, attributes } : { name, attributes, file: async () => file });
  }
  const tree = (name, entries) => ({
    name,
    entries: async () => sorted([...entries].map(([name, entry]) => (entry instanceof Map ? tree(name, entry) : entry))),
  });
  return tree("", root);
}

const encoder = new TextEncoder();

/** Names are bytes, and in the archive's order. */
function sorted(entries) {
  const keyed = entries.map((entry) => ({ entry, key: encoder.encode(entry.name) }));
  keyed.sort(({ key: a }, { key: b }) => {
    const length = Math.min(a.length, b.length);
    for (let at = 0; at < length; at += 1) if (a[at] !== b[at]) return a[at] - b[at];
    return a.length - b.length;
  });
  return keyed.map(({ entry }) => entry);
}
