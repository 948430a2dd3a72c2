// Shows which chunks two files share, and what an update from one to the other would take.

import { Pool } from "../casync-wasm/index.js";
import { makeImage } from "../casync-wasm/make.js";
import { IndexReader } from "../casync-wasm/module/casync_wasm.js";
import { button, element, facts, heading, Numbers } from "../parts/dom.js";
import { choice, fileField, form, putFiles } from "../parts/forms.js";
import { bytes, count, percent, Speed } from "../parts/format.js";
import { attempt } from "../parts/problems.js";
import { sampleFile, samples } from "../parts/remote.js";
import { ribbons, runsOf } from "../parts/ribbons.js";

export const title = "Compare";

const SIZES = {
  small: { min: 1 << 10, avg: 4 << 10, max: 16 << 10 },
  usual: { min: 16 << 10, avg: 64 << 10, max: 256 << 10 },
  large: { min: 64 << 10, avg: 256 << 10, max: 1 << 20 },
};
const NAMES = { small: "small: 4 KiB on average", usual: "as casync makes them: 64 KiB on average", large: "large: 256 KiB on average" };

export async function show(place, { signal }) {
  const results = element("div");
  const asked = form({
    label: "Compare",
    fields: [
      element("div", { class: "pair" }, fileField("Old version", "old", { required: true }), fileField("New version", "new", { required: true })),
      choice("Chunks", "sizes", NAMES, "usual"),
    ],
    buttons: samples.oldFile && samples.file ? [button("Compare the samples", (event) => takeSamples(event.target, asked, results))] : [],
    submit: (values) => attempt(results, () => compare(values, results, signal)),
  });
  place.append(heading("See what two versions share", "Both are cut into chunks here; nothing leaves this page."), asked, results);
}

async function takeSamples(pressed, asked, results) {
  pressed.disabled = true;
  await attempt(results, async () => {
    putFiles(asked.elements.old, [await sampleFile("oldFile")]);
    putFiles(asked.elements.new, [await sampleFile("file")]);
    asked.requestSubmit();
  });
  pressed.disabled = false;
}

async function compare(values, results, signal) {
  const [before, after] = [values.get("old"), values.get("new")];
  const pool = await Pool.start();
  const bar = element("progress", { max: 1, value: 0, "aria-label": "Progress" });
  results.replaceChildren(bar);
  const total = before.size + after.size;
  const speed = new Speed();
  const make = (file, earlier, target) =>
    makeImage(file, { sizes: SIZES[values.get("sizes")], worker: pool, signal, target, onProgress: ({ done }) => (bar.value = (earlier + done) / (total || 1)) });
  try {
    // Of the old version only the ids count: all of it is there already.
    const old = chunks((await make(before, 0, { has: () => true, chunk() {} })).index);
    const known = new Set(old.map(({ id }) => id));
    const made = await make(after, before.size, { has: (id) => known.has(id), chunk() {} });
    results.replaceChildren(...picture({ before, after, old, now: chunks(made.index), known, made, speed: speed.of(total) }));
  } finally {
    pool.close();
  }
}

/** The chunks that an index lists. */
function chunks(bytes) {
  const reader = new IndexReader();
  reader.feed(bytes);
  const index = reader.finish();
  const all = Array.from({ length: index.length }, (_, number) => index.chunk(number));
  index.free();
  return all;
}

function picture({ before, after, old, now, known, made, speed }) {
  const shared = now.filter(({ id }) => known.has(id));
  const fresh = new Set(now.map(({ id }) => id).filter((id) => !known.has(id))).size;
  const sum = shared.reduce((total, { size }) => total + size, 0);
  const numbers = new Numbers(["Update", "Of the new version", "Shared", "Speed"]);
  numbers.set({ Update: bytes(made.packed), "Of the new version": percent(made.packed, made.size), Shared: percent(sum, made.size), Speed: speed });
  const told = `${shared.length} of ${now.length} chunks, ${bytes(sum)}`;
  const side = (name, file, chunks) => element("p", { class: "side" }, element("b", {}, name), ` ${file.name} · ${bytes(file.size)} · ${count(chunks.length, "chunk")}`);
  const drawing = ribbons(runsOf(old, now), before.size, after.size, `The new version has ${told} of the old one, and ${count(fresh, "new chunk")}.`);
  const legend = [["both", "in both"], ["gone", "only in the old one"], ["new", "only in the new one"]];
  return [
    element("div", { role: "status" }, element("h3", {}, `The update is ${bytes(made.packed)}, for a new version of ${bytes(made.size)}`)),
    numbers.element,
    element("figure", { class: "panel" }, side("Old", before, old), drawing, side("New", after, now), element("ul", { class: "legend" }, legend.map(([name, text]) => element("li", { style: `--colour: var(--${name})` }, text)))),
    facts({ "Shared with the old version": told, "New, packed": `${count(fresh, "chunk")}, ${bytes(made.packed)}` }),
  ];
}
