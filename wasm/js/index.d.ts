import type { ArchiveNode, Chunk, ChunkSizes, DigestAlgorithm, Index, Limits } from "./module/casync_wasm.js";
export type { ArchiveNode, Chunk, ChunkSizes, DigestAlgorithm, Limits } from "./module/casync_wasm.js";

/**
 * What everything here throws. Codes are stable, messages are not.
 *
 * Of the bytes: `format`, `truncated`, `mismatch` (they do not belong to their id), `limit`, `unsupported`, `codec`, `number`.
 * Of the world: `missing` (no store has the chunk, or status 404), `http` (another status), `network`, `timeout`, `range` (the
 * server does not do ranges), `changed` (a file changed while it was read), `quota` (no room left), `io`, `aborted` (then `name` is
 * `AbortError`). Of the caller: `usage`, `notfound`, `notdirectory`, `notfile`. `internal` is a bug.
 */
export class CasyncError extends Error {
  readonly code:
    | "format" | "truncated" | "mismatch" | "limit" | "unsupported" | "codec" | "number"
    | "missing" | "http" | "network" | "timeout" | "range" | "changed" | "quota" | "io" | "aborted"
    | "usage" | "notfound" | "notdirectory" | "notfile" | "internal";
  readonly url?: string;
  readonly chunk?: string;
  readonly path?: string | Uint8Array;
  readonly status?: number;
}

/** Where chunks come from: what it has (a frame of zstd, xz or gzip, or the plain bytes), or nothing. */
export interface Store {
  get(id: string, options: { size: number; signal: AbortSignal; fresh: boolean }): Promise<Uint8Array | undefined>;
}

/** Where verified chunks are kept. What it returns is verified again. */
export interface ChunkCache {
  get(id: string): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  put(id: string, bytes: Uint8Array): void | Promise<void>;
  has?(id: string): boolean | Promise<boolean>;
  delete?(id: string): void | Promise<void>;
}

/** A file on this side. */
export interface Source {
  readonly size: number;
  read(offset: number, length: number): Uint8Array | Promise<Uint8Array>;
}

/** A `FileSystemSyncAccessHandle`, which TypeScript knows in workers only. */
export interface SyncAccessHandle {
  read(bytes: Uint8Array, options: { at: number }): number;
  write(bytes: Uint8Array, options: { at: number }): number;
  getSize(): number;
  truncate(size: number): void;
  flush(): void;
}

/** Anything that is a file: `File`, `Blob`, bytes, an access handle of the origin's private file system, or an object. */
export type FileLike = Blob | Uint8Array | SyncAccessHandle | Source;

/** A file that may have some of the chunks. Without its index it is looked through, which reads all of it. */
export type SeedFile = FileLike | { file: FileLike; index?: FileLike; onProgress?(progress: { done: number; total: number }): void };

/** How things are fetched. */
export interface HttpOptions {
  /** The function to fetch with; by default the global one. */
  fetch?: typeof fetch;
  /** How often a request is repeated; default 4. */
  retries?: number;
  /** Milliseconds without a byte after which a request has failed; default 30 000. */
  timeout?: number;
  headers?: Record<string, string>;
  credentials?: RequestCredentials;
  /** Lets downloads rest. */
  pause?: Pause;
}

export interface OpenOptions extends HttpOptions {
  /** What it is, if the address does not end with it. */
  kind?: "caibx" | "caidx" | "catar";
  /** Asked one after the other; by default `default.castr` beside the index. */
  stores?: (string | URL | Store)[];
  /** Verified chunks are kept here and looked for first: a download goes on after a reload. */
  cache?: ChunkCache;
  /** Bytes of chunks kept in memory, default 4 MiB; or a cache of your own. */
  memory?: number | MemoryCache;
  seeds?: SeedFile[];
  /** Decodes and verifies: a `Pool`; by default this thread. */
  worker?: Pool;
  /** Chunks under way at once; default 8. */
  parallel?: number;
  /** Bytes of chunks under way at once; default 8 MiB. */
  budget?: number;
  /** What hostile input may cost. Here a chunk has at most 4 MiB and an index 2^18 chunks (16 GiB in chunks of the default size). */
  limits?: Limits;
  /** What must be so: the digest of the index file, the algorithm of its chunk ids. */
  expect?: { index?: { "sha512-256": string } | { sha256: string }; algorithm?: DigestAlgorithm };
  signal?: AbortSignal;
  /** The compiled module, where none can be compiled at run time. */
  module?: WebAssembly.Module;
  /** Told what went wrong without harm: a full cache, a seed that changed. */
  onWarning?(error: CasyncError): void;
}

/** Where a chunk came from: the target itself, a seed, the cache, memory, or a store. */
export type Origin = "have" | "seed" | "cache" | "memory" | "store";

/** Bytes of the image by where they came from, bytes received and requests sent. */
export type Progress = Record<Origin | "done" | "total" | "received" | "requests", number>;

export interface Sum { chunks: number; bytes: number }

/** Plain bytes; what is sent is packed. */
export interface Plan {
  total: Sum;
  /** Chunks that occurred before. */
  repeats: Sum;
  have: Sum;
  seeds: Sum;
  cache: Sum;
  /** What is left: one request for each chunk. */
  fetch: Sum;
  requests: number;
}

/** What is here already: ids, or another image or archive. */
export type Have = { has(id: string): boolean } | ((id: string) => boolean) | { readonly index: Index };

/** Where an image is written to. Resuming takes `size` and `read`. */
export interface Sink {
  write(bytes: Uint8Array, offset: number): void | Promise<void>;
  close?(size: number): void | Promise<void>;
  abort?(error: CasyncError): void | Promise<void>;
  size?(): number | Promise<number>;
  read?(offset: number, length: number): Uint8Array | Promise<Uint8Array>;
}

/** Opens a `.caibx`, `.caidx` or `.catar`. */
export function open(index: `${string}.caibx`, options?: OpenOptions): Promise<Image>;
export function open(index: `${string}.caidx` | `${string}.catar`, options?: OpenOptions): Promise<Archive>;
export function open(index: string | URL, options: OpenOptions & { kind: "caibx" }): Promise<Image>;
export function open(index: string | URL, options: OpenOptions & { kind: "caidx" | "catar" }): Promise<Archive>;
export function open(index: string | URL, options?: OpenOptions): Promise<Image | Archive>;

/** Requests sent, and bytes of bodies received. */
export interface Traffic { requests: number; bytes: number }

interface Abortable { signal?: AbortSignal }

/** An image: the stream of a `.caibx`. */
export class Image {
  readonly kind: "blob";
  readonly url: string;
  readonly size: number;
  readonly algorithm: DigestAlgorithm;
  /** What went over the network so far. */
  readonly traffic: Traffic;
  /** All its chunks: `length`, `chunk(number)`, `at(offset)`, `covering(start, end)`, `chunkSizes`. */
  readonly index: Index;
  /** All of it; what is not read is not fetched. */
  stream(options?: Abortable): ReadableStream<Uint8Array>;
  /** Bytes `from` to before `to`. */
  range(from: number, to?: number, options?: Abortable): ReadableStream<Uint8Array>;
  /**
   * Writes all of it. `resume`: what the target has already stays. `onChunk` is called for each chunk that is in place, in order.
   */
  writeTo(
    target: WritableStream<Uint8Array> | SyncAccessHandle | FileSystemFileHandle | Sink,
    options?: Abortable & { resume?: boolean; onProgress?(progress: Progress): void; onChunk?(chunk: Chunk, origin: Origin): void },
  ): Promise<Progress>;
  /** What it would take. */
  plan(have?: Have): Promise<Plan>;
  /** Compares a file on this side, chunk by chunk; nothing is fetched. */
  verify(
    file: FileLike,
    options?: Abortable & { onProgress?(progress: { done: number; total: number }): void; onChunk?(chunk: Chunk, state: "have" | "wrong"): void },
  ): Promise<{ ok: boolean; size: { expected: number; actual: number }; chunks: number; wrong: Sum; places: Chunk[] }>;
  /** What `casync digest` prints. */
  digest(options?: Abortable): Promise<string>;
  /** Gives memory back. */
  close(): void;
}

/** An archive: the tree of a `.caidx` or `.catar`. Paths have no `/` in front; the empty path is the root. */
export class Archive {
  readonly kind: "archive";
  readonly url: string;
  readonly size: number;
  /** Nothing for a `.catar`, which has no digests: what comes out of it is not verified. */
  readonly algorithm?: DigestAlgorithm;
  /** What went over the network so far. */
  readonly traffic: Traffic;
  readonly index?: Index;
  stat(path?: string | Uint8Array, options?: Abortable): Promise<ArchiveNode | undefined>;
  list(path?: string | Uint8Array | ArchiveNode, options?: Abortable): Promise<ArchiveNode[]>;
  walk(options?: Abortable): AsyncGenerator<{ path: string; depth: number; node: ArchiveNode }>;
  file(path: string | Uint8Array | ArchiveNode, options?: Abortable): Promise<ReadableStream<Uint8Array>>;
  range(path: string | Uint8Array | ArchiveNode, from: number, to?: number, options?: Abortable): Promise<ReadableStream<Uint8Array>>;
  /** The text of `casync mtree`; reads everything. */
  mtree(options?: Abortable): ReadableStream<Uint8Array>;
  /** The text of `casync list`. */
  listing(options?: Abortable): ReadableStream<Uint8Array>;
  plan(have?: Have): Promise<Plan>;
  /** Compares a directory on this side. Chunks of nothing but contents are compared by their ids and not fetched. */
  verify(
    directory: FileSystemDirectoryHandle,
    options?: Abortable & { onProgress?(progress: { path: string; files: number; done: number; total: number }): void },
  ): Promise<{
    ok: boolean; files: number; directories: number; notCompared: number;
    differences: { path: string; what: "missing" | "size" | "contents" | "not in the archive" }[];
  }>;
  digest(options?: Abortable & { algorithm?: DigestAlgorithm }): Promise<string>;
  close(): void;
}

/** Workers that decode, verify, digest and compress: Web Workers, or threads of Node. */
export class Pool {
  static start(options?: { size?: number; module?: WebAssembly.Module }): Promise<Pool>;
  readonly size: number;
  close(): void;
}

/** Lets work rest: what is under way is finished, nothing new is begun until `resume`. */
export class Pause {
  readonly paused: boolean;
  pause(): void;
  resume(): void;
}

/** Keeps the chunks used last. */
export class MemoryCache implements ChunkCache {
  constructor(bytes?: number);
  get(id: string): Uint8Array | undefined;
  put(id: string, bytes: Uint8Array): void;
  has(id: string): boolean;
  delete(id: string): void;
}

/** Chunks in Cache Storage. */
export class StorageCache implements ChunkCache {
  constructor(name?: string);
  get(id: string): Promise<Uint8Array | undefined>;
  put(id: string, bytes: Uint8Array): Promise<void>;
  has(id: string): Promise<boolean>;
  delete(id: string): Promise<void>;
}

/** Chunks as files of a directory; by default in the origin's private file system. */
export class DirectoryCache implements ChunkCache {
  constructor(directory?: FileSystemDirectoryHandle, name?: string);
  get(id: string): Promise<Uint8Array | undefined>;
  put(id: string, bytes: Uint8Array): Promise<void>;
  has(id: string): Promise<boolean>;
  delete(id: string): Promise<void>;
}

/** Makes the module's classes usable; `open` does it by itself. */
export function load(module?: WebAssembly.Module): Promise<void>;
