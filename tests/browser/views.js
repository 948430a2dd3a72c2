// Every view of the demo page, one after the other, in Chromium, with archives behind the server that CASYNC_REMOTE names. What is
// downloaded, verified and made is what the casync named by CASYNC has and makes.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { base, casync, drop, expecting, go, out, problem, remote, run, sample, samplePath, saved, shot, submit } from "./harness.js";

const { CASYNC_UPLOAD: store, CASYNC_UPLOAD_TOKEN: token } = process.env;
/** Listed by the program: what is in the archive. */
const listed = String(execFileSync(casync, ["list", samplePath("site.caidx")])).trim().split("\n").map((line) => line.split(" ")[1]);

await run({
  async "a visitor sees the sample at once"(page) {
    await page.goto(base);
    await page.locator("pre", { hasText: "What you are looking at" }).waitFor();
    await shot(page, "browse");
  },

  async browse(page) {
    const requests = [];
    page.on("request", (request) => request.url().startsWith(remote) && requests.push(request.url()));
    await go(page, "browse", { index: `${remote}site.caidx` });
    const tree = page.getByRole("tree");
    await page.locator("pre", { hasText: "What you are looking at" }).waitFor();
    const top = await tree.locator("[role=group] > [role=treeitem] .name").allTextContents();
    assert.deepEqual(top, listed.filter((path) => path !== "." && !path.includes("/")));
    await tree.locator("span", { hasText: "docs" }).last().click();
    await tree.locator("[role=treeitem]", { hasText: "large.txt" }).last().waitFor();
    const below = await tree.locator("[role=group] [role=group] > [role=treeitem] .name").allTextContents();
    assert.deepEqual(below, listed.filter((path) => path.startsWith("docs/")).map((path) => path.slice(5)));
    // A picture out of the middle.
    await tree.locator("span.name", { hasText: "pictures" }).click();
    await tree.locator("span.name", { hasText: "chunks.svg" }).click();
    await page.waitForFunction(() => document.querySelector("img.preview")?.naturalWidth > 0);
    assert.match(await page.textContent("#browse .details dl"), /-rw-r--r--/);
    // A text, saved: the same bytes that the program has.
    await tree.locator("span.name", { hasText: "style.css" }).click();
    const css = await saved(page, () => page.getByRole("button", { name: "Download style.css" }).click());
    execFileSync(casync, ["extract", samplePath("site.caidx"), join(out, "site")]);
    assert.equal(String(css), String(execFileSync("cat", [join(out, "site/style.css")])));
    // The page tells each request, and most of the archive was not fetched.
    const told = await page.locator(".numbers dd").allTextContents();
    assert.equal(Number(told[0]), requests.length);
    assert.ok(requests.length < 20, `${requests.length} requests`);
    assert.ok(parseInt(told[3]) >= 90, `${told[3]} were not downloaded`);
  },

  async download(page) {
    const chunks = [];
    page.on("request", (request) => request.url().endsWith(".cacnk") && chunks.push(request.url()));
    await go(page, "download", { index: `${remote}image-2.caibx` });
    await page.setInputFiles("input[name=seed]", samplePath("image-1.img"));
    await submit(page);
    await page.waitForSelector("#save");
    // The same that the program would fetch.
    const plan = new Set(ids("image-2.caibx").filter((id) => !ids("image-1.caibx").includes(id)));
    assert.equal(chunks.length, plan.size);
    assert.match(await page.getAttribute("canvas.map", "aria-label"), new RegExp(`on its way: 0, .* fetched: ${plan.size}$`));
    await shot(page, "download");
    assert.ok((await saved(page, () => page.click("#save"))).equals(sample("image-2.img")));
    await page.getByRole("button", { name: "Remove from this page" }).click();
    await page.waitForSelector("#save", { state: "detached" });
  },

  async compare(page) {
    await go(page, "compare");
    await drop(page, ".drop:has(input[name=old])", samplePath("image-1.img"));
    await drop(page, ".drop:has(input[name=new])", samplePath("image-2.img"));
    await submit(page);
    await page.waitForSelector("svg.ribbons");
    // The same numbers as the indexes that the program made have.
    const [old, now] = [new Set(ids("image-1.caibx")), ids("image-2.caibx")];
    const told = await page.textContent("#compare dl.facts");
    assert.ok(told.includes(`${now.filter((id) => old.has(id)).length} of ${now.length} chunks`), told);
    assert.ok((await page.locator("svg .ribbon").count()) >= 4);
    await shot(page, "compare");
  },

  async "verify a file"(page) {
    await go(page, "verify", { index: `${remote}image-1.caibx` });
    await page.setInputFiles("input[name=file]", samplePath("image-1.img"));
    await submit(page);
    await page.waitForSelector("[data-ok=true]");
    const damaged = sample("image-1.img");
    damaged[1_000_000] ^= 1;
    writeFileSync(join(out, "damaged.img"), damaged);
    await page.setInputFiles("input[name=file]", join(out, "damaged.img"));
    await submit(page);
    await page.waitForSelector("[data-ok=false]");
    assert.match(await page.textContent("[data-ok=false] dl"), /Wrong1 chunk,/);
    const [offset] = await page.locator("#verify td").allTextContents();
    assert.ok(Number(offset) <= 1_000_000 && Number(offset) + (256 << 10) > 1_000_000, offset);
    await shot(page, "verify");
  },

  async "verify a folder"(page) {
    const folder = join(out, "checked");
    execFileSync(casync, ["extract", samplePath("site.caidx"), folder]);
    for (const give of [() => drop(page, ".drop:has(input[name=folder])", folder), () => page.setInputFiles("input[name=folder]", folder)]) {
      await go(page, "verify", { index: `${remote}site.caidx` });
      await give();
      await submit(page);
      await page.waitForSelector("[data-ok=true]");
    }
    writeFileSync(join(folder, "docs/large.txt"), "small\n");
    writeFileSync(join(folder, "script.js"), 'document.querySelector("#greeting").dataset.ran = "yEs";\n');
    writeFileSync(join(folder, "new.txt"), "new\n");
    execFileSync("rm", [join(folder, "style.css")]);
    await drop(page, ".drop:has(input[name=folder])", folder);
    await submit(page);
    await page.waitForSelector("[data-ok=false]");
    const cells = await page.locator("#verify td").allTextContents();
    assert.deepEqual(cells, ["docs/large.txt", "size", "script.js", "contents", "style.css", "missing", "new.txt", "not in the archive"]);
  },

  async make(page) {
    const folder = makeFolder();
    await go(page, "make");
    await drop(page, ".drop:has(input[name=folder])", folder);
    await submit(page);
    await page.waitForSelector("#save");
    await shot(page, "make");
    writeFileSync(join(out, "made.tar"), await saved(page, () => page.click("#save")));
    mkdirSync(join(out, "made"));
    execFileSync("tar", ["-xf", "../made.tar"], { cwd: join(out, "made") });
    await checkMade(page, join(out, "made/folder.caidx"), folder);
    // A file has the digest that the program tells.
    const image = join(folder, "image.img");
    await go(page, "make");
    await page.setInputFiles("input[name=file]", image);
    await submit(page);
    await page.waitForSelector("#save");
    const [digest] = await page.locator("#made dd").allTextContents();
    assert.equal(digest, String(execFileSync(casync, ["digest", image])).trim());
  },

  async "make and send"(page) {
    if (!store) return;
    const folder = makeFolder();
    await go(page, "make");
    await page.locator("summary").click();
    await page.setInputFiles("input[name=folder]", folder);
    await page.fill("input[name=name]", "sent");
    await page.fill("input[name=store]", store);
    await expecting(async () => {
      await page.fill("input[name=token]", "guessed");
      await submit(page);
      assert.equal(await problem(page), "http");
    });
    await page.fill("input[name=token]", token);
    // Chunks that are not there yet are asked for before they are sent.
    await expecting(async () => {
      await submit(page);
      await page.getByText("Sent to").waitFor();
    });
    await checkMade(page, samplePath("sent.caidx"), folder);
    await page.getByRole("link", { name: "Browse it there" }).click();
    await page.locator("[role=treeitem]", { hasText: "image.img" }).last().waitFor();
  },

  async mount(page) {
    await go(page, "mount", { index: `${remote}site.caidx` });
    await submit(page);
    const site = page.frameLocator("iframe");
    await site.locator("#greeting[data-ran=yes]").waitFor();
    assert.equal(await site.locator("h1").evaluate((heading) => getComputedStyle(heading).color), "rgb(29, 95, 168)");
    assert.ok(await site.locator("img").evaluate((image) => image.decode().then(() => image.naturalWidth > 0)));
    await shot(page, "mount");
    const address = await page.getAttribute("a.mounted", "href");
    const part = () =>
      page.evaluate(async (url) => {
        const response = await fetch(url, { headers: { Range: "bytes=0-4" } });
        return [response.status, response.headers.get("Content-Type"), await response.text()];
      }, `${address}style.css`);
    assert.deepEqual(await part(), [206, "text/css; charset=utf-8", ":root"]);
    // The worker is ended, as browsers do at will; the next one knows what was mounted.
    const session = await page.context().newCDPSession(page);
    await session.send("ServiceWorker.enable");
    await session.send("ServiceWorker.stopAllWorkers");
    assert.deepEqual(await part(), [206, "text/css; charset=utf-8", ":root"]);
    await page.reload();
    await page.getByRole("button", { name: "Unmount" }).click();
    await page.waitForSelector("a.mounted", { state: "detached" });
    await expecting(async () => assert.equal((await part())[0], 404));
  },
});

/** Chunk ids that an index lists: 40 bytes each between a head of 64 and a tail of 40. */
function ids(name) {
  const bytes = sample(name);
  return Array.from({ length: (bytes.length - 48 - 16 - 40) / 40 }, (_, at) => bytes.subarray(72 + at * 40, 104 + at * 40).toString("hex"));
}

function makeFolder() {
  const folder = join(out, "folder");
  mkdirSync(join(folder, "below"), { recursive: true });
  writeFileSync(join(folder, "below/text.txt"), "text\n");
  writeFileSync(join(folder, "image.img"), sample("image-1.img").subarray(0, 2_000_000));
  return folder;
}

/** What a page made is what the program reads: the same digest, the same files. */
async function checkMade(page, index, folder) {
  const [digest] = await page.locator("#made dd").allTextContents();
  assert.equal(digest, String(execFileSync(casync, ["digest", index])).trim());
  const again = `${index}.again`;
  execFileSync(casync, ["extract", index, again]);
  execFileSync("diff", ["-r", folder, again]);
  execFileSync("rm", ["-rf", again]);
}
