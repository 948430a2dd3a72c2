// Browses a remote archive as a tree; a file is shown or saved without the rest of the archive.

import { open } from "../casync-wasm/index.js";
import { contentType } from "../casync-wasm/content-types.js";
import { attempt, element, facts, form } from "../parts/dom.js";
import { bytes, mode, time } from "../parts/format.js";
import { fillSample, remote, remoteFields } from "../parts/remote.js";

export const title = "Browse";

/** Bytes of a text that are shown. */
const TEXT_MAX = 64 << 10;
/** Largest picture that is shown. */
const PICTURE_MAX = 16 << 20;

export async function show(place, { signal, parameters }) {
  const results = element("div");
  let archive;
  const asked = form({
    label: "Browse",
    fields: remoteFields(parameters, { label: "Archive", sample: "site.caidx", kinds: ".caidx or .catar" }),
    buttons: [element("button", { type: "button", onclick: () => fillSample(asked, "site.caidx") }, "Sample")],
    submit: (values) =>
      attempt(results, async () => {
        archive?.close();
        const [index, options] = remote(values);
        const trustless = index.split(/[?;]/)[0].endsWith(".catar") ? { kind: "catar" } : { kind: "caidx" };
        archive = await open(index, { ...options, ...trustless, signal });
        results.replaceChildren(await browser(archive, signal));
        results.querySelector("[role=treeitem]")?.focus();
      }),
  });
  signal.addEventListener("abort", () => archive?.close());
  place.append(element("h2", {}, "Browse an archive"), element("p", { class: "note" }, "Only what you look at is fetched, and verified."), asked, results);
}

async function browser(archive, signal) {
  const details = element("section", { class: "panel", "aria-label": "Details", "aria-live": "polite" }, element("p", { class: "note" }, "Choose something."));
  const root = element("ul", { role: "tree", "aria-label": "Archive", class: "panel" });
  const context = { archive, signal, details, root };
  const top = await archive.stat("");
  root.append(item(context, top, "", "/"));
  root.addEventListener("keydown", (event) => move(context, event));
  const first = root.firstChild;
  first.tabIndex = 0;
  await toggle(context, first, true);
  return element("div", { class: "columns" }, root, details);
}

/** One line of the tree. */
function item(context, node, path, name) {
  const isDirectory = node.type === "directory";
  const size = node.type === "file" ? bytes(node.size) : node.type === "symlink" ? `→ ${node.target}` : "";
  const line = element("span", {}, name, element("span", { class: "size" }, size));
  const made = element("li", { role: "treeitem", tabIndex: -1, "aria-selected": "false", ...(isDirectory && { "aria-expanded": "false" }) }, line);
  Object.assign(made, { node, path });
  line.addEventListener("click", async () => {
    select(context, made);
    if (isDirectory) await toggle(context, made);
  });
  return made;
}

async function toggle(context, line, wanted = line.getAttribute("aria-expanded") === "false") {
  const { archive, signal, details } = context;
  await attempt(details, async () => {
    if (wanted && !line.querySelector("ul")) {
      const entries = await archive.list(line.node, { signal });
      const below = (node) => item(context, node, line.path ? `${line.path}/${node.name}` : node.name, node.name);
      line.append(element("ul", { role: "group" }, entries.map(below)));
    }
    line.setAttribute("aria-expanded", String(wanted));
    const group = line.querySelector("ul");
    if (group) group.hidden = !wanted;
  });
}

function select(context, line) {
  for (const other of context.root.querySelectorAll("[aria-selected=true]")) {
    other.setAttribute("aria-selected", "false");
    other.tabIndex = -1;
  }
  line.setAttribute("aria-selected", "true");
  line.tabIndex = 0;
  line.focus();
  attempt(context.details, () => describe(context, line));
}

/** Keys of trees: up and down, left and right, first and last. */
async function move(context, event) {
  const line = event.target.closest("[role=treeitem]");
  const lines = [...context.root.querySelectorAll("[role=treeitem]")].filter((other) => !other.parentElement.closest("ul[hidden]"));
  const at = lines.indexOf(line);
  const expanded = line.getAttribute("aria-expanded");
  const keys = {
    ArrowDown: () => lines[at + 1]?.focus(),
    ArrowUp: () => lines[at - 1]?.focus(),
    Home: () => lines[0].focus(),
    End: () => lines.at(-1).focus(),
    ArrowRight: async () => (expanded === "false" ? toggle(context, line, true) : line.querySelector("[role=treeitem]")?.focus()),
    ArrowLeft: async () => (expanded === "true" ? toggle(context, line, false) : line.parentElement.closest("[role=treeitem]")?.focus()),
    Enter: () => line.firstChild.click(),
    " ": () => line.firstChild.click(),
  };
  if (!keys[event.key]) return;
  event.preventDefault();
  await keys[event.key]();
}

/** What there is to know of a node, and a look at it. */
async function describe(context, { node, path }) {
  const { archive, signal, details } = context;
  const name = node.name ?? "/";
  const shown = { Path: `/${path}`, Mode: mode(node), Owner: `${node.uid ?? 0}:${node.gid ?? 0}`, Modified: time(node.mtimeSeconds) };
  if (node.type === "file") shown.Size = `${node.size} bytes`;
  if (node.type === "symlink") shown.Target = node.target;
  details.replaceChildren(element("h3", {}, name), facts(shown));
  if (node.type !== "file") return;
  const save = element("button", { type: "button", class: "main", onclick: () => attempt(details, () => saveFile(archive, node, signal)) }, `Download ${name}`);
  details.append(element("div", { class: "row" }, save));
  const type = contentType(name).split(";")[0];
  if (type.startsWith("image/") && node.size <= PICTURE_MAX) {
    const blob = await new Response(await archive.file(node, { signal }), { headers: { "Content-Type": type } }).blob();
    const url = URL.createObjectURL(blob);
    details.append(element("img", { class: "preview", src: url, alt: `Preview of ${name}`, onload: () => URL.revokeObjectURL(url) }));
    return;
  }
  const start = new Uint8Array(await new Response(await archive.range(node, 0, TEXT_MAX, { signal })).arrayBuffer());
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(start.length < node.size ? start.subarray(0, start.lastIndexOf(10) + 1) : start);
  } catch {
    details.append(element("p", { class: "note" }, "No text."));
    return;
  }
  details.append(element("pre", { tabIndex: 0, "aria-label": `Contents of ${name}` }, text));
  if (start.length < node.size) details.append(element("p", { class: "note" }, `The first ${bytes(start.length)}.`));
}

async function saveFile(archive, node, signal) {
  const blob = await new Response(await archive.file(node, { signal })).blob();
  const url = URL.createObjectURL(blob);
  element("a", { href: url, download: node.name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
