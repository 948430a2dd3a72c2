// Waiting that ends: for signals, for a time, for a pause to be over.

import { aborted, check } from "./errors.js";

/** A controller that also aborts when any of the signals does; `unlink` ends the connection. */
export function linked(...signals) {
  const controller = new AbortController();
  const links = signals.filter(Boolean).map((signal) => {
    const abort = () => controller.abort(aborted(signal));
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    return () => signal.removeEventListener("abort", abort);
  });
  return { controller, signal: controller.signal, unlink: () => links.forEach((unlink) => unlink()) };
}

/** Waits so many milliseconds, unless the signal fires. */
export function sleep(milliseconds, signal) {
  return unlessAborted(new Promise((resolve) => setTimeout(resolve, milliseconds)), signal);
}

/** The promise's outcome, or a rejection as soon as the signal fires. */
export function unlessAborted(promise, signal) {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(aborted(signal));
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** Lets work rest: what is under way is finished, nothing new is begun until `resume`. */
export class Pause {
  #paused = null;

  get paused() {
    return this.#paused !== null;
  }

  pause() {
    if (this.#paused) return;
    let resume;
    const promise = new Promise((resolve) => (resume = resolve));
    this.#paused = { promise, resume };
  }

  resume() {
    this.#paused?.resume();
    this.#paused = null;
  }

  /** Waits while paused. */
  async over(signal) {
    while (this.#paused) await unlessAborted(this.#paused.promise, signal);
    check(signal);
  }
}
