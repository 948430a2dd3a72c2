// A pool of workers that decode, verify, digest and compress, by messages: each has its own instance of the module, so no
// shared memory and no special headers are needed.

import { CasyncError } from "./errors.js";
import { compiledModule, load } from "./module.js";

/** Workers that take the place of `Inline`. */
export class Pool {
  #workers = [];
  #waiting = [];
  #next = 0;
  #closed = false;

  /** A pool of `size` workers, by default one for each processor but one, at most four. */
  static async start({ size = defaultSize(), module } = {}) {
    await load(module);
    const pool = new Pool();
    await Promise.all(Array.from({ length: size }, () => pool.#add()));
    return pool;
  }

  /** How many tasks keep it busy. */
  get width() {
    return this.#workers.length * 2;
  }

  /** Number of workers. */
  get size() {
    return this.#workers.length;
  }

  decode(stored, chunk, algorithm) {
    return this.#run({ task: "decode", bytes: owned(stored), chunk: { id: chunk.id, size: chunk.size }, algorithm }, true);
  }

  verify(bytes, chunk, algorithm) {
    return this.#run({ task: "verify", bytes: owned(bytes), chunk: { id: chunk.id, size: chunk.size }, algorithm }, true);
  }

  /** The digest; the bytes stay here. */
  digest(bytes, algorithm) {
    return this.#run({ task: "digest", bytes, algorithm }, false);
  }

  /** A frame of zstd; the bytes stay here. */
  compress(bytes) {
    return this.#run({ task: "compress", bytes }, false);
  }

  /** Ends the workers; what is under way fails. */
  close() {
    this.#closed = true;
    for (const worker of this.#workers.splice(0)) worker.end(new CasyncError("aborted", "the pool was closed"));
    for (const { reject } of this.#waiting.splice(0)) reject(new CasyncError("aborted", "the pool was closed"));
  }

  async #add() {
    const worker = await startWorker();
    if (this.#closed) return worker.end(new CasyncError("aborted", "the pool was closed"));
    this.#workers.push(worker);
    worker.onidle = () => this.#feed();
    worker.ondeath = () => {
      // An instance that has trapped is of no more use: a new one takes its place.
      this.#workers = this.#workers.filter((other) => other !== worker);
      if (!this.#closed) this.#add().then(() => this.#feed(), () => {});
    };
  }

  #run(message, transfer) {
    if (this.#closed) return Promise.reject(new CasyncError("aborted", "the pool was closed"));
    return new Promise((resolve, reject) => {
      this.#next += 1;
      this.#waiting.push({ message: { ...message, number: this.#next }, transfer: transfer ? [message.bytes.buffer] : [], resolve, reject });
      this.#feed();
    });
  }

  /** Two tasks for each worker: the next one is there when the first is done. */
  #feed() {
    while (this.#waiting.length) {
      const idle = this.#workers.reduce((best, worker) => (worker.tasks.size < (best?.tasks.size ?? 2) ? worker : best), undefined);
      if (!idle) return;
      const task = this.#waiting.shift();
      idle.tasks.set(task.message.number, task);
      idle.post(task.message, task.transfer);
    }
  }
}

/** Bytes in a buffer of their own, which can be given away. */
function owned(bytes) {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}

function defaultSize() {
  return Math.max(1, Math.min(4, (globalThis.navigator?.hardwareConcurrency ?? 2) - 1));
}

async function startWorker() {
  const url = new URL("./pool-worker.js", import.meta.url);
  const tasks = new Map();
  const worker = { tasks, onidle() {}, ondeath() {} };
  const answered = ({ number, bytes, text, error }) => {
    const task = tasks.get(number);
    tasks.delete(number);
    if (error) {
      const { code, message, ...about } = error;
      task?.reject(new CasyncError(code, message, about));
      if (code === "internal") return died(new CasyncError("internal", message));
    } else task?.resolve(text ?? bytes);
    worker.onidle();
  };
  const died = (error) => {
    worker.end(error);
    worker.ondeath();
  };
  let terminate;
  if (globalThis.Worker) {
    const real = new Worker(url, { type: "module" });
    real.onmessage = ({ data }) => answered(data);
    real.onerror = (event) => died(new CasyncError("internal", `a worker failed: ${event.message ?? "it could not be started"}`));
    worker.post = (message, transfer) => real.postMessage(message, transfer);
    terminate = () => real.terminate();
  } else {
    const threads = await import("node:worker_threads");
    const real = new threads.Worker(url);
    real.on("message", answered);
    real.on("error", (error) => died(new CasyncError("internal", `a worker failed: ${error.message}`)));
    // The program may end although its pool is open.
    real.unref();
    worker.post = (message, transfer) => {
      real.ref();
      real.postMessage(message, transfer);
    };
    real.on("message", () => tasks.size || real.unref());
    terminate = () => void real.terminate();
  }
  worker.end = (error) => {
    terminate();
    for (const { reject } of tasks.values()) reject(error);
    tasks.clear();
  };
  worker.post({ module: compiledModule() }, []);
  return worker;
}
