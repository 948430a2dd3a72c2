import type { OpenOptions } from "./index.js";

export interface EdgeOptions extends OpenOptions {
  /** Address of a `.caidx` or `.caibx`. */
  index: string;
  /** The path in front of everything; default `/`. */
  base?: string;
  /**
   * Chunks that one answer's contents may take, each one request to the origin; default 900. A range is shortened to that, a whole
   * file that takes more is refused with status 413. Finding and listing take at most 60 more.
   */
  maxChunks?: number;
  /** Of everything that does not change; default a year, immutable: give a new index a new name. */
  cacheControl?: string;
}

/**
 * A handler that serves files and directories of a `.caidx`, or ranges of a `.caibx`.
 *
 * Defaults that differ from those of `open`, so that it fits into 16 MiB: 2 MiB of chunks in memory and 2 MiB under way, 6 requests at
 * once, chunks of at most 1 MiB and 2^16 of them.
 *
 * ```js
 * // workerd, Cloudflare
 * import module from "./casync-wasm/module/casync_wasm_bg.wasm";
 * export default { fetch: serve({ index: "https://example.org/site.caidx", module }) };
 * // Deno
 * Deno.serve(serve({ index: "https://example.org/site.caidx" }));
 * // Bun
 * Bun.serve({ fetch: serve({ index: "https://example.org/site.caidx" }) });
 * ```
 */
export function serve<Env = unknown>(
  options: EdgeOptions | ((env: Env) => EdgeOptions),
): (request: Request, env?: Env, context?: unknown) => Promise<Response>;
