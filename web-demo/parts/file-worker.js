// A file of the origin's private file system, for a page: access handles exist in workers only.

import { explain } from "../casync-wasm/errors.js";
import { toSink } from "../casync-wasm/sinks.js";

/** A page that was left a moment ago may still have the file: so often is it asked for again, and after so many milliseconds. */
const TRIES = 20;
const PAUSE = 100;

let handle;
let sink;

async function access(file) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await file.createSyncAccessHandle();
    } catch (error) {
      if (error.name !== "NoModificationAllowedError" || tries === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}

const CALLS = {
  async open(file) {
    handle = await access(file);
    sink = await toSink(handle, { resume: true });
  },
  write: (bytes, offset) => sink.write(bytes, offset),
  read: (offset, length) => sink.read(offset, length),
  size: () => sink.size(),
  finish: (size) => sink.close(size),
  close: () => handle.close(),
};

// One after the other, in the order in which they come.
let last = Promise.resolve();

onmessage = ({ data: { number, name, values } }) => {
  last = last.then(async () => {
    try {
      postMessage({ number, value: await CALLS[name](...values) });
    } catch (error) {
      const { code, message } = explain(error, "writing a file of this page");
      postMessage({ number, error: { code: error.name === "NoModificationAllowedError" ? "busy" : code, message } });
    }
  });
};
