// Makes an index and chunks of a folder or file, as a tar file to save or sent to a store that takes them.

import { Pool } from "../casync-wasm/index.js";
import { httpTarget, makeArchive, makeImage, tarTarget } from "../casync-wasm/make.js";
import { button, element, facts, heading, Numbers, saveLink } from "../parts/dom.js";
import { FolderField } from "../parts/folder.js";
import { field, fileField, form, more } from "../parts/forms.js";
import { bytes, count, Speed } from "../parts/format.js";
import { attempt, usage } from "../parts/problems.js";
import { elsewhere } from "../parts/remote.js";

export const title = "Make";

export async function show(place, { signal }) {
  const results = element("div");
  const folder = new FolderField("Folder", { note: "or drop one here" });
  const example = () => {
    folder.put(exampleFolder());
    asked.requestSubmit();
  };
  const asked = form({
    label: "Make",
    fields: [
      element("div", { class: "pair" }, folder.place, fileField("or file", "file")),
      field("Name", "name", { note: "of the index, without a suffix", placeholder: "by default that of the folder or file", pattern: "[^\\/]*" }),
      more(
        "Send it to a store instead of saving it",
        false,
        field("Store", "store", { type: "url", placeholder: "https://example.org/default.castr", note: "one that casync serve --writable serves" }),
        field("Token", "token", { type: "password", autocomplete: "off", note: "if it wants one" }),
      ),
    ],
    buttons: [button("Make an example", example)],
    submit: (values) => attempt(results, () => make(values, folder, results, signal)),
  });
  place.append(heading("Make an index and a store", "With the same chunks, ids and digest that casync makes of it. Nothing leaves this page unless you send it."), asked, results);
}

async function make(values, folder, results, signal) {
  const tree = folder.tree();
  const file = values.get("file");
  if (!tree && !file?.name) throw usage("Choose a folder or a file, or drop a folder onto the field.");
  const name = `${values.get("name").trim() || (tree ? folder.name : file.name)}${tree ? ".caidx" : ".caibx"}`;
  const store = values.get("store").trim();
  const numbers = new Numbers(["Cut into chunks", "Speed"]);
  const bar = element("progress", { "aria-label": "Progress" });
  results.replaceChildren(numbers.element, bar);
  let speed;
  const onProgress = ({ done, total }) => {
    if (Number.isFinite(total)) bar.value = total ? done / total : 1;
    numbers.set({ "Cut into chunks": bytes(done), Speed: speed.of(done) });
  };
  const packed = store ? undefined : await temporary(`${name}.tar`);
  const pool = await Pool.start();
  speed = new Speed();
  try {
    const target = packed ? tarTarget(await packed.createWritable()) : httpTarget(store, sendOptions(values.get("token").trim()));
    const options = { target, name, worker: pool, signal, onProgress };
    const made = tree ? await makeArchive(tree, options) : await makeImage(file, options);
    bar.remove();
    const told = { Digest: made.digest, Size: bytes(made.size), Chunks: `${made.chunks}, of them ${made.stored} different`, Packed: bytes(made.packed) };
    const panel = element("div", { class: "panel", role: "status", id: "made" }, element("h3", {}, name), facts(told));
    results.append(panel);
    panel.append(...(packed ? await toSave(packed, name) : sent(store, name, tree)));
  } finally {
    pool.close();
  }
}

function sendOptions(token) {
  return token ? { headers: { Authorization: `Bearer ${token}` } } : {};
}

async function toSave(packed, name) {
  const save = saveLink(await packed.getFile(), `${name}.tar`, { id: "save" });
  return [element("div", { class: "row" }, save), element("p", { class: "note" }, `Unpack it where casync, or this page, is to find it: ${name}, and default.castr beside it.`)];
}

function sent(store, name, tree) {
  const index = new URL(`../${encodeURIComponent(name)}`, `${store.replace(/\/+$/, "")}/`).href;
  return [element("p", {}, `Sent to ${store}. `, elsewhere(tree ? "browse" : "download", tree ? "Browse it there" : "Download it from there", index), ".")];
}

/** A file of this page, in place of an older one. */
async function temporary(name) {
  const root = await navigator.storage.getDirectory();
  return root.getFileHandle(name, { create: true });
}

/** Something to try it with. */
function exampleFolder() {
  const text = (length, line) => new File([Array.from({ length }, (_, number) => `${number} ${line}\n`).join("")], "", { lastModified: 0 });
  const files = [
    { path: "notes/monday.txt", file: text(20_000, "Chunks that are equal are stored once.") },
    { path: "notes/tuesday.txt", file: text(20_000, "Chunks that are equal are stored once.") },
    { path: "hello.txt", file: text(1, "Hello!") },
  ];
  return { name: "example", files };
}
