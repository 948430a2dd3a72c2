// An archive as a tree that is moved through with keys or mouse. What is below a directory is asked for when it is opened.

import { element } from "./dom.js";
import { bytes } from "./format.js";
import { attempt } from "./problems.js";

/** Entries of a directory that are shown at once. */
const SHOWN = 500;

/** `list(node)` tells a directory's entries; `choose(node, path)` is called for what is chosen. Problems appear in `place`. */
export class TreeView {
  constructor({ top, list, choose, place }) {
    Object.assign(this, { list, choose, place });
    this.element = element("ul", { role: "tree", "aria-label": "What is in the archive", class: "panel" });
    this.root = this.#item(top, "", "/");
    this.root.tabIndex = 0;
    this.element.append(this.root);
    this.element.addEventListener("keydown", (event) => this.#move(event));
  }

  /** Opens or closes a directory. */
  async toggle(line, wanted = line.getAttribute("aria-expanded") === "false") {
    await attempt(this.place, async () => {
      if (wanted && !line.querySelector("ul")) {
        const group = element("ul", { role: "group" });
        this.#fill(group, line.path, await this.list(line.node));
        line.append(group);
      }
      line.setAttribute("aria-expanded", String(wanted));
      const group = line.querySelector("ul");
      if (group) group.hidden = !wanted;
    });
  }

  /** Chooses a line. */
  async select(line, { focus = true } = {}) {
    for (const other of this.element.querySelectorAll("[role=treeitem][tabindex='0']")) {
      other.setAttribute("aria-selected", "false");
      other.tabIndex = -1;
    }
    line.setAttribute("aria-selected", "true");
    line.tabIndex = 0;
    if (focus) line.focus();
    await attempt(this.place, () => this.choose(line.node, line.path));
  }

  #fill(group, path, entries) {
    for (const node of entries.slice(0, SHOWN)) group.append(this.#item(node, path ? `${path}/${node.name}` : node.name, node.name));
    const rest = entries.slice(SHOWN);
    if (!rest.length) return;
    const more = element("li", { role: "treeitem", tabIndex: -1, "aria-selected": "false" }, element("span", {}, `${rest.length} more…`));
    more.firstChild.addEventListener("click", () => {
      const before = more.previousSibling;
      more.remove();
      this.#fill(group, path, rest);
      before.nextSibling?.focus();
    });
    group.append(more);
  }

  /** One line. */
  #item(node, path, name) {
    const isDirectory = node.type === "directory";
    const size = node.type === "file" ? bytes(node.size) : node.type === "symlink" ? `→ ${node.target}` : "";
    const line = element("span", {}, element("span", { class: "name" }, name), element("span", { class: "size" }, size));
    const made = element("li", { role: "treeitem", tabIndex: -1, "aria-selected": "false", ...(isDirectory && { "aria-expanded": "false" }) }, line);
    Object.assign(made, { node, path });
    line.addEventListener("click", async () => {
      this.select(made);
      if (isDirectory) await this.toggle(made);
    });
    return made;
  }

  /** Keys of trees: up and down, in and out, first and last, and the first letters of names. */
  async #move(event) {
    const line = event.target.closest("[role=treeitem]");
    if (!line || event.ctrlKey || event.metaKey || event.altKey) return;
    const lines = [...this.element.querySelectorAll("[role=treeitem]")].filter((other) => !other.parentElement.closest("ul[hidden]"));
    const at = lines.indexOf(line);
    const expanded = line.getAttribute("aria-expanded");
    const keys = {
      ArrowDown: () => lines[at + 1]?.focus(),
      ArrowUp: () => lines[at - 1]?.focus(),
      Home: () => lines[0].focus(),
      End: () => lines.at(-1).focus(),
      ArrowRight: async () => (expanded === "false" ? this.toggle(line, true) : line.querySelector("[role=treeitem]")?.focus()),
      ArrowLeft: async () => (expanded === "true" ? this.toggle(line, false) : line.parentElement.closest("[role=treeitem]")?.focus()),
      Enter: () => line.firstChild.click(),
      " ": () => line.firstChild.click(),
    };
    const letter = event.key.length === 1 && event.key.toLowerCase();
    const named = letter && [...lines.slice(at + 1), ...lines.slice(0, at)].find((other) => other.node?.name?.toLowerCase().startsWith(letter));
    const act = keys[event.key] ?? (named && (() => named.focus()));
    if (!act) return;
    event.preventDefault();
    await act();
  }
}
