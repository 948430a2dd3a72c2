// Forms and their fields, onto which files and folders can also be dropped.

import { element } from "./dom.js";

/**
 * A form: fields, a line of buttons, and what is to be done with the values. `submit` is disabled meanwhile. `isShort`: one field, with
 * the button beside it.
 */
export function form({ label, fields, buttons = [], isShort = false, submit }) {
  const go = element("button", { class: "main", type: "submit" }, label);
  const made = element("form", { class: isShort ? "short" : "" }, fields, element("div", { class: "row" }, go, buttons));
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    try {
      await submit(new FormData(made));
    } finally {
      go.disabled = false;
    }
  });
  return made;
}

let fields = 0;

/** A labelled field. */
export function field(label, name, { note, ...properties } = {}) {
  fields += 1;
  const id = `${name}-${fields}`;
  const input = element("input", { id, name, type: "text", ...properties });
  return element("div", { class: "field" }, element("label", { htmlFor: id }, label, note ? element("small", {}, ` ${note}`) : ""), input);
}

/** Fields that few need. */
export function more(summary, isOpen, ...children) {
  return element("details", { open: isOpen }, element("summary", {}, summary), children);
}

/** A labelled choice: `options` are values and their texts. */
export function choice(label, name, options, chosen) {
  const select = element("select", { id: name, name }, Object.entries(options).map(([value, text]) => element("option", { value, selected: value === chosen }, text)));
  return element("div", { class: "field" }, element("label", { htmlFor: name }, label), select);
}

/** A labelled field for a file, onto which it can also be dropped. */
export function fileField(label, name, properties = {}) {
  const place = field(label, name, { type: "file", ...properties });
  const input = place.querySelector("input");
  droppable(place, (transfer) => putFiles(input, transfer.files));
  return place;
}

/** Puts files into a field as if somebody had chosen them. */
export function putFiles(input, files) {
  const transfer = new DataTransfer();
  for (const file of files) transfer.items.add(file);
  input.files = transfer.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

/** Lets something be dropped onto a place. */
export function droppable(place, take) {
  place.classList.add("drop");
  place.addEventListener("dragover", (event) => {
    event.preventDefault();
    place.classList.add("over");
  });
  place.addEventListener("dragleave", () => place.classList.remove("over"));
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    place.classList.remove("over");
    take(event.dataTransfer);
  });
}
