// Checks that a file or directory on this side is what an index says.

import { open, Pool } from "../casync-wasm/index.js";
import { attempt, element, facts, fileField, form } from "../parts/dom.js";
import { bytes } from "../parts/format.js";
import { ChunkMap } from "../parts/chunk-map.js";
import { fillSample, remote, remoteFields } from "../parts/remote.js";

export const title = "Verify";

/** Rows of a table of what is wrong. */
const ROWS_MAX = 200;

export async function show(place, { signal, parameters }) {
  const results = element("div");
  let directory;
  const picked = element("span", { class: "note", role: "status" });
  const pick = element("button", { type: "button", id: "directory", hidden: !("showDirectoryPicker" in window) }, "Choose a directory…");
  pick.addEventListener("click", async () => {
    directory = await window.showDirectoryPicker().catch(() => directory);
    picked.textContent = directory ? `Directory: ${directory.name || "/"}` : "";
  });
  const asked = form({
    label: "Verify",
    fields: [
      ...remoteFields(parameters, { label: "Index", sample: "image-1.caibx", kinds: ".caibx for a file, .caidx for a directory" }),
      fileField("File", "file"),
    ],
    buttons: [pick, element("button", { type: "button", onclick: () => fillSample(asked, "image-1.caibx") }, "Sample"), picked],
    submit: (values) => attempt(results, () => verify(values, directory, results, signal)),
  });
  place.append(element("h2", {}, "Verify what is here"), element("p", { class: "note" }, "The index is fetched; the file stays here."), asked, results);
}

async function verify(values, directory, results, signal) {
  const [index, options] = remote(values);
  const pool = await Pool.start();
  const opened = await open(index, { ...options, worker: pool, signal });
  const bar = element("progress", { max: 1, value: 0, "aria-label": "Progress" });
  const onProgress = ({ done, total }) => (bar.value = total ? done / total : 1);
  try {
    if (opened.kind === "archive") {
      if (!directory) throw Object.assign(new Error("choose the directory to compare with"), { code: "usage" });
      results.replaceChildren(bar);
      const found = await opened.verify(directory, { signal, onProgress });
      results.replaceChildren(verdict(found.ok, { Files: found.files, Directories: found.directories, Differences: found.differences.length }));
      if (found.differences.length) results.append(table(["Path", "What"], found.differences.map(({ path, what }) => [path, what])));
      return;
    }
    const file = values.get("file");
    if (!file?.name) throw Object.assign(new Error("choose the file to compare with"), { code: "usage" });
    const map = new ChunkMap(opened.index.length, { wait: "not yet", have: "right", wrong: "wrong" });
    results.replaceChildren(bar, map.element);
    const found = await opened.verify(file, { signal, onProgress, onChunk: (chunk, state) => map.set(chunk.number, state) });
    const told = { Size: `${found.size.actual} of ${found.size.expected} bytes`, Chunks: found.chunks, Wrong: `${found.wrong.chunks} chunks, ${bytes(found.wrong.bytes)}` };
    results.prepend(verdict(found.ok, told));
    if (found.places.length) results.append(table(["Offset", "Bytes", "Chunk"], found.places.map(({ start, size, id }) => [start, size, id])));
  } finally {
    pool.close();
    opened.close();
  }
}

function verdict(ok, told) {
  const text = ok ? "✓ It is what the index says." : "✗ It is not what the index says.";
  return element("div", { class: "panel", role: "status", "data-ok": String(ok) }, element("h3", {}, text), facts(told));
}

function table(head, rows) {
  const cells = (name, values) => element("tr", {}, values.map((value) => element(name, {}, String(value))));
  const rest = rows.length > ROWS_MAX ? [element("p", { class: "note" }, `and ${rows.length - ROWS_MAX} more`)] : [];
  return element("div", { class: "panel" }, element("table", {}, element("thead", {}, cells("th", head)), element("tbody", {}, rows.slice(0, ROWS_MAX).map((row) => cells("td", row)))), rest);
}
