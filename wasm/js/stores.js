// Where chunks come from. A store is an object with `get(id, { size, signal })` that resolves to what it has (a frame of
// zstd, xz or gzip, or the plain bytes) or to nothing.

import { CasyncError } from "./errors.js";

/** A store of the casync layout behind HTTP. */
export class HttpStore {
  constructor(base, http) {
    this.base = new URL(base, globalThis.location?.href);
    this.base.pathname = this.base.pathname.replace(/\/*$/, "/");
    this.http = http;
  }

  /** Where a chunk lies; what the store's address says after `?` (a signature) is kept. */
  url(id) {
    const url = new URL(this.base);
    url.pathname += `${id.slice(0, 4)}/${id}.cacnk`;
    return url.href;
  }

  get(id, { size, signal, fresh }) {
    return this.http.get(this.url(id), { limit: storedMax(size), signal, cache: fresh ? "reload" : undefined });
  }
}

/** A store for whatever was given: an address, or an object that is one. */
export function toStore(store, http) {
  if (typeof store === "string" || store instanceof URL) return new HttpStore(store, http);
  if (typeof store?.get === "function") return store;
  throw new CasyncError("usage", "a store is an address or an object with get(id, options)");
}

/** The store that casync uses if none is named: `default.castr` beside the index. */
export function defaultStore(index) {
  const url = new URL("default.castr/", index);
  url.search = "";
  return url;
}

/** The longest frame that an honest store has for a chunk of this size: what cannot be packed costs a little more. */
export function storedMax(size) {
  return size + (size >> 6) + 4096;
}
