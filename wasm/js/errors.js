// Errors with stable codes: those of the module (format, truncated, mismatch, limit, unsupported, codec, usage, number,
// internal), and what can go wrong outside of it.

/**
 * What everything here throws. `code` is stable, `message` is not; further fields say what it was about (`url`, `chunk`,
 * `path`, `status`).
 */
export class CasyncError extends Error {
  constructor(code, message, { cause, ...about } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = code === "aborted" ? "AbortError" : "CasyncError";
    this.code = code;
    Object.assign(this, about);
  }
}

const MODULE_CODES = new Set("format truncated mismatch limit unsupported codec usage number internal".split(" "));

/** The error as a CasyncError that also says what was being done. */
export function explain(error, doing, about = {}) {
  if (error instanceof CasyncError) return error;
  const message = error instanceof Error ? error.message : String(error);
  // A trap of the module (out of memory, stack overflow) carries no code.
  const code = MODULE_CODES.has(error?.code) ? error.code : error instanceof WebAssembly.RuntimeError ? "internal" : null;
  if (code) return new CasyncError(code, `${doing}: ${message}`, { cause: error, ...about });
  if (error?.name === "QuotaExceededError") return new CasyncError("quota", `${doing}: no room left`, { cause: error, ...about });
  return new CasyncError("io", `${doing}: ${message}`, { cause: error, ...about });
}

/** The error to throw once a signal has fired. */
export function aborted(signal) {
  const { reason } = signal;
  return reason instanceof CasyncError ? reason : new CasyncError("aborted", "aborted", { cause: reason });
}

/** Throws if the signal has fired. */
export function check(signal) {
  if (signal?.aborted) throw aborted(signal);
}
