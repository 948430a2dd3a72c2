// Files of this page's own storage (the origin's private file system): downloads are kept there until they are saved or removed.

import { CasyncError } from "../casync-wasm/index.js";

/** Their directory. */
async function directory() {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle("downloads", { create: true });
}

/** All that are there. */
export async function keptFiles() {
  const files = [];
  for await (const handle of (await directory()).values()) {
    if (handle.kind === "file") files.push(await handle.getFile());
  }
  return files.sort((a, b) => a.name.localeCompare(b.name));
}

/** The handle of one, which is made if it is not there. */
export async function keptFile(name) {
  return (await directory()).getFileHandle(name, { create: true });
}

/** Removes one, if it is there. */
export async function removeFile(name) {
  await (await directory()).removeEntry(name).catch((error) => {
    if (error.name !== "NotFoundError") throw error;
  });
}

/**
 * Opens one for `writeTo`: `{ sink, close() }`. A worker writes, where what is written is there at once: nothing is lost when the
 * page goes away.
 */
export async function openSink(handle) {
  const worker = new Worker(new URL("./file-worker.js", import.meta.url), { type: "module" });
  let next = 0;
  const waiting = new Map();
  worker.onmessage = ({ data: { number, value, error } }) => {
    const { resolve, reject } = waiting.get(number);
    waiting.delete(number);
    if (error) reject(new CasyncError(error.code, error.message));
    else resolve(value);
  };
  const call = (name, ...values) =>
    new Promise((resolve, reject) => {
      next += 1;
      waiting.set(next, { resolve, reject });
      worker.postMessage({ number: next, name, values });
    });
  try {
    await call("open", handle);
  } catch (error) {
    worker.terminate();
    throw error;
  }
  const sink = {
    write: (piece, offset) => call("write", piece, offset),
    size: () => call("size"),
    read: (offset, length) => call("read", offset, length),
    close: (size) => call("finish", size),
  };
  return { sink, close: () => call("close").then(() => worker.terminate()) };
}
