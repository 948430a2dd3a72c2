// One worker of a pool: an instance of the module, and a task at a time.

import { explain } from "./errors.js";
import { Inline } from "./inline.js";
import { load } from "./module.js";

const inline = new Inline();

const TASKS = {
  decode: ({ bytes, chunk, algorithm }) => ({ bytes: inline.decode(bytes, chunk, algorithm) }),
  verify: ({ bytes, chunk, algorithm }) => ({ bytes: inline.verify(bytes, chunk, algorithm) }),
  digest: ({ bytes, algorithm }) => ({ text: inline.digest(bytes, algorithm) }),
  compress: ({ bytes }) => ({ bytes: inline.compress(bytes) }),
};

async function answer(message, post) {
  if (message.module) return load(message.module);
  const { number, task } = message;
  try {
    const result = TASKS[task](message);
    post({ number, ...result }, result.bytes ? [result.bytes.buffer] : []);
  } catch (error) {
    const { code, message, chunk } = explain(error, "a task of a worker");
    post({ number, error: { code, message, chunk } }, []);
  }
}

if (globalThis.WorkerGlobalScope) {
  globalThis.onmessage = ({ data }) => answer(data, (message, transfer) => globalThis.postMessage(message, transfer));
} else {
  const { parentPort } = await import("node:worker_threads");
  parentPort.on("message", (data) => answer(data, (message, transfer) => parentPort.postMessage(message, transfer)));
}
