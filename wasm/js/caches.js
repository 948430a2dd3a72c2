// Caches of verified chunks. A cache is an object with `get(id)`, `put(id, bytes)` and, if it can, `has(id)` and
// `delete(id)`; what it returns is verified again.

import { CasyncError, explain } from "./errors.js";

/** Keeps the chunks used last, up to so many bytes. */
export class MemoryCache {
  #chunks = new Map();
  #held = 0;

  constructor(bytes = 4 << 20) {
    this.limit = bytes;
  }

  get(id) {
    const bytes = this.#chunks.get(id);
    if (bytes) {
      this.#chunks.delete(id);
      this.#chunks.set(id, bytes);
    }
    return bytes;
  }

  has(id) {
    return this.#chunks.has(id);
  }

  put(id, bytes) {
    if (bytes.length > this.limit || this.#chunks.has(id)) return;
    this.#chunks.set(id, bytes);
    this.#held += bytes.length;
    for (const [oldest, old] of this.#chunks) {
      if (this.#held <= this.limit) break;
      this.#chunks.delete(oldest);
      this.#held -= old.length;
    }
  }

  delete(id) {
    this.#held -= this.#chunks.get(id)?.length ?? 0;
    this.#chunks.delete(id);
  }
}

/** Chunks in Cache Storage: they outlive the page. */
export class StorageCache {
  #cache;

  constructor(name = "casync-chunks") {
    if (!globalThis.caches) throw new CasyncError("usage", "there is no Cache Storage here");
    this.#cache = caches.open(name);
  }

  async get(id) {
    const response = await (await this.#cache).match(address(id));
    return response && new Uint8Array(await response.arrayBuffer());
  }

  async has(id) {
    return (await (await this.#cache).match(address(id))) !== undefined;
  }

  async put(id, bytes) {
    const headers = { "Content-Type": "application/octet-stream", "Content-Length": String(bytes.length) };
    await (await this.#cache).put(address(id), new Response(bytes, { headers })).catch((error) => {
      throw explain(error, "putting a chunk into Cache Storage", { chunk: id });
    });
  }

  async delete(id) {
    await (await this.#cache).delete(address(id));
  }
}

/** Keys of Cache Storage are addresses; nothing is ever fetched from this one. */
function address(id) {
  return `https://casync.invalid/${id}`;
}

/** Chunks as files of a directory in the origin's private file system (or any other directory handle). */
export class DirectoryCache {
  #directory;
  #opening;

  constructor(directory, name = "casync-chunks") {
    this.#directory = directory;
    this.#opening = { name };
  }

  async #folder(id) {
    const root = this.#directory ?? (await navigator.storage.getDirectory());
    this.#opening.handle ??= root.getDirectoryHandle(this.#opening.name, { create: true });
    return (await this.#opening.handle).getDirectoryHandle(id.slice(0, 2), { create: true });
  }

  async #file(id) {
    try {
      return await (await (await this.#folder(id)).getFileHandle(id)).getFile();
    } catch (error) {
      if (error?.name === "NotFoundError") return undefined;
      throw explain(error, "looking for a chunk in a directory", { chunk: id });
    }
  }

  async get(id) {
    const file = await this.#file(id);
    // A file that is being written for the first time is empty until it is closed.
    return file?.size ? new Uint8Array(await file.arrayBuffer()) : undefined;
  }

  async has(id) {
    return Boolean((await this.#file(id))?.size);
  }

  async put(id, bytes) {
    try {
      const handle = await (await this.#folder(id)).getFileHandle(id, { create: true });
      // What is written appears when it is closed, whole or not at all.
      const writable = await handle.createWritable();
      try {
        await writable.write(bytes);
      } catch (error) {
        await writable.abort().catch(() => {});
        throw error;
      }
      await writable.close();
    } catch (error) {
      throw explain(error, "putting a chunk into a directory", { chunk: id });
    }
  }

  async delete(id) {
    await (await this.#folder(id)).removeEntry(id).catch(() => {});
  }
}
