import type { ChunkSizes, CasyncError, DigestAlgorithm, FileLike, HttpOptions, Pool } from "./index.js";

/** Where chunks and index go. */
export interface Target {
  chunk(id: string, frame: Uint8Array, options: { signal?: AbortSignal }): unknown;
  /** Whether a chunk is there and need not be sent. */
  has?(id: string, options: { signal?: AbortSignal }): boolean | Promise<boolean>;
  index?(name: string, bytes: Uint8Array, options: { signal?: AbortSignal }): unknown;
  close?(): unknown;
  abort?(error: CasyncError): unknown;
}

export interface MakeOptions {
  target: Target;
  /** The index's name; the target gets it after all chunks. */
  name?: string;
  /** Default 16, 64 and 256 KiB, as casync. */
  sizes?: ChunkSizes;
  algorithm?: DigestAlgorithm;
  worker?: Pool;
  signal?: AbortSignal;
  onProgress?(progress: { done: number; total: number }): void;
  module?: WebAssembly.Module;
}

/** What was made; `digest` is what `casync make` prints. */
export interface Made {
  index: Uint8Array;
  digest: string;
  size: number;
  chunks: number;
  /** Different chunks. */
  stored: number;
  /** Bytes of frames that the target took. */
  packed: number;
}

/** A member by its path: a file, or a symbolic link. */
export type TreeItem = { path: string; attributes?: object } & ({ file: FileLike } | { target: string });

export function makeImage(file: FileLike, options: MakeOptions): Promise<Made>;

/** `features`: names with spaces between, as of `--with=`; default `usec-time symlinks`. */
export function makeArchive(
  tree: FileSystemDirectoryHandle | FileSystemDirectoryEntry | Iterable<File> | Iterable<TreeItem>,
  options: MakeOptions & { features?: string },
): Promise<Made>;

/** Sends by PUT; the index goes beside the store, or to the address `index`. `check: false` asks for nothing before it sends. */
export function httpTarget(store: string | URL, options?: HttpOptions & { index?: string | URL; check?: boolean }): Target;

/** Packs into a tar file. */
export function tarTarget(stream: WritableStream<Uint8Array>, options?: { store?: string }): Target;
