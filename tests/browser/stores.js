// Stores that the C program made, in every compression and with both digests: the page reads the same of them as the program.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { go, run } from "./harness.js";

const { CASYNC_DATA: data } = process.env;
/** `[name, address]` of each store's indexes, by the server that they are behind. */
const servers = Object.entries(JSON.parse(process.env.CASYNC_SERVERS));
const file = (name) => readFileSync(join(data, name));

const scenarios = servers.map(([server, stores]) => [
  server,
  async (page) => {
    await go(page, "browse");
    for (const [name, address] of Object.entries(stores)) {
      const options = { index: `${address}${name}.caidx`, store: `${address}${name}.castr` };
      const read = await page.evaluate(reading, { ...options, image: `${address}${name}.caibx` });
      for (const verb of ["list", "mtree"]) assert.equal(read[verb], String(file(`${name}.caidx.${verb}`)), `${server}, ${name}: ${verb}`);
      assert.equal(read.treeDigest, String(file(`${name}.caidx.digest`)).trim());
      assert.equal(read.imageDigest, String(file(`${name}.caibx.digest`)).trim());
      assert.equal(read.image, createHash("sha256").update(file("image.img")).digest("hex"));
      const stored = readdirSync(join(data, `${name}.castr`), { recursive: true }).filter((path) => path.endsWith(".cacnk"));
      assert.deepEqual(read.ids, stored.map((path) => path.slice(5, 69)).sort());
      // And what a person sees of it.
      await go(page, "browse", options);
      await page.locator("[role=treeitem] .name", { hasText: "index.html" }).waitFor();
      await page.locator("pre", { hasText: "home" }).waitFor();
    }
  },
]);
await run(Object.fromEntries(scenarios));

/** Runs in the page. */
async function reading({ index, store, image }) {
  const { open, Pool } = await import(new URL("./casync-wasm/index.js", location.href).href);
  const worker = await Pool.start();
  const archive = await open(index, { stores: [store], worker });
  const blob = await open(image, { stores: [store], worker });
  const text = (stream) => new Response(stream).text();
  const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const ids = (table) => Array.from({ length: table.length }, (_, number) => table.chunk(number).id);
  const read = {
    list: await text(archive.listing()),
    mtree: await text(archive.mtree()),
    treeDigest: await archive.digest(),
    imageDigest: await blob.digest(),
    image: hex(await crypto.subtle.digest("SHA-256", await new Response(blob.stream()).arrayBuffer())),
    ids: [...new Set([...ids(archive.index), ...ids(blob.index)])].sort(),
  };
  archive.close();
  blob.close();
  worker.close();
  return read;
}
