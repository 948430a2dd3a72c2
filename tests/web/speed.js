// Speed of the module on this engine, one thread: the best of several passes over the chunks of a store that casync made.

/** MB/s by name; a megabyte is 10^6 bytes. `get(name)` imports a module of the package; `base` has the index and the store; `clock()` counts milliseconds. */
export async function measure(get, base, name, clock = () => performance.now(), passes = 7) {
  const { open } = await get("index.js");
  const { Inline } = await get("inline.js");
  const { compress, Cutter } = await get("module/casync_wasm.js");
  const inline = new Inline();
  const { index } = await open(`${base}${name}.caibx`, { stores: [`${base}${name}.castr`] });
  const bytes = async (path) => new Uint8Array(await (await fetch(`${base}${path}`)).arrayBuffer());
  const data = await bytes(name);
  const chunks = [];
  for (let number = 0; number < index.length; number += 1) {
    const { id, start, size } = index.chunk(number);
    const frame = await bytes(`${name}.castr/${id.slice(0, 4)}/${id}.cacnk`);
    chunks.push({ id, size, frame, plain: data.slice(start, start + size) });
  }
  const { min, avg, max } = index.chunkSizes;
  const { algorithm } = index;
  const rate = (run) => {
    let best = Infinity;
    for (let pass = 0; pass < passes; pass += 1) {
      const start = clock();
      run();
      best = Math.min(best, clock() - start);
    }
    return Math.round(data.length / best / 1000);
  };
  const cut = () => {
    const cutter = new Cutter(min, avg, max);
    let count = 0;
    for (let at = 0; at < data.length; at += 1 << 20) count += cutter.feed(data.subarray(at, at + (1 << 20))).length;
    if (count + cutter.finish().length !== index.length) throw new Error("other chunks than casync cut");
  };
  return {
    algorithm,
    packed: Number((chunks.reduce((sum, { frame }) => sum + frame.length, 0) / data.length).toFixed(2)),
    "verified decode": rate(() => chunks.forEach(({ frame, id, size }) => inline.decode(frame, { id, size }, algorithm))),
    digest: rate(() => chunks.forEach(({ plain }) => inline.digest(plain, algorithm))),
    chunking: rate(cut),
    compress: rate(() => chunks.forEach(({ plain }) => compress(plain))),
  };
}
