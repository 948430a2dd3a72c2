// Makes an index and chunks of a folder or file, as a tar file to save or sent to a store that takes them.

import { Pool } from "../casync-wasm/index.js";
import { httpTarget, makeArchive, makeImage, tarTarget } from "../casync-wasm/make.js";
import { attempt, element, facts, field, fileField, form } from "../parts/dom.js";
import { bytes } from "../parts/format.js";

export const title = "Make";

export async function show(place, { signal }) {
  const results = element("div");
  let dropped;
  const folder = fileField("Folder", "folder", { webkitdirectory: true, multiple: true, note: "or drop one here" });
  folder.addEventListener(
    "drop",
    (event) => {
      const entry = event.dataTransfer.items[0]?.webkitGetAsEntry?.();
      if (!entry?.isDirectory) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      dropped = entry;
      folder.querySelector("small").textContent = ` ${entry.name}/`;
    },
    { capture: true },
  );
  const asked = form({
    label: "Make",
    fields: [
      folder,
      fileField("or a file", "file"),
      field("Name of the index", "name", { note: "without a suffix", value: "", placeholder: "by default that of the folder or file", pattern: "[^/]*" }),
      field("Send to the store", "store", { type: "url", placeholder: "https://example.org/default.castr", note: "optional: one that is served with --writable; otherwise you get a tar file" }),
    ],
    submit: (values) => attempt(results, () => make(values, dropped, results, signal)),
  });
  place.append(element("h2", {}, "Make an index and a store"), element("p", { class: "note" }, "The same chunks and digest as casync makes of it."), asked, results);
}

async function make(values, dropped, results, signal) {
  const folder = values.getAll("folder").filter((file) => file.name);
  const file = values.get("file");
  const isTree = Boolean(dropped) || folder.length > 0;
  if (!isTree && !file?.name) throw Object.assign(new Error("choose a folder or a file"), { code: "usage" });
  const given = dropped?.name ?? folder[0]?.webkitRelativePath.split("/")[0] ?? file.name;
  const name = `${values.get("name").trim() || given}${isTree ? ".caidx" : ".caibx"}`;
  const store = values.get("store").trim();
  const status = element("p", { role: "status" }, "Working…");
  const bar = element("progress", { "aria-label": "Progress" });
  results.replaceChildren(bar, status);

  const pool = await Pool.start();
  const packed = store ? undefined : await temporary(`${name}.tar`);
  const target = store ? httpTarget(store) : tarTarget(await packed.createWritable(), { store: "default.castr" });
  const onProgress = ({ done, total }) => {
    if (Number.isFinite(total)) bar.value = total ? done / total : 1;
    status.textContent = `${bytes(done)} cut into chunks`;
  };
  try {
    const options = { target, name, worker: pool, signal, onProgress };
    const made = isTree ? await makeArchive(dropped ?? folder, options) : await makeImage(file, options);
    const told = { Digest: made.digest, Size: bytes(made.size), Chunks: `${made.chunks}, of them ${made.stored} different`, Packed: bytes(made.packed) };
    results.replaceChildren(element("div", { class: "panel", role: "status", id: "made" }, element("h3", {}, name), facts(told)));
    if (packed) {
      const url = URL.createObjectURL(await packed.getFile());
      const save = element("a", { class: "button", id: "save", href: url, download: `${name}.tar` }, `Save ${name}.tar`);
      results.append(element("p", {}, save), element("p", { class: "note" }, `Unpack it where casync, or this page, is to find it: ${name} and default.castr beside it.`));
    } else {
      results.append(element("p", {}, `Sent to ${store}.`));
    }
  } finally {
    pool.close();
  }
}

/** A file of this page, in place of an older one. */
async function temporary(name) {
  const root = await navigator.storage.getDirectory();
  return root.getFileHandle(name, { create: true });
}
