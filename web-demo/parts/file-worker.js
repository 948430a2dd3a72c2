// A file of the origin's private file system, for a page: access handles exist in workers only.

let handle;

const CALLS = {
  async open(file) {
    handle = await file.createSyncAccessHandle();
  },
  write(bytes, offset) {
    for (let at = 0; at < bytes.length; ) {
      const written = handle.write(bytes.subarray(at), { at: offset + at });
      // A full disk is a short write to some browsers.
      if (written <= 0) throw new DOMException("there is no more room", "QuotaExceededError");
      at += written;
    }
  },
  read(offset, length) {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, handle.read(bytes, { at: offset }));
  },
  size: () => handle.getSize(),
  truncate(size) {
    handle.truncate(size);
    handle.flush();
  },
  close: () => handle.close(),
};

// One after the other, in the order in which they come.
let last = Promise.resolve();

onmessage = ({ data: { number, name, values } }) => {
  last = last.then(async () => {
    try {
      postMessage({ number, value: await CALLS[name](...values) });
    } catch (error) {
      postMessage({ number, error: { name: error.name, message: error.message } });
    }
  });
};
