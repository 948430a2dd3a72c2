// Decodes, verifies, digests and compresses where it is called: what `Pool` does in workers.

import { CasyncError } from "./errors.js";
import * as module from "./module/casync_wasm.js";

/** Work done at once, on this thread. */
export class Inline {
  #decoders = {};

  /** How many tasks keep it busy. */
  get width() {
    return 0;
  }

  /** A stored chunk's plain bytes; throws unless they are the chunk's. */
  decode(stored, chunk, algorithm) {
    this.#decoders[algorithm] ??= new module.ChunkDecoder(algorithm);
    return this.#decoders[algorithm].decode(stored, chunk);
  }

  /** The plain bytes themselves; throws unless they are the chunk's. */
  verify(bytes, chunk, algorithm) {
    const actual = this.digest(bytes, algorithm);
    if (bytes.length === chunk.size && actual === chunk.id) return bytes;
    throw new CasyncError("mismatch", `chunk ${chunk.id} is ${actual} of ${bytes.length} bytes`, { chunk: chunk.id });
  }

  /** The digest of bytes, which is their chunk's id. */
  digest(bytes, algorithm) {
    return module.digest(algorithm, bytes);
  }

  /** A frame of zstd with the bytes; not in builds that only read. */
  compress(bytes) {
    return module.compress(bytes);
  }

  close() {}
}
