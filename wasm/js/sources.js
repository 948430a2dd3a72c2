// Files on this side, read by ranges: `{ size, read(offset, length) }`.

import { CasyncError, explain } from "./errors.js";

/** A source for a File or Blob, a synchronous access handle, bytes, or an object that is one. */
export function toSource(file) {
  if (file instanceof Uint8Array) return { size: file.length, read: async (at, length) => file.slice(at, at + length) };
  if (typeof file?.slice === "function" && typeof file.arrayBuffer === "function") {
    const read = async (at, length) => {
      try {
        return new Uint8Array(await file.slice(at, at + length).arrayBuffer());
      } catch (error) {
        throw explain(error, `reading ${file.name ?? "a file"}`);
      }
    };
    return { size: file.size, read };
  }
  if (typeof file?.getSize === "function" && typeof file.read === "function") {
    const read = async (at, length) => {
      const bytes = new Uint8Array(length);
      return bytes.subarray(0, file.read(bytes, { at }));
    };
    return { size: file.getSize(), read };
  }
  if (typeof file?.size === "number" && typeof file.read === "function") return file;
  throw new CasyncError("usage", "a file is a File, a Blob, bytes, an access handle, or an object with size and read(offset, length)");
}
