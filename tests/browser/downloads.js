// Downloads that rest, are left in the middle, run out of room, get something damaged, and go on.

import assert from "node:assert/strict";
import { base, expecting, go, problem, run, sample, saved, submit, tab } from "./harness.js";
import { gate } from "./gate.js";

/** nginx behind a gate, for what has to go wrong. */
const between = await gate(base);
const at = (name) => `${between.url}sample/${name}`;
const image = at("image-2.caibx");
const total = (sample("image-2.caibx").length - 104) / 40;

/** Begins a download of which some chunks come and the others wait. */
async function begin(page, most = 30) {
  between.reset();
  between.most = most;
  await go(page, "download", { index: image });
  await submit(page);
  await page.waitForFunction(() => document.querySelector("progress")?.value > 0.1);
}

/** Lets the rest come; nothing that is here is fetched again. */
async function finish(page, before) {
  const already = new Set(before);
  await page.waitForSelector("#save");
  const again = between.chunks.filter((path) => already.has(path));
  // What had come but was not written yet is asked for again: at most what is under way at once.
  assert.ok(again.length <= 16, `${again.length} chunks were fetched again`);
  assert.ok(between.chunks.length < total, `${between.chunks.length} of ${total} chunks were fetched`);
  await take(page);
}

/** Saves what is complete, and removes it from the page. */
async function take(page) {
  assert.ok((await saved(page, () => page.click("#save"))).equals(sample("image-2.img")));
  await page.getByRole("button", { name: "Remove from this page" }).click();
  await page.waitForSelector("#save", { state: "detached" });
}

/** What was asked for so far; from now on everything comes. */
function opened() {
  const before = between.chunks;
  between.reset();
  return before;
}

await run({
  async "pause and resume"(page) {
    await begin(page);
    await page.click("#pause");
    assert.equal(await page.textContent("#pause"), "Resume");
    assert.match(await page.getAttribute("canvas.map", "aria-label"), /on its way: [1-9]/);
    between.open();
    // What was under way comes; nothing more is asked for.
    await page.waitForFunction(() => document.querySelector("canvas.map").getAttribute("aria-label").includes("on its way: 0"));
    const asked = between.chunks.length;
    assert.ok(asked < total, `${asked} of ${total}`);
    assert.equal(await page.locator("#save").count(), 0);
    await page.click("#pause");
    await page.waitForSelector("#save");
    assert.equal(between.chunks.length, total);
    assert.equal(new Set(between.chunks).size, total);
    await take(page);
  },

  async "reload and go on"(page) {
    await begin(page);
    await page.click("#pause");
    await page.reload();
    const before = opened();
    await page.getByText("Unfinished").waitFor();
    await page.getByRole("button", { name: "Go on" }).click();
    await finish(page, before);
  },

  async "the tab is closed in the middle"(page) {
    await begin(page);
    await page.close();
    const before = opened();
    const next = await tab();
    await go(next, "download");
    await next.getByRole("button", { name: "Go on" }).click();
    await finish(next, before);
    await next.close();
  },

  async "cancel, go on, discard"(page) {
    await begin(page);
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByText("Cancelled.").waitFor();
    const before = opened();
    await page.getByRole("button", { name: "Go on" }).click();
    await finish(page, before);
    await begin(page);
    await page.getByRole("button", { name: "Cancel" }).click();
    between.reset();
    await page.getByRole("button", { name: "Discard" }).click();
    await page.waitForSelector(".kept", { state: "detached" });
    assert.deepEqual(await kept(page), []);
  },

  async "two tabs"(page) {
    await begin(page);
    await page.click("#pause");
    // Both tabs together have few connections: none may be left waiting.
    between.open();
    const other = await tab();
    await go(other, "download", { index: image });
    await submit(other);
    assert.equal(await problem(other), "busy");
    await other.close();
    await page.click("#pause");
    await page.waitForSelector("#save");
    await take(page);
  },

  async "into a file on disk"(page) {
    // The dialog itself cannot be driven; what it returns is a real file, of the page's own storage.
    await page.addInitScript(() => {
      window.showSaveFilePicker = async () => (await navigator.storage.getDirectory()).getFileHandle("picked.img", { create: true });
    });
    const onDisk = () => page.evaluate(async () => (await (await (await navigator.storage.getDirectory()).getFileHandle("picked.img")).getFile()).text().then((text) => text.length));
    between.reset();
    between.most = 30;
    await go(page, "download", { index: image });
    await page.selectOption("select[name=target]", "disk");
    await submit(page);
    await page.waitForFunction(() => document.querySelector("progress")?.value > 0.1);
    await page.reload();
    const before = opened();
    assert.equal(await onDisk(), 0);
    await page.getByRole("button", { name: "Go on" }).click();
    await page.getByText("Complete and verified").waitFor();
    assert.match(await page.getAttribute("canvas.map", "aria-label"), /fetched before: [1-9]/);
    const again = between.chunks.filter((path) => before.includes(path)).length;
    assert.ok(again <= 16, `${again} chunks were fetched again`);
    const link = page.evaluate(async () => {
      const file = await (await (await navigator.storage.getDirectory()).getFileHandle("picked.img")).getFile();
      const a = Object.assign(document.createElement("a"), { href: URL.createObjectURL(file), download: "picked.img" });
      a.click();
    });
    assert.ok((await saved(page, () => link)).equals(sample("image-2.img")));
    // The chunks that were kept for going on are gone.
    assert.deepEqual(await kept(page), ["downloads", "picked.img"]);
  },

  async "no room left"(page) {
    between.reset();
    const session = await page.context().newCDPSession(page);
    await go(page, "download", { index: image });
    const { usage } = await page.evaluate(() => navigator.storage.estimate());
    await session.send("Storage.overrideQuotaForOrigin", { origin: new URL(base).origin, quotaSize: usage + (3 << 20) });
    await submit(page);
    assert.equal(await problem(page), "quota");
    assert.match(await page.textContent("[role=alert]"), /no more room/);
    await session.send("Storage.overrideQuotaForOrigin", { origin: new URL(base).origin });
    const before = opened();
    await page.getByRole("button", { name: "Go on" }).click();
    await finish(page, before);
  },

  async "a chunk is damaged in the middle of an image"(page) {
    between.reset();
    between.wrong = (request, response, body) => {
      // One bit of the fiftieth chunk, whenever it is asked for.
      if (request.url !== between.chunks[49]) return false;
      body[body.length - 1] ^= 1;
      response.end(body);
      return true;
    };
    await expecting(async () => {
      await go(page, "download", { index: image });
      await submit(page);
      assert.match(await problem(page), /^(format|mismatch|codec|truncated|limit)$/);
    });
    // What is here is the image as far as it goes, and no byte of the bad chunk.
    const here = await page.evaluate(async () => {
      const downloads = await (await navigator.storage.getDirectory()).getDirectoryHandle("downloads");
      const file = await (await downloads.getFileHandle("image-2.img.part")).getFile();
      return Array.from(new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()))).concat(file.size);
    });
    const size = here.pop();
    assert.ok(size > 0 && size < sample("image-2.img").length);
    const { createHash } = await import("node:crypto");
    assert.deepEqual(here, [...createHash("sha256").update(sample("image-2.img").subarray(0, size)).digest()]);
    const before = opened();
    await page.getByRole("button", { name: "Go on" }).click();
    await finish(page, before);
  },
});

/** What is in the page's own storage. */
function kept(page) {
  return page.evaluate(async () => {
    const root = await navigator.storage.getDirectory();
    const names = [];
    for await (const [name, handle] of root.entries()) {
      if (handle.kind === "file") names.push(name);
      else for await (const below of handle.keys()) names.push(`${name}/${below}`);
      if (handle.kind === "directory" && !names.some((found) => found.startsWith(`${name}/`))) names.push(name);
    }
    return names.filter((name) => name !== "downloads" || names.length > 1).sort();
  });
}
