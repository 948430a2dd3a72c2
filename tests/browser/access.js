// Whether everybody can use the page: by keys alone, with a screen reader (as far as axe finds barriers), on a phone, dark and light.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { base, go, run, sample, samplePath, saved } from "./harness.js";

const axe = readFileSync(join(process.env.CASYNC_MODULES, "axe-core/axe.min.js"), "utf8");

/** Moves on with the Tab key until an element has the focus that matches. */
async function tabTo(page, selector) {
  for (let steps = 0; steps < 60; steps += 1) {
    if (await page.evaluate((selector) => document.activeElement.matches(selector), selector)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`keys do not lead to ${selector}`);
}

/** Presses a button that Tab leads to. */
async function press(page, selector) {
  await tabTo(page, selector);
  await page.keyboard.press("Enter");
}

/** Chooses a file with keys; the dialog is the browser's. */
async function choose(page, selector, path) {
  await tabTo(page, selector);
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.keyboard.press("Space")]);
  await chooser.setFiles(path);
}

/** Looks for barriers and for what is too wide, in both colour schemes, on a desk and on a phone. */
async function look(page, what) {
  for (const [width, colorScheme] of [[1280, "light"], [390, "dark"]]) {
    await page.setViewportSize({ width, height: 800 });
    // With motion, colours are looked at that only are on their way from one scheme to the other.
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.evaluate(() => Promise.all(document.getAnimations().filter(({ transitionProperty }) => transitionProperty).map(({ finished }) => finished.catch(() => {}))));
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${what} is ${wide} pixels too wide for ${width}`);
    await page.evaluate((source) => window.axe ?? new Function(source)(), axe);
    const { violations } = await page.evaluate(() => window.axe.run(document, { iframes: false, resultTypes: ["violations"] }));
    const told = violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`));
    assert.deepEqual(told, [], `${what}, ${width}, ${colorScheme}`);
  }
  await page.setViewportSize({ width: 1280, height: 800 });
}

await run({
  async browse(page) {
    await go(page, "browse");
    await page.locator("pre", { hasText: "What you are looking at" }).waitFor();
    // The address by keys, then the tree: to the pictures, into them, a look at one.
    await tabTo(page, "input[name=index]");
    await page.keyboard.type(`${base}sample/site.caidx`);
    await page.keyboard.press("Enter");
    await page.locator("pre", { hasText: "What you are looking at" }).waitFor();
    await tabTo(page, "[role=treeitem]");
    await page.keyboard.press("Home");
    await page.keyboard.press("p");
    assert.equal(await page.evaluate(() => document.activeElement.path), "pictures");
    await page.keyboard.press("ArrowRight");
    await page.locator("[role=treeitem] .name", { hasText: "chunks.svg" }).waitFor();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelector("img.preview")?.naturalWidth > 0);
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowLeft");
    assert.equal(await page.getAttribute("[role=treeitem]:focus", "aria-expanded"), "false");
    await look(page, "browse");
    await tabTo(page, ".details button");
    assert.ok((await saved(page, () => page.keyboard.press("Enter"))).length > 0);
  },

  async download(page) {
    await go(page, "download");
    await look(page, "download at first");
    await choose(page, "input[name=seed]", samplePath("image-1.img"));
    await tabTo(page, "select");
    await page.keyboard.press("Shift+Tab");
    await press(page, "#download button.main");
    await page.waitForSelector("#save");
    await look(page, "download");
    await tabTo(page, "#save");
    assert.ok((await saved(page, () => page.keyboard.press("Enter"))).equals(sample("image-2.img")));
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#save", { state: "detached" });
  },

  async compare(page) {
    await go(page, "compare");
    await look(page, "compare at first");
    await press(page, "#compare button[type=button]");
    await page.waitForSelector("svg.ribbons");
    await look(page, "compare");
  },

  async verify(page) {
    await go(page, "verify");
    await look(page, "verify at first");
    await press(page, "#verify button[type=button]");
    await page.waitForSelector("[data-ok=true]");
    await press(page, "#verify button[type=button] + button");
    await page.waitForSelector("[data-ok=false]");
    await look(page, "verify");
  },

  async make(page) {
    await go(page, "make");
    await look(page, "make at first");
    await press(page, "summary");
    await press(page, "#make button[type=button]");
    await page.waitForSelector("#save");
    await look(page, "make");
    await tabTo(page, "#save");
    assert.ok((await saved(page, () => page.keyboard.press("Enter"))).length > 0);
    // Something is forgotten: the page says what.
    await go(page, "make");
    await press(page, "#make button.main");
    await page.getByRole("alert").waitFor();
    await look(page, "make without anything");
  },

  async mount(page) {
    await go(page, "mount");
    await press(page, "#mount button.main");
    await page.frameLocator("iframe").locator("#greeting[data-ran=yes]").waitFor();
    await look(page, "mount");
    await press(page, "[aria-label^=Unmount]");
    await page.waitForSelector("a.mounted", { state: "detached" });
  },

  async "themes and views by keys"(page) {
    await go(page, "browse");
    const colour = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const before = await colour();
    await press(page, "#theme");
    assert.notEqual(await colour(), before);
    await page.reload();
    assert.notEqual(await colour(), before);
    await press(page, "nav a[href='#compare']");
    await page.waitForSelector("#compare form");
    // What a screen reader says next is the view.
    assert.equal(await page.evaluate(() => document.activeElement.id), "main");
    assert.equal(await page.getAttribute("nav a[aria-current]", "href"), "#compare");
    assert.match(await page.title(), /^Compare/);
  },
});
