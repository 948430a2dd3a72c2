// Downloads a whole image, with a map of its chunks; rests, and goes on after a reload.

import { open, Pause, Pool } from "../casync-wasm/index.js";
import { attempt, element, facts, fileField, form } from "../parts/dom.js";
import { bytes, percent } from "../parts/format.js";
import { ChunkMap } from "../parts/chunk-map.js";
import { fillSample, remote, remoteFields } from "../parts/remote.js";

export const title = "Download";

const STATES = { wait: "to fetch", have: "here already", seed: "from a seed", cache: "from the cache", store: "fetched" };
/** What was under way when the page was left. */
const UNDER_WAY = "download";

export async function show(place, { signal, parameters }) {
  const results = element("div");
  const unfinished = JSON.parse(localStorage.getItem(UNDER_WAY) ?? "null");
  if (unfinished && !parameters.has("index")) parameters = new URLSearchParams(unfinished);
  const asked = form({
    label: unfinished ? "Go on" : "Download",
    fields: [
      ...remoteFields(parameters, { label: "Image", sample: "image-2.caibx", kinds: ".caibx" }),
      fileField("Earlier version", "seed", { note: "optional: what it has is not fetched" }),
    ],
    buttons: [element("button", { type: "button", onclick: () => fillSample(asked, "image-2.caibx") }, "Sample")],
    submit: (values) => attempt(results, () => download(values, results, signal)),
  });
  const note = unfinished ? "A download was interrupted: what is here already stays." : "To a file of this page, from where it can be saved.";
  place.append(element("h2", {}, "Download an image"), element("p", { class: "note" }, note), asked, results);
}

async function download(values, results, signal) {
  const [index, options] = remote(values);
  const seed = values.get("seed");
  const pause = new Pause();
  const pool = await Pool.start();
  const cancel = new AbortController();
  signal.addEventListener("abort", () => cancel.abort());
  const seeds = seed?.size ? [seed] : [];
  const image = await open(index, { ...options, kind: "caibx", seeds, pause, worker: pool, parallel: 16, signal: cancel.signal });
  try {
    const plan = await image.plan();
    const map = new ChunkMap(image.index.length, STATES);
    const bar = element("progress", { max: image.size || 1, value: 0, "aria-label": "Progress" });
    const rest = element("button", { type: "button", id: "pause" }, "Pause");
    rest.addEventListener("click", () => {
      if (pause.paused) pause.resume();
      else pause.pause();
      rest.textContent = pause.paused ? "Resume" : "Pause";
    });
    const stop = element("button", { type: "button", onclick: () => cancel.abort() }, "Cancel");
    const controls = element("div", { class: "row" }, rest, stop);
    const planned = facts({ Size: bytes(image.size), Chunks: image.index.length, "To fetch at most": `${plan.requests} chunks, ${bytes(plan.fetch.bytes)} plain` });
    results.replaceChildren(planned, bar, map.element, controls);
    localStorage.setItem(UNDER_WAY, JSON.stringify({ index, store: values.get("store").trim() }));

    const name = nameOf(index);
    const root = await navigator.storage.getDirectory();
    const file = await root.getFileHandle(name, { create: true });
    const target = await writer(file);
    try {
      const done = await image.writeTo(target.sink, {
        resume: true,
        signal: cancel.signal,
        onChunk: (chunk, origin) => map.set(chunk.number, origin === "memory" ? "store" : origin),
        onProgress: (progress) => {
          bar.value = progress.done;
          map.say(`${percent(progress.done, progress.total)}, ${bytes(progress.received)} received in ${progress.requests} requests`);
        },
      });
      localStorage.removeItem(UNDER_WAY);
      map.say(`Complete and verified: ${bytes(done.received)} received in ${done.requests} requests for ${bytes(done.total)}.`);
      await offer(file, name, controls);
    } finally {
      await target.close();
    }
  } finally {
    pool.close();
    image.close();
  }
}

/** Writes to a file in a worker, where what is written is there at once: nothing is lost when the page goes away. */
async function writer(file) {
  const worker = new Worker(new URL("../parts/file-worker.js", import.meta.url), { type: "module" });
  let next = 0;
  const waiting = new Map();
  worker.onmessage = ({ data: { number, value, error } }) => {
    const { resolve, reject } = waiting.get(number);
    waiting.delete(number);
    if (error) reject(new DOMException(error.message, error.name));
    else resolve(value);
  };
  const call = (name, ...values) =>
    new Promise((resolve, reject) => {
      next += 1;
      waiting.set(next, { resolve, reject });
      worker.postMessage({ number: next, name, values });
    });
  await call("open", file);
  const sink = {
    write: (piece, offset) => call("write", piece, offset),
    size: () => call("size"),
    read: (offset, length) => call("read", offset, length),
    close: (size) => call("truncate", size),
  };
  return { sink, close: () => call("close").then(() => worker.terminate()) };
}

/** Lets people save what is complete. */
async function offer(file, name, controls) {
  const url = URL.createObjectURL(await file.getFile());
  const save = element("a", { class: "button", id: "save", href: url, download: name }, `Save ${name}`);
  const remove = element("button", { type: "button" }, "Remove from this page");
  remove.addEventListener("click", async () => {
    URL.revokeObjectURL(url);
    await (await navigator.storage.getDirectory()).removeEntry(name);
    controls.replaceChildren("Removed.");
  });
  controls.replaceChildren(save, remove);
}

function nameOf(index) {
  const name = new URL(index, location.href).pathname.split("/").pop().replace(/\.caibx$/, "");
  return `${name || "image"}.img`;
}
