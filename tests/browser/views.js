// Every view of the demo page, one after the other, in Chromium. Any error of the page, its console or its requests fails it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { extname, join } from "node:path";

const { CASYNC_PAGE: page_, CASYNC_MODULES: modules, CASYNC: casync, CASYNC_OUT: out, CASYNC_SHOTS: shots } = process.env;
const { chromium } = createRequire(join(modules, "x.js"))("playwright-core");
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".wasm": "application/wasm" };

/** Chunks asked for, and what the server does wrong with them. */
let chunks = [];
let wrong;
/** So many chunks are answered, the others wait. */
let most = Infinity;
const held = [];
const server = createServer(async (request, response) => {
  let path = decodeURIComponent(new URL(request.url, "http://x").pathname);
  if (path.endsWith("/")) path += "index.html";
  const isChunk = path.endsWith(".cacnk");
  if (isChunk) chunks.push(path);
  if (isChunk && chunks.length > most) await new Promise((resolve) => held.push(resolve));
  if (isChunk && wrong) return wrong(response, path);
  let bytes;
  try {
    bytes = readFileSync(join(page_, path));
  } catch {
    return response.writeHead(404).end();
  }
  response.writeHead(200, { "Content-Type": TYPES[extname(path)] ?? "application/octet-stream", "Content-Length": bytes.length, "Cache-Control": "no-cache" });
  response.end(bytes);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const base = `http://127.0.0.1:${server.address().port}/`;

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"], timeout: 60_000 });
const context = await browser.newContext({ acceptDownloads: true });
const page = await context.newPage();
page.setDefaultTimeout(30_000);
const errors = [];
let expected = false;
page.on("pageerror", (error) => errors.push(`page: ${error.stack}`));
page.on("console", (message) => message.type() === "error" && !expected && errors.push(`console: ${message.text()} ${message.location().url}`));
page.on("response", (response) => response.status() >= 400 && !expected && errors.push(`status ${response.status()}: ${response.url()}`));

const sample = (name) => readFileSync(join(page_, "sample", name));
const go = async (view) => {
  await page.goto("about:blank");
  await page.goto(`${base}#${view}`);
  await page.waitForSelector(`#${view} form`);
};
const fillSample = () => page.getByRole("button", { name: "Sample" }).click();
const submit = () => page.click("button.main[type=submit]");
const saved = async (click) => {
  const [download] = await Promise.all([page.waitForEvent("download"), click()]);
  return readFileSync(await download.path());
};
const shot = async (name) => shots && (mkdirSync(shots, { recursive: true }), await page.screenshot({ path: join(shots, `${name}.png`) }));
const total = Number(execFileSync("bash", ["-c", `find '${page_}/sample' -name '*.cacnk' | wc -l`]));

const VIEWS = {
  async browse() {
    await go("browse");
    await fillSample();
    await submit();
    const tree = page.getByRole("tree");
    await tree.waitFor();
    // By keyboard: to the pictures, into them, a look at one.
    await page.locator("[role=treeitem]").first().focus();
    for (let steps = 0; steps < 60; steps += 1) {
      if ((await page.evaluate(() => document.activeElement.path)) === "pictures") break;
      await page.keyboard.press("ArrowDown");
    }
    await page.keyboard.press("ArrowRight");
    await page.locator("[role=treeitem]", { hasText: "chunks.svg" }).last().waitFor();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await page.waitForSelector("img.preview");
    await page.waitForFunction(() => document.querySelector("img.preview").naturalWidth > 0);
    assert.match(await page.textContent("#browse dl"), /-rw-r--r--/);
    await shot("browse");
    // By mouse: a text.
    await page.locator("[role=treeitem] > span", { hasText: "style.css" }).click();
    await page.locator("pre", { hasText: "system-ui" }).waitFor();
    const css = await saved(() => page.getByRole("button", { name: "Download style.css" }).click());
    assert.equal(String(css), "body { font: 18px/1.5 system-ui; margin: 2rem; } h1 { color: #1d5fa8; }\n");
  },
  async download() {
    await go("download");
    await fillSample();
    await page.setInputFiles("input[name=seed]", join(page_, "sample/image-1.img"));
    chunks = [];
    await submit();
    await page.waitForSelector("#save");
    assert.ok(chunks.length > 0 && chunks.length < total / 2, `${chunks.length} of ${total} chunks are fetched beside a seed`);
    await shot("download");
    assert.ok((await saved(() => page.click("#save"))).equals(sample("image-2.img")));
    await page.getByRole("button", { name: "Remove from this page" }).click();
    await page.getByText("Removed.").waitFor();
    // Left in the middle, and gone on with: nothing is fetched twice.
    most = 30;
    await go("download");
    await fillSample();
    chunks = [];
    await submit();
    await page.waitForFunction(() => (document.querySelector("progress")?.value ?? 0) > 1_000_000);
    await page.click("#pause");
    assert.equal(await page.textContent("#pause"), "Resume");
    await page.click("#pause");
    await page.click("#pause");
    // What is under way comes; nothing more is asked for.
    most = Infinity;
    held.splice(0).forEach((go) => go());
    const before = new Set(chunks);
    assert.ok(before.size < 60, `${before.size} chunks were asked for`);
    await page.reload();
    await page.waitForSelector("#download form");
    chunks = [];
    await submit();
    await page.waitForSelector("#save");
    const again = chunks.filter((path) => before.has(path)).length;
    assert.ok(again <= before.size / 2, `${again} of ${before.size} chunks were fetched again`);
    assert.ok((await saved(() => page.click("#save"))).equals(sample("image-2.img")));
    await page.getByRole("button", { name: "Remove from this page" }).click();
    await page.getByText("Removed.").waitFor();
  },
  async compare() {
    await go("compare");
    await page.setInputFiles("input[name=old]", join(page_, "sample/image-1.img"));
    await page.setInputFiles("input[name=new]", join(page_, "sample/image-2.img"));
    await submit();
    await page.waitForSelector("canvas.map");
    const told = await page.textContent("#compare dl");
    // The same numbers as the indexes that the program made have.
    const ids = (name) => {
      const bytes = sample(name);
      return Array.from({ length: (bytes.length - 48 - 16 - 40) / 40 }, (_, at) => bytes.subarray(72 + at * 40, 104 + at * 40).toString("hex"));
    };
    const old = new Set(ids("image-1.caibx"));
    const now = ids("image-2.caibx");
    assert.ok(told.includes(`${now.filter((id) => old.has(id)).length} of ${now.length} chunks`), told);
    await shot("compare");
  },
  async verify() {
    await go("verify");
    await fillSample();
    await page.setInputFiles("input[name=file]", join(page_, "sample/image-1.img"));
    await submit();
    await page.waitForSelector("[data-ok=true]");
    const damaged = sample("image-1.img");
    damaged[1_000_000] ^= 1;
    writeFileSync(join(out, "damaged.img"), damaged);
    await page.setInputFiles("input[name=file]", join(out, "damaged.img"));
    await submit();
    await page.waitForSelector("[data-ok=false]");
    assert.match(await page.textContent("[data-ok=false] dl"), /Wrong1 chunks/);
    await shot("verify");
  },
  async make() {
    mkdirSync(join(out, "folder/below"), { recursive: true });
    writeFileSync(join(out, "folder/below/text.txt"), "text\n");
    writeFileSync(join(out, "folder/image.img"), sample("image-1.img"));
    await go("make");
    await page.setInputFiles("input[name=folder]", join(out, "folder"));
    await submit();
    await page.waitForSelector("#save");
    await shot("make");
    writeFileSync(join(out, "made.tar"), await saved(() => page.click("#save")));
    mkdirSync(join(out, "made"));
    execFileSync("tar", ["-xf", "../made.tar"], { cwd: join(out, "made") });
    execFileSync(casync, ["extract", "folder.caidx", "again"], { cwd: join(out, "made") });
    execFileSync("diff", ["-r", "../folder", "again"], { cwd: join(out, "made") });
    const digest = String(execFileSync(casync, ["digest", "folder.caidx"], { cwd: join(out, "made") })).trim();
    assert.ok((await page.textContent("#made")).includes(digest), digest);
  },
  async mount() {
    await go("mount");
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
    await fillSample();
    await submit();
    const site = page.frameLocator("iframe");
    await site.locator("#greeting[data-ran=yes]").waitFor();
    assert.equal(await site.locator("h1").evaluate((heading) => getComputedStyle(heading).color), "rgb(29, 95, 168)");
    assert.ok(await site.locator("img").evaluate((image) => image.decode().then(() => image.naturalWidth > 0)));
    await shot("mount");
    const address = await page.getAttribute("#mounted", "href");
    const part = await page.evaluate(async (url) => {
      const response = await fetch(url, { headers: { Range: "bytes=0-4" } });
      return [response.status, await response.text()];
    }, `${address}style.css`);
    assert.deepEqual(part, [206, "body "]);
  },
  async faults() {
    expected = true;
    for (const [code, answer] of [
      ["missing", (response) => response.writeHead(404).end()],
      ["format|mismatch|codec|truncated|limit", (response, path) => { const bytes = readFileSync(join(page_, path)); bytes[bytes.length >> 1] ^= 0x55; response.end(bytes); }],
    ]) {
      wrong = answer;
      await go("browse");
      await fillSample();
      await submit();
      assert.match(await page.textContent("[role=alert] code"), new RegExp(`^(${code})$`));
      assert.equal(await page.locator("[role=tree]").count(), 0);
    }
    wrong = undefined;
    expected = false;
  },
  async offline() {
    await page.setViewportSize({ width: 390, height: 800 });
    expected = true;
    await context.setOffline(true);
    for (const view of ["browse", "download", "compare", "verify", "make", "mount"]) {
      await go(view);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${view} is ${wide} pixels too wide for a phone`);
    }
    await context.setOffline(false);
    expected = false;
  },
};

const wanted = process.argv.slice(2);
let failed = false;
for (const [name, run] of Object.entries(VIEWS)) {
  if (wanted.length && !wanted.includes(name)) continue;
  try {
    await run();
    assert.deepEqual(errors.splice(0), []);
    console.log(`${name}: ok`);
  } catch (error) {
    failed = true;
    console.error(`${name}: ${error.stack}\n${errors.splice(0).join("\n")}\n${await page.textContent("main").catch(() => "")}`.slice(0, 3000));
    wrong = undefined; most = Infinity; held.splice(0).forEach((go) => go()); expected = false;
  }
}
await browser.close();
server.closeAllConnections();
server.close();
process.exitCode = failed ? 1 : 0;
