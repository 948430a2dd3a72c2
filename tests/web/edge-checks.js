// What everything that serves an index has to answer.

import { assert, sha512 } from "./harness.js";

/** Of the fixture's tree. */
export async function checkTree(get, data, index) {
  const big = data("tree/big.bin");
  const home = await get("");
  assert.equal(home.status, 200);
  assert.equal(home.headers.get("content-type"), "text/html; charset=utf-8");
  assert.equal(await home.text(), "<h1>home</h1>\n");
  const whole = await get("big.bin");
  assert.equal(whole.status, 200);
  assert.equal(whole.headers.get("content-type"), "application/octet-stream");
  assert.equal(whole.headers.get("accept-ranges"), "bytes");
  assert.match(whole.headers.get("cache-control"), /immutable/);
  assert.ok(big.equals(Buffer.from(await whole.arrayBuffer())));
  const etag = whole.headers.get("etag");
  assert.match(etag, /^"[^"]+"$/);

  // Conditions.
  const same = await get("big.bin", { headers: { "If-None-Match": `"other", ${etag}` } });
  assert.equal(same.status, 304);
  assert.equal(await same.text(), "");
  assert.equal((await get("big.bin", { headers: { "If-None-Match": '"other"' }, method: "HEAD" })).status, 200);
  assert.notEqual((await get("index.html")).headers.get("etag"), etag);

  // Ranges.
  for (const [range, from, to] of [["bytes=0-0", 0, 1], ["bytes=100000-400000", 100_000, 400_001], ["bytes=-100", big.length - 100, big.length], [`bytes=${big.length - 5}-`, big.length - 5, big.length], [`bytes=5-${big.length * 2}`, 5, big.length]]) {
    const part = await get("big.bin", { headers: { Range: range } });
    assert.equal(part.status, 206, range);
    assert.equal(part.headers.get("content-range"), `bytes ${from}-${to - 1}/${big.length}`);
    assert.ok(big.subarray(from, to).equals(Buffer.from(await part.arrayBuffer())), range);
  }
  const outside = await get("big.bin", { headers: { Range: `bytes=${big.length}-` } });
  assert.equal(outside.status, 416);
  assert.equal(outside.headers.get("content-range"), `bytes */${big.length}`);
  assert.equal((await get("big.bin", { method: "HEAD", headers: { Range: "bytes=0-1,4-5" } })).status, 200);
  assert.equal((await get("big.bin", { method: "HEAD", headers: { Range: "bytes=0-1", "If-Range": '"other"' } })).status, 200);
  assert.equal((await get("big.bin", { method: "HEAD", headers: { Range: "bytes=0-1", "If-Range": etag } })).status, 206);

  const head = await get("big.bin", { method: "HEAD" });
  assert.equal(head.status, 200);
  assert.equal(head.headers.get("content-length"), String(big.length));
  assert.equal(await head.text(), "");

  // Directories.
  const docs = await get("docs/");
  assert.equal(docs.status, 200);
  assert.equal(docs.headers.get("content-type"), "text/html; charset=utf-8");
  const page = await docs.text();
  assert.match(page, /href="\.\/page000\.txt"/);
  assert.match(page, /href="\.\/%C3%BCn%C3%AF\.txt"/);
  assert.match(page, /href="\.\/deep\/"/);
  const json = await get("docs/?format=json");
  assert.equal(json.headers.get("content-type"), "application/json");
  const entries = await json.json();
  assert.equal(entries.length, 122);
  assert.deepEqual({ ...entries.find(({ name }) => name === "page007.txt"), mtime: 0 }, { name: "page007.txt", type: "file", size: 7, mtime: 0 });
  const moved = await get("docs", { redirect: "manual" });
  assert.equal(moved.status, 301);
  assert.match(moved.headers.get("location"), /\/docs\/$/);
  assert.equal((await get("empty/?format=json").then((answer) => answer.json())).length, 0);

  const list = await get("docs/", { method: "HEAD" });
  assert.equal(list.status, 200);
  assert.equal(await list.text(), "");
  assert.equal((await get("docs/", { headers: { "If-None-Match": docs.headers.get("etag") } })).status, 304);
  assert.notEqual(json.headers.get("etag"), docs.headers.get("etag"));

  // Tags name the index by its digest, then the place in it.
  const digest = sha512(index).slice(0, 32);
  for (const answer of [whole, docs, json]) assert.ok(answer.headers.get("etag").startsWith(`"${digest}-`), answer.headers.get("etag"));

  // Names and links.
  const umlauts = await get("docs/%C3%BCn%C3%AF.txt");
  assert.equal(await umlauts.text(), "umlauts\n");
  assert.equal(umlauts.headers.get("content-type"), "text/plain; charset=utf-8");
  assert.equal(await (await get("link/hello.txt")).text(), "hello\n");
  for (const path of ["nothing", "docs/nothing", "index.html/below", "docs/%2e%2e/%2e%2e/etc/passwd"]) {
    assert.equal((await get(path)).status, 404, path);
  }
  assert.equal((await get("nothing%")).status, 400);
  assert.equal((await get("nothing%ff")).status, 404);
  assert.equal((await get("big.bin", { method: "DELETE" })).status, 405);
}

/** Of the fixture's image. */
export async function checkImage(get, image) {
  const whole = await get("image.img");
  assert.equal(whole.status, 200);
  assert.ok(image.equals(Buffer.from(await whole.arrayBuffer())));
  const part = await get("image.img", { headers: { Range: "bytes=1000000-1999999" } });
  assert.equal(part.status, 206);
  assert.ok(image.subarray(1_000_000, 2_000_000).equals(Buffer.from(await part.arrayBuffer())));
  // Several at once share nothing that they should not.
  const many = await Promise.all(Array.from({ length: 8 }, (_, number) => get("image.img", { headers: { Range: `bytes=${number * 400_000}-${number * 400_000 + 299_999}` } }).then((answer) => answer.arrayBuffer())));
  many.forEach((body, number) => assert.ok(image.subarray(number * 400_000, number * 400_000 + 300_000).equals(Buffer.from(body)), String(number)));
}
