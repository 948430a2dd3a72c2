// A folder of this computer: chosen, dropped, or made up. Browsers tell of them in three ways; here all of them are one.

import { element } from "./dom.js";
import { droppable, field } from "./forms.js";
import { count } from "./format.js";

/**
 * A field for a folder. `place` is what is shown; `tree()` what `makeArchive` takes, `handle()` what `verify` takes, `name` the folder's
 * name; nothing of these if there is no folder.
 */
export class FolderField {
  #dropped;

  constructor(label, properties) {
    this.place = field(label, "folder", { type: "file", webkitdirectory: true, multiple: true, ...properties });
    this.input = this.place.querySelector("input");
    this.status = element("span", { class: "note", role: "status" });
    this.place.append(this.status);
    droppable(this.place, (transfer) => {
      const entry = transfer.items[0]?.webkitGetAsEntry?.();
      if (entry?.isDirectory) this.put(entry);
      else this.status.textContent = "That is no folder.";
    });
    this.input.addEventListener("change", () => {
      this.#dropped = undefined;
      const { length } = this.input.files;
      this.status.textContent = length ? `${this.name}/, ${count(length, "file")}` : "";
    });
  }

  /** Takes an entry of a drop, or a list of `{ path, file }` with a name. */
  put(tree) {
    this.input.value = "";
    this.#dropped = tree;
    this.status.textContent = `Instead: ${tree.name}/`;
  }

  get name() {
    return this.#dropped?.name ?? this.input.files[0]?.webkitRelativePath.split("/")[0];
  }

  tree() {
    return this.#dropped?.files ?? this.#dropped ?? (this.input.files.length ? [...this.input.files] : undefined);
  }

  handle() {
    if (this.#dropped?.createReader) return new EntryFolder(this.#dropped);
    const files = this.tree();
    return files && new ListFolder(files.map((item) => [item.path ?? item.webkitRelativePath.split("/").slice(1).join("/"), item.file ?? item]));
  }
}

/** What was dropped, with the methods of a FileSystemDirectoryHandle that `verify` calls. */
class EntryFolder {
  constructor(entry) {
    this.entry = entry;
  }

  async getDirectoryHandle(name) {
    return new EntryFolder(await this.#find("getDirectory", name));
  }

  async getFileHandle(name) {
    const entry = await this.#find("getFile", name);
    return { getFile: () => new Promise((resolve, reject) => entry.file(resolve, reject)) };
  }

  async *keys() {
    const reader = this.entry.createReader();
    // It returns some at a time.
    for (;;) {
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!some.length) return;
      for (const { name } of some) yield name;
    }
  }

  #find(method, name) {
    return new Promise((resolve, reject) => this.entry[method](name, {}, resolve, reject));
  }
}

/** The files of a folder, which are all that a file dialog tells: a folder without files looks like one that is not there. */
class ListFolder {
  constructor(files) {
    this.files = new Map();
    this.folders = new Map();
    const below = new Map();
    for (const [path, file] of files) {
      const [name, ...rest] = path.split("/");
      if (!rest.length) this.files.set(name, file);
      else below.set(name, [...(below.get(name) ?? []), [rest.join("/"), file]]);
    }
    for (const [name, some] of below) this.folders.set(name, new ListFolder(some));
  }

  async getDirectoryHandle(name) {
    return this.folders.get(name) ?? new ListFolder([]);
  }

  async getFileHandle(name) {
    const file = this.files.get(name);
    if (!file) throw new DOMException(`there is no ${name}`, "NotFoundError");
    return { getFile: async () => file };
  }

  async *keys() {
    yield* this.files.keys();
    yield* this.folders.keys();
  }
}
