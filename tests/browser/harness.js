// Chromium with the demo page in it, and scenarios that run one after the other. Any error of the page, its console or its
// requests fails the scenario in which it happens.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const { CASYNC_MODULES: modules, CASYNC_SHOTS: shots } = process.env;
const { chromium } = createRequire(join(modules, "x.js"))("playwright-core");

/** Where the page is, and what serves the archives that it looks at. */
export const base = process.env.CASYNC_BASE;
export const remote = process.env.CASYNC_REMOTE ?? `${base}sample/`;
/** Directories: the page's, and one to write to. */
export const { CASYNC_PAGE: directory, CASYNC_OUT: out, CASYNC: casync } = process.env;

export const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"], timeout: 60_000 });
export const context = await browser.newContext({ acceptDownloads: true });
const errors = [];
let expected = false;

/** A tab that is watched. */
export async function tab(owner = context) {
  const page = await owner.newPage();
  page.setDefaultTimeout(40_000);
  page.on("pageerror", (error) => errors.push(`page: ${error.stack}`));
  page.on("console", (message) => message.type() === "error" && !expected && errors.push(`console: ${message.text()} ${message.location().url}`));
  page.on("response", (response) => response.status() >= 400 && !expected && errors.push(`status ${response.status()}: ${response.url()}`));
  return page;
}

/** What happens meanwhile is meant to go wrong. */
export async function expecting(work) {
  expected = true;
  try {
    await work();
  } finally {
    expected = false;
  }
}

/** Opens a view anew; `parameters` are those of its address. */
export async function go(page, view, parameters) {
  await page.goto("about:blank");
  await page.goto(`${base}#${view}${parameters ? `?${new URLSearchParams(parameters)}` : ""}`);
  await page.waitForSelector(`#${view} form`);
}

export const submit = (page) => page.click("#main form button[type=submit]");
export const sample = (name) => readFileSync(join(directory, "sample", name));
export const samplePath = (name) => join(directory, "sample", name);

/** The file that a page saves. */
export async function saved(page, act) {
  const [download] = await Promise.all([page.waitForEvent("download"), act()]);
  return readFileSync(await download.path());
}

/** Drops a file or folder of this machine onto an element, as a person does. */
export async function drop(page, selector, path) {
  const place = page.locator(selector);
  await place.scrollIntoViewIfNeeded();
  const { x, y, width, height } = await place.boundingBox();
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: [path], dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"]) {
    await session.send("Input.dispatchDragEvent", { type, x: x + width / 2, y: y + height / 2, data });
  }
  await session.detach();
}

/** The code of the error that a page shows. */
export async function problem(page) {
  await page.waitForSelector("[role=alert]");
  return page.textContent("[role=alert] code");
}

/** A picture of the page, where somebody wants some. */
export async function shot(page, name) {
  if (!shots) return;
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: join(shots, `${name}.png`) });
}

/** Runs scenarios, or those named on the command line; ends the program. */
export async function run(scenarios) {
  const wanted = process.argv.slice(2);
  const begun = Date.now();
  for (const [name, scenario] of Object.entries(scenarios)) {
    if (wanted.length && !wanted.includes(name)) continue;
    let page;
    try {
      page = await tab();
      await scenario(page);
      assert.deepEqual(errors.splice(0), []);
      console.log(`${name}: ok after ${Date.now() - begun} ms`);
    } catch (error) {
      process.exitCode = 1;
      const seen = await page?.textContent("main", { timeout: 1000 }).catch(() => "");
      console.error(`${name}: ${error.stack}\n${errors.splice(0).join("\n")}\n${seen}`.slice(0, 4000));
    }
    await page?.close();
  }
  await browser.close();
  process.exit();
}
