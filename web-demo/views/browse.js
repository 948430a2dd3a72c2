// Browses a remote archive as a tree; a file is shown or saved without the rest of the archive.

import { open } from "../casync-wasm/index.js";
import { contentType } from "../casync-wasm/content-types.js";
import { button, element, facts, heading, Numbers } from "../parts/dom.js";
import { form } from "../parts/forms.js";
import { bytes, count, mode, percent, time } from "../parts/format.js";
import { attempt } from "../parts/problems.js";
import { elsewhere, remember, remote, remoteFields } from "../parts/remote.js";
import { TreeView } from "../parts/tree.js";

export const title = "Browse";

/** Bytes of a text that are shown. */
const TEXT_MAX = 64 << 10;
/** Largest picture that is shown. */
const PICTURE_MAX = 16 << 20;
/** What is shown first where there is one. */
const FIRST = /^(readme.*|index\.html)$/i;

export async function show(place, { signal, parameters }) {
  const results = element("div");
  let archive;
  const asked = form({
    label: "Open",
    fields: remoteFields(parameters, { label: "Archive", sample: "archive", kinds: ".caidx or .catar" }),
    isShort: true,
    submit: (values) =>
      attempt(results, async () => {
        archive?.close();
        archive = undefined;
        results.replaceChildren();
        const [index, options] = remote(values);
        const name = index.split(/[?;]/)[0];
        archive = await open(index, { ...options, kind: name.endsWith(".catar") ? "catar" : "caidx", signal });
        results.replaceChildren(...(await browser(archive, signal)));
        remember("browse", values);
      }),
  });
  signal.addEventListener("abort", () => archive?.close());
  place.append(heading("Look into an archive without downloading it", "Only the chunks of what you look at are fetched, and each is verified before you see it."), asked, results);
  // What a visitor sees first.
  if (asked.elements.index.value) asked.requestSubmit();
}

async function browser(archive, signal) {
  const numbers = new Numbers(["Requests", "Received", "Size of the archive", "Not downloaded"]);
  const count = () => {
    const { requests, bytes: received } = archive.traffic;
    numbers.set({
      Requests: String(requests),
      Received: bytes(received),
      "Size of the archive": bytes(archive.size),
      "Not downloaded": percent(Math.max(0, archive.size - received), archive.size),
    });
  };
  const details = element("section", { class: "panel details", "aria-label": "Details", "aria-live": "polite" }, element("p", { class: "note" }, "Choose something."));
  const context = { archive, signal, details };
  const tree = new TreeView({
    top: await archive.stat(""),
    list: (node) => archive.list(node, { signal }).finally(count),
    choose: (node, path) => describe(context, node, path).finally(count),
    place: details,
  });
  await tree.toggle(tree.root, true);
  const first = [...tree.element.querySelectorAll("[role=treeitem]")].find(({ node }) => node?.type === "file" && FIRST.test(node.name));
  if (first) tree.select(first, { focus: false });
  count();
  return [numbers.element, element("div", { class: "columns" }, tree.element, details), element("p", { class: "note" }, also(archive))];
}

/** What else can be done with it. */
function also(archive) {
  if (!archive.index) return ["This is a .catar: there are no chunks, and no digests to verify with."];
  return ["The same archive: ", elsewhere("mount", "mount it as a web site", archive.url), ", or ", elsewhere("verify", "compare a folder with it", archive.url), "."];
}

/** What there is to know of a node, and a look at it. */
async function describe({ archive, signal, details }, node, path) {
  const name = node.name ?? "/";
  const shown = { Path: `/${path}`, Mode: mode(node), Owner: `${node.uid ?? 0}:${node.gid ?? 0}`, Modified: time(node.mtimeSeconds) };
  if (node.type === "file") shown.Size = `${count(node.size, "byte")}`;
  if (node.type === "symlink") shown.Target = node.target;
  const parts = [element("h3", {}, name), facts(shown)];
  details.replaceChildren(...parts);
  if (node.type !== "file") return;
  const save = button(`Download ${name}`, () => attempt(details, () => saveFile(archive, node, signal)), { class: "main" });
  details.append(element("div", { class: "row" }, save));
  const preview = await look(archive, node, signal);
  // Something else may have been chosen meanwhile.
  if (details.contains(parts[0])) details.append(...preview);
}

/** A picture, or the beginning of a text. */
async function look(archive, node, signal) {
  const { name, size } = node;
  const type = contentType(name).split(";")[0];
  if (type.startsWith("image/") && size <= PICTURE_MAX) {
    const blob = await new Response(await archive.file(node, { signal }), { headers: { "Content-Type": type } }).blob();
    const url = URL.createObjectURL(blob);
    return [element("img", { class: "preview", src: url, alt: `Preview of ${name}`, onload: () => URL.revokeObjectURL(url) })];
  }
  const start = new Uint8Array(await new Response(await archive.range(node, 0, TEXT_MAX, { signal })).arrayBuffer());
  const lines = start.length < size ? start.subarray(0, start.lastIndexOf(10) + 1) : start;
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(lines);
  } catch {
    return [element("p", { class: "note" }, "Neither a picture nor a text: there is nothing to show, but it can be downloaded.")];
  }
  const shown = element("pre", { tabIndex: 0, role: "region", "aria-label": `Contents of ${name}` }, text);
  return start.length < size ? [shown, element("p", { class: "note" }, `The first ${bytes(lines.length)}.`)] : [shown];
}

async function saveFile(archive, node, signal) {
  const blob = await new Response(await archive.file(node, { signal })).blob();
  const url = URL.createObjectURL(blob);
  element("a", { href: url, download: node.name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
