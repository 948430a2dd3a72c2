// Everything that can go wrong on the way to a page: each is told, and nothing unverified is shown.

import assert from "node:assert/strict";
import { base, expecting, go, problem, run, submit } from "./harness.js";
import { gate } from "./gate.js";

/** nginx behind a gate, for what has to go wrong. */
const between = await gate(base);
const at = (name) => `${between.url}sample/${name}`;

await run({
  async "faults of servers"(page) {
    const spoilt = (request, response, body) => {
      if (!request.url.endsWith(".cacnk")) return false;
      body[body.length >> 1] ^= 0x55;
      response.end(body);
      return true;
    };
    const cut = (request, response, body) => {
      if (!request.url.endsWith(".cacnk")) return false;
      response.writeHead(200, { "Content-Length": body.length });
      response.write(body.subarray(0, body.length >> 1), () => response.destroy());
      return true;
    };
    const refused = (request, response) => {
      response.writeHead(403).end();
      return true;
    };
    const missing = (request, response) => request.url.endsWith(".cacnk") && response.writeHead(404).end();
    const plain = (request, response) => request.url.endsWith(".cacnk") && response.end("<h1>It works</h1>");
    const damaged = /^(format|mismatch|codec|truncated|limit)$/;
    await expecting(async () => {
      for (const [name, wrong, code] of [
        ["site.caidx", spoilt, damaged],
        ["site.caidx", plain, damaged],
        ["site.caidx", missing, /^missing$/],
        ["site.caidx", refused, /^http$/],
        ["site.caidx", cut, /^network$/],
        ["nothing.caidx", undefined, /^missing$/],
        ["hostile.caidx", undefined, /^(limit|format)$/],
        ["cut.caidx", undefined, /^truncated$/],
        ["none.caidx", undefined, /^format$/],
      ]) {
        between.reset();
        between.wrong = wrong;
        await go(page, "browse", { index: at(name) });
        const found = await problem(page);
        assert.match(found, code, `${name} ${wrong?.name}`);
        assert.equal(await page.locator("[role=tree]").count(), 0);
      }
      // The mount says so, too.
      between.wrong = spoilt;
      await go(page, "mount", { index: at("site.caidx") });
      await submit(page);
      assert.match(await problem(page), damaged);
      assert.equal(await page.locator("iframe").count(), 0);
    });
  },

  async "the server is gone"(page) {
    await go(page, "browse");
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
    process.kill(Number(process.env.CASYNC_NGINX));
    await gone(base);
    await expecting(async () => {
      await page.reload();
      for (const view of ["browse", "download", "compare", "verify", "make", "mount"]) await go(page, view);
      // What takes no server works.
      await go(page, "make");
      await page.getByRole("button", { name: "Make an example" }).click();
      await page.waitForSelector("#save");
    });
  },
});

/** Waits until nobody answers any more. */
async function gone(url) {
  while (await fetch(url).then(() => true, () => false));
}
