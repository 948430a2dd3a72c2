// Where an image is written to. A sink is an object with `write(bytes, offset)`; `close(size)` and `abort(error)` end it;
// `size()` and `read(offset, length)` tell what is there, which resuming takes.

import { CasyncError, explain } from "./errors.js";

/** A sink for whatever was given. */
export async function toSink(target, { resume = false } = {}) {
  const sink = await make(target, resume);
  if (resume && !(sink.size && sink.read)) {
    throw new CasyncError("usage", "resuming takes a target that can be read: a file handle, or a sink with size() and read()");
  }
  return sink;
}

async function make(target, resume) {
  // First: Node's file handles and streams have some of the names below too.
  if (target instanceof WritableStream) return streamSink(target);
  if (typeof target?.getSize === "function" && typeof target.truncate === "function") return accessSink(target);
  if (typeof target?.createWritable === "function") return fileSink(target, resume);
  if (typeof target?.write !== "function") {
    throw new CasyncError("usage", "a sink is a WritableStream, a file handle, or an object with write(bytes, offset)");
  }
  return {
    // A copy: the chunk may be wanted again and the sink may change it or give it away.
    write: (bytes, offset) => guard(() => target.write(bytes.slice(), offset)),
    close: async (size) => target.close?.(size),
    abort: async (error) => target.abort?.(error),
    size: target.size && (async () => target.size()),
    read: target.read && (async (offset, length) => target.read(offset, length)),
  };
}

/** Bytes in order. */
function streamSink(stream) {
  const writer = stream.getWriter();
  return {
    async write(bytes) {
      await writer.ready;
      // A copy: the chunk may be wanted again and the stream may give it away.
      await writer.write(bytes.slice());
    },
    close: () => writer.close(),
    abort: (error) => writer.abort(error).catch(() => {}),
  };
}

/** A file of the origin's private file system, in a worker. What is written is there at once, whatever happens to the page. */
function accessSink(handle) {
  const full = () => new DOMException("the file takes no more", "QuotaExceededError");
  return {
    async write(bytes, offset) {
      await guard(() => {
        let at = 0;
        while (at < bytes.length) {
          const written = handle.write(bytes.subarray(at), { at: offset + at });
          // Where there is no more room, some browsers write less, and Chromium returns the error as a huge number.
          if (!(written > 0 && written <= bytes.length - at)) throw full();
          at += written;
        }
      });
    },
    async close(size) {
      await guard(() => {
        handle.truncate(size);
        handle.flush();
        if (handle.getSize() !== size) throw full();
      });
    },
    async abort() {
      try {
        handle.flush();
      } catch {
        // Closed by whoever aborted.
      }
    },
    size: async () => handle.getSize(),
    async read(offset, length) {
      const bytes = new Uint8Array(length);
      let at = 0;
      while (at < length) {
        const count = handle.read(bytes.subarray(at), { at: offset + at });
        if (count <= 0) break;
        at += count;
      }
      return bytes.subarray(0, at);
    },
  };
}

/** A file that appears when it is complete: browsers write to a copy first. */
async function fileSink(handle, resume) {
  const before = await handle.getFile();
  const writable = await handle.createWritable({ keepExistingData: resume });
  return {
    write: (bytes, position) => guard(() => writable.write({ type: "write", position, data: bytes })),
    async close(size) {
      await guard(() => writable.truncate(size));
      await guard(() => writable.close());
    },
    // What was written so far is kept to be resumed, if that was wanted.
    abort: (error) => (resume ? writable.close() : writable.abort(error)).catch(() => {}),
    size: async () => before.size,
    read: async (offset, length) => new Uint8Array(await before.slice(offset, offset + length).arrayBuffer()),
  };
}

async function guard(write) {
  try {
    return await write();
  } catch (error) {
    throw explain(error, "writing to the target");
  }
}
