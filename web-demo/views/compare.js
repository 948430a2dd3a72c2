// Shows which chunks two files share, and what an update from one to the other would take.

import { Pool } from "../casync-wasm/index.js";
import { makeImage } from "../casync-wasm/make.js";
import { IndexReader } from "../casync-wasm/module/casync_wasm.js";
import { attempt, element, facts, fileField, form } from "../parts/dom.js";
import { bytes, percent } from "../parts/format.js";
import { ChunkMap } from "../parts/chunk-map.js";

export const title = "Compare";

const SIZES = {
  small: { min: 1 << 10, avg: 4 << 10, max: 16 << 10 },
  usual: { min: 16 << 10, avg: 64 << 10, max: 256 << 10 },
  large: { min: 64 << 10, avg: 256 << 10, max: 1 << 20 },
};

export async function show(place, { signal }) {
  const results = element("div");
  const option = (value, text) => element("option", { value, selected: value === "usual" }, text);
  const asked = form({
    label: "Compare",
    fields: [
      fileField("Old version", "old", { required: true }),
      fileField("New version", "new", { required: true }),
      element("label", { htmlFor: "sizes" }, "Chunks"),
      element("select", { id: "sizes", name: "sizes" }, option("small", "small: 4 KiB on average"), option("usual", "usual: 64 KiB on average"), option("large", "large: 256 KiB on average")),
    ],
    submit: (values) => attempt(results, () => compare(values, results, signal)),
  });
  place.append(element("h2", {}, "Compare two versions of a file"), element("p", { class: "note" }, "Both are cut into chunks here; nothing leaves this page."), asked, results);
}

async function compare(values, results, signal) {
  const sizes = SIZES[values.get("sizes")];
  const pool = await Pool.start();
  const bar = element("progress", { max: 1, value: 0, "aria-label": "Progress" });
  results.replaceChildren(bar);
  const total = values.get("old").size + values.get("new").size;
  const make = (file, before, target) =>
    makeImage(file, { sizes, worker: pool, signal, target, onProgress: ({ done }) => (bar.value = (before + done) / (total || 1)) });
  try {
    // Of the old version only the ids count: all of it is there already.
    const old = await make(values.get("old"), 0, { has: () => true, chunk() {} });
    const known = new Set(chunks(old.index).map(({ id }) => id));
    const made = await make(values.get("new"), values.get("old").size, { has: (id) => known.has(id), chunk() {} });
    const now = chunks(made.index);
    const next = new Set(now.map(({ id }) => id));
    results.replaceChildren(summary(made, now, known), picture("Old version", chunks(old.index), next, "gone"), picture("New version", now, known, "new"));
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

function summary(made, now, known) {
  const shared = now.filter(({ id }) => known.has(id));
  const sum = (some) => some.reduce((total, { size }) => total + size, 0);
  return element(
    "div",
    { class: "panel", role: "status" },
    element("h3", {}, `The update is ${bytes(made.packed)} of ${bytes(made.size)}`),
    facts({
      "Shared with the old version": `${shared.length} of ${now.length} chunks, ${bytes(sum(shared))} (${percent(sum(shared), made.size)})`,
      "New, packed": `${new Set(now.map(({ id }) => id).filter((id) => !known.has(id))).size} chunks, ${bytes(made.packed)}`,
    }),
  );
}

function picture(name, all, others, alone) {
  const map = new ChunkMap(all.length, { have: "in both", store: alone });
  all.forEach(({ id }, number) => map.set(number, others.has(id) ? "have" : "store"));
  return element("section", {}, element("h3", {}, name), map.element);
}
