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

/**
 * What a task came with is of no more use, and workers that do nothing else collect their garbage late: it is let go at once, or
 * where engines cannot do that, goes back to the thread that it came from.
 */
function spent({ bytes }, result) {
  if (!bytes || bytes === result.bytes) return undefined;
  if (!bytes.buffer.transfer) return bytes.buffer;
  bytes.buffer.transfer(0);
  return undefined;
}

async function answer(message, post) {
  if (message.module) return load(message.module);
  const { number, task } = message;
  try {
    const result = TASKS[task](message);
    const given = new Set([result.bytes?.buffer, spent(message, result)]);
    given.delete(undefined);
    post({ number, ...result, spent: [...given].at(-1) }, [...given]);
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
