// Every store of the fixture, read by this package and compared with what the C program says.

import { assert, base, bytes, counting, data, fails, load, text } from "./harness.js";

const { open, Pool } = await load("index.js");
const image = data("image.img");
const pool = await Pool.start({ size: 2 });

for (const worker of [undefined, pool]) {
  for (const store of ["zstd", "xz", "gzip", "sha256"]) {
    const options = { stores: [`${base}${store}.castr`], worker };
    const blob = await open(`${base}${store}.caibx`, options);
    assert.equal(blob.size, image.length);
    assert.ok(image.equals(await bytes(blob.stream())), store);
    assert.equal(await blob.digest(), data(`${store}.caibx.digest`).toString().trim());
    for (const [from, to] of [[0, 0], [0, 1], [99_999, 400_001], [image.length - 5, image.length], [image.length - 5, image.length + 5]]) {
      assert.ok(image.subarray(from, to).equals(await bytes(blob.range(from, to))), `${store} ${from} ${to}`);
    }
    blob.close();
    const archive = await open(`${base}${store}.caidx`, options);
    assert.equal(await text(archive.listing()), data(`${store}.caidx.list`).toString());
    assert.equal(await text(archive.mtree()), data(`${store}.caidx.mtree`).toString());
    assert.equal(await archive.digest(), data(`${store}.caidx.digest`).toString().trim());
    await members(archive);
    archive.close();
  }
}

// By ranges, without any index; nginx refuses nothing of it.
const plain = await open(`${base}tree.catar`);
await members(plain);
assert.equal(await text(plain.listing()), data("zstd.caidx.list").toString());

async function members(archive) {
  const names = (await archive.list()).map(({ name, type }) => `${name} ${type}`);
  assert.deepEqual(names, ["big.bin file", "docs directory", "empty directory", "index.html file", "link symlink"]);
  assert.deepEqual(await archive.list("empty"), []);
  assert.equal((await archive.list("docs")).length, 122);
  assert.equal((await archive.stat("link")).target, "docs/deep");
  assert.equal(await archive.stat("docs/nothing"), undefined);
  assert.equal(await text(await archive.file("docs/deep/hello.txt")), "hello\n");
  assert.equal(await text(await archive.file("docs/\u{fc}n\u{ef}.txt")), "umlauts\n");
  assert.ok(image.subarray(0, 1_200_000).equals(await bytes(await archive.file("big.bin"))));
  assert.ok(image.subarray(700_001, 900_002).equals(await bytes(await archive.range("big.bin", 700_001, 900_002))));
  const walked = [];
  for await (const { path, depth } of archive.walk()) walked.push([path, depth]);
  assert.equal(walked.length, 129);
  assert.deepEqual(walked[0], ["", 0]);
  assert.ok(walked.some(([path, depth]) => path === "docs/deep/hello.txt" && depth === 3));
  await fails("notfound", archive.file("nothing"));
  await fails("notfile", archive.file("docs"));
  await fails("notdirectory", archive.list("index.html"));
  await fails("usage", archive.range("index.html", 5, 3));
}

// Only what is needed is fetched.
const fetch = counting();
const archive = await open(`${base}zstd.caidx`, { stores: [`${base}zstd.castr`], fetch });
assert.deepEqual(fetch.urls, [`${base}zstd.caidx`]);
await text(await archive.file("docs/deep/hello.txt"));
const small = fetch.urls.length - 1;
assert.ok(small <= 4, `a small file takes ${small} of ${archive.index.length} chunks`);
await bytes(await archive.range("big.bin", 300_000, 310_000));
assert.ok(fetch.urls.length - 1 - small <= 3, `a part takes ${fetch.urls.length - 1 - small} chunks more`);
await text(archive.listing());
assert.ok(fetch.urls.length - 1 < archive.index.length / 2, "listing leaves contents alone");

// A stream fetches what is read of it, and cancelling ends that.
const lazy = counting();
const blob = await open(`${base}zstd.caibx`, { stores: [`${base}zstd.castr`], fetch: lazy, parallel: 2 });
const reader = blob.stream().getReader();
assert.equal(lazy.urls.length, 1);
await reader.read();
await reader.cancel();
assert.ok(lazy.urls.length <= 1 + 3, `${lazy.urls.length} requests`);

// What is expected of an index is demanded.
await fails("mismatch", open(`${base}zstd.caibx`, { expect: { index: { sha256: "0".repeat(64) } } }));
await fails("mismatch", open(`${base}zstd.caibx`, { expect: { algorithm: "sha256" } }));
const { sha256 } = await import("./harness.js");
await open(`${base}zstd.caibx`, { expect: { index: { sha256: sha256(data("zstd.caibx")) } } });
pool.close();
