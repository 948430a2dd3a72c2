// Checks that a file or directory on this side is what an index says.

import { open, Pool } from "../casync-wasm/index.js";
import { button, element, facts, heading, table } from "../parts/dom.js";
import { FolderField } from "../parts/folder.js";
import { fileField, form, putFiles } from "../parts/forms.js";
import { bytes, count } from "../parts/format.js";
import { ChunkMap } from "../parts/chunk-map.js";
import { attempt, usage } from "../parts/problems.js";
import { remote, remoteFields, sampleFile, samples } from "../parts/remote.js";

export const title = "Verify";

export async function show(place, { signal, parameters }) {
  const results = element("div");
  const folder = new FolderField("or folder", { note: "for a .caidx" });
  const asked = form({
    label: "Verify",
    fields: [
      ...remoteFields(parameters, { label: "Index", sample: "image", kinds: ".caibx for a file, .caidx for a folder" }),
      element("div", { class: "pair" }, fileField("File", "file", { note: "for a .caibx" }), folder.place),
    ],
    buttons: samples.file ? [button("Take the sample", (event) => takeSample(event.target, asked, results, false)), button("Damage the sample", (event) => takeSample(event.target, asked, results, true))] : [],
    submit: (values) => attempt(results, () => verify(values, folder, results, signal)),
  });
  place.append(heading("Verify what you have", "The index is fetched; your file is read here and stays here."), asked, results);
}

/** The sample's file, as it is or with a bit that fell over, as disks and cables do it. */
async function takeSample(pressed, asked, results, isDamaged) {
  pressed.disabled = true;
  await attempt(results, async () => {
    const file = await sampleFile("file");
    const bytes = new Uint8Array(await file.arrayBuffer());
    if (isDamaged) bytes[bytes.length >> 1] ^= 1;
    asked.elements.index.value = samples.image;
    putFiles(asked.elements.file, [new File([bytes], isDamaged ? `damaged-${file.name}` : file.name)]);
    asked.requestSubmit();
  });
  pressed.disabled = false;
}

async function verify(values, folder, results, signal) {
  const [index, options] = remote(values);
  const pool = await Pool.start();
  results.replaceChildren();
  let opened;
  try {
    opened = await open(index, { ...options, worker: pool, signal });
    const bar = element("progress", { max: 1, value: 0, "aria-label": "Progress" });
    const onProgress = ({ done, total }) => (bar.value = total ? done / total : 1);
    const work = { opened, results, bar, onProgress, signal };
    await (opened.kind === "archive" ? verifyFolder(work, folder) : verifyFile(work, values.get("file")));
  } finally {
    pool.close();
    opened?.close();
  }
}

async function verifyFile({ opened, results, bar, onProgress, signal }, file) {
  if (!file?.name) throw usage("Choose the file to compare with the index.");
  const map = new ChunkMap(opened.index.length, { wait: "not yet", store: "right", wrong: "wrong" });
  results.replaceChildren(bar, map.element);
  const found = await opened.verify(file, { signal, onProgress, onChunk: ({ number }, state) => map.set(number, state === "have" ? "store" : state) });
  const { size, wrong } = found;
  bar.replaceWith(verdict(found.ok, file.name, { Size: `${size.actual} of ${count(size.expected, "byte")}`, Chunks: found.chunks, Wrong: `${count(wrong.chunks, "chunk")}, ${bytes(wrong.bytes)}` }));
  if (found.places.length) results.append(table(["Offset", "Bytes", "Chunk that should be there"], found.places.map(({ start, size, id }) => [start, size, id])));
}

async function verifyFolder({ opened, results, bar, onProgress, signal }, folder) {
  const handle = folder.handle();
  if (!handle) throw usage("Choose the folder to compare with the index, or drop it onto the field.");
  results.replaceChildren(bar);
  const found = await opened.verify(handle, { signal, onProgress });
  const { requests } = opened.traffic;
  const told = { Files: found.files, Folders: found.directories, Differences: found.differences.length, "Not compared": `${found.notCompared} links and the like`, Fetched: `${count(requests, "request")}, ${bytes(opened.traffic.bytes)}` };
  results.replaceChildren(verdict(found.ok, `${folder.name}/`, told));
  if (found.differences.length) results.append(table(["Path", "What"], found.differences.map(({ path, what }) => [path, what])));
}

function verdict(ok, name, told) {
  const text = ok ? `✓ ${name} is what the index says.` : `✗ ${name} is not what the index says.`;
  return element("div", { class: "panel verdict", role: "status", "data-ok": String(ok) }, element("h3", {}, text), facts(told));
}
