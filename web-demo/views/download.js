// Downloads a whole image, with a map of its chunks; rests, and goes on after a reload.

import { DirectoryCache, open, Pause, Pool } from "../casync-wasm/index.js";
import { button, element, facts, heading, Numbers, saveLink } from "../parts/dom.js";
import { begin, CHUNKS, complete, completed, discard, partOf, unfinished } from "../parts/downloads.js";
import { choice, fileField, form, putFiles } from "../parts/forms.js";
import { bytes, count, percent, Speed } from "../parts/format.js";
import { ChunkMap } from "../parts/chunk-map.js";
import { openSink, removeFile } from "../parts/private-file.js";
import { attempt } from "../parts/problems.js";
import { remote, remoteFields, sampleFile, samples } from "../parts/remote.js";

export const title = "Download";

const STATES = { wait: "to do", asked: "on its way", have: "was here", seed: "from the earlier version", cache: "fetched before", store: "fetched" };
const TARGETS = { page: "this page, which goes on after a reload; save it when it is complete", disk: "a file on disk" };

export async function show(place, { signal, parameters }) {
  const results = element("div");
  const kept = element("div");
  const update = () => attempt(kept, () => showKept(kept, asked, update));
  const asked = form({
    label: "Download",
    fields: [
      ...remoteFields(parameters, { label: "Image", sample: "image", kinds: ".caibx" }),
      fileField("Earlier version", "seed", { note: "optional: what it has is not fetched" }),
      ...("showSaveFilePicker" in window ? [choice("Into", "target", TARGETS, "page")] : []),
    ],
    buttons: samples.oldFile ? [button("Take the sample's earlier version", (event) => takeSample(event.target, asked, results))] : [],
    submit: async (values) => {
      kept.replaceChildren();
      await attempt(results, () => new Download(values, results).run(signal));
      if (!signal.aborted) await update();
    },
  });
  const lead = "Each chunk is verified before it is written. You can pause, close the page, and go on later.";
  place.append(heading("Download an image, and only what is new in it", lead), asked, results, kept);
  await update();
}

async function takeSample(pressed, asked, results) {
  pressed.disabled = true;
  await attempt(results, async () => putFiles(asked.elements.seed, [await sampleFile("oldFile")]));
  pressed.disabled = false;
}

/** One download. */
class Download {
  constructor(values, place) {
    [this.index, this.options] = remote(values);
    Object.assign(this, { place, store: values.get("store").trim(), target: values.get("target") ?? "page", seed: values.get("seed") });
    this.name = nameOf(this.index);
    this.pause = new Pause();
    this.numbers = new Numbers(["Done", "Received", "Requests", "Speed"]);
    this.bar = element("progress", { max: 1, value: 0, "aria-label": "Progress" });
    this.status = element("p", { class: "note", role: "status" }, "Getting ready…");
  }

  async run(signal) {
    const cancel = new AbortController();
    signal.addEventListener("abort", () => cancel.abort());
    // First of all: browsers let pages ask for this only just after something was pressed.
    const disk = this.target === "disk" ? await pickFile(this.name) : undefined;
    if (this.target === "disk" && !disk) return;
    const rest = button("Pause", () => this.#rest(rest), { id: "pause" });
    const controls = element("div", { class: "row" }, rest, button("Cancel", () => cancel.abort()));
    this.place.replaceChildren(this.numbers.element, this.bar, controls, this.status);
    const pool = await Pool.start();
    let image;
    try {
      image = await this.#open(pool, disk, cancel.signal);
      await this.#plan(image);
      begin(this.name, { index: this.index, store: this.store, target: this.target, size: image.size });
      this.speed = new Speed();
      const done = await (disk ? this.#write(image, disk, cancel.signal) : this.#keep(image, cancel.signal));
      await complete(this.name);
      this.#say(`Complete and verified: ${bytes(done.received)} received for an image of ${bytes(done.total)}.`);
    } catch (error) {
      if (cancel.signal.aborted) this.#say("Cancelled.");
      throw error;
    } finally {
      controls.remove();
      pool.close();
      image?.close();
    }
  }

  #open(pool, disk, signal) {
    const onProgress = ({ done, total }) => this.#say(`Looking through ${this.seed.name}: ${percent(done, total)}`);
    const seeds = this.seed?.size ? [{ file: this.seed, onProgress }] : [];
    const cache = disk && new DirectoryCache(undefined, CHUNKS);
    const watched = { fetch: (url, init) => this.#fetch(url, init), onWarning: (error) => this.#warn(error) };
    return open(this.index, { ...this.options, ...watched, kind: "caibx", seeds, cache, pause: this.pause, worker: pool, parallel: 16, signal });
  }

  /** Says what it will take, and whether there is room. */
  async #plan(image) {
    this.image = image;
    this.map = new ChunkMap(image.index.length, STATES);
    const plan = await image.plan();
    const planned = { Image: `${bytes(image.size)}, ${count(image.index.length, "chunk")}`, "To fetch": `at most ${count(plan.requests, "chunk")}, ${bytes(plan.fetch.bytes)} before they are packed` };
    this.status.after(this.map.element, facts(planned));
    const { quota, usage } = await navigator.storage.estimate();
    this.#say(quota - usage < image.size ? `There may not be enough room: this browser gives the page ${bytes(quota - usage)}.` : "");
  }

  async #keep(image, signal) {
    const { sink, close } = await openSink(await partOf(this.name));
    try {
      return await this.#write(image, sink, signal, true);
    } finally {
      await close();
    }
  }

  #write(image, target, signal, resume = false) {
    return image.writeTo(target, {
      resume,
      signal,
      onChunk: ({ number }, origin) => this.map.set(number, origin === "memory" ? this.map.of(image.index.first(number)) : origin),
      onProgress: ({ done, total, received, requests }) => {
        this.bar.value = total ? done / total : 1;
        this.numbers.set({ Done: percent(done, total), Received: bytes(received), Requests: String(requests), Speed: this.speed.of(done) });
      },
    });
  }

  /** Chunks that are asked for are seen to be on their way. */
  #fetch(url, init) {
    const id = /([0-9a-f]{64})\.cacnk/.exec(url)?.[1];
    const number = id && this.image?.index.find(id);
    if (number !== undefined) this.map?.set(number, "asked");
    return fetch(url, init);
  }

  #rest(pressed) {
    if (this.pause.paused) this.pause.resume();
    else this.pause.pause();
    const { paused } = this.pause;
    this.speed?.rest(paused);
    pressed.textContent = paused ? "Resume" : "Pause";
    this.#say(paused ? "Paused. You can close the page and go on later." : "");
  }

  #say(text) {
    this.status.textContent = text;
  }

  #warn({ code }) {
    if (code === "quota") this.#say("There is no room to keep chunks: after a reload this would begin anew.");
  }
}

/** The file that somebody chooses; nothing if they choose none. */
function pickFile(suggestedName) {
  return window.showSaveFilePicker({ suggestedName }).catch((error) => {
    if (error.name !== "AbortError") throw error;
  });
}

/** What this page keeps: unfinished downloads, and complete ones that can be saved. */
async function showKept(place, asked, update) {
  const panels = (await unfinished()).map((left) => {
    const here = left.target === "page" ? `${bytes(left.here)} of ${bytes(left.size)} are here.` : "The chunks that came are here.";
    const go = () => {
      for (const name of ["index", "store", "target"]) if (asked.elements[name]) asked.elements[name].value = left[name];
      asked.requestSubmit();
    };
    return panel(`Unfinished: ${left.name}`, `${here} They are not fetched again.`, [
      button("Go on", go, { class: "main" }),
      button("Discard", () => discard(left.name).then(update)),
    ]);
  });
  for (const file of await completed()) {
    const remove = () => removeFile(file.name).then(update);
    panels.push(panel(file.name, `${bytes(file.size)}, complete.`, [saveLink(file, file.name, { id: "save" }), button("Remove from this page", remove)]));
  }
  place.replaceChildren(...panels);
}

function panel(title, text, buttons) {
  return element("section", { class: "panel kept" }, element("h3", {}, title), element("p", {}, text), element("div", { class: "row" }, buttons));
}

function nameOf(index) {
  const name = new URL(index, location.href).pathname.split("/").pop().replace(/\.caibx$/, "");
  return `${decodeURIComponent(name) || "image"}.img`;
}
