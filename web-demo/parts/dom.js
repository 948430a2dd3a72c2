// Making elements and telling people what happens.

/** An element with properties and children. `on…` are listeners, `aria-…`, `role` and `data-…` attributes. */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "class") made.className = value;
    else if (key in made && !/^(aria-|data-|role|form|list)/.test(key)) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child !== undefined));
  return made;
}

/** A form: fields by name, a line of buttons, and what is to be done with the values. `submit` is disabled meanwhile. */
export function form({ label, fields, buttons = [], submit }) {
  const go = element("button", { class: "main", type: "submit" }, label);
  const made = element("form", {}, fields, element("div", { class: "row" }, go, buttons));
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

/** A labelled field. */
export function field(label, name, { note, ...properties } = {}) {
  const id = `${name}-${Math.random().toString(36).slice(2)}`;
  const input = element("input", { id, name, type: "text", ...properties });
  return element("div", {}, element("label", { htmlFor: id }, label, note ? element("small", {}, ` ${note}`) : ""), input);
}

/** A labelled field for files, onto which they can also be dropped. */
export function fileField(label, name, properties = {}) {
  const place = field(label, name, { type: "file", ...properties });
  place.className = "drop";
  const input = place.querySelector("input");
  place.addEventListener("dragover", (event) => {
    event.preventDefault();
    place.classList.add("over");
  });
  place.addEventListener("dragleave", () => place.classList.remove("over"));
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    place.classList.remove("over");
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
  return place;
}

/** Names and values, as a list. */
export function facts(pairs) {
  return element("dl", { class: "facts" }, Object.entries(pairs).flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, String(value))]));
}

/** Says what went wrong, where people and screen readers find it. */
export function showError(place, error) {
  place.querySelector(".error")?.remove();
  const code = error.code ? [element("code", {}, error.code), " — "] : [];
  place.append(element("div", { class: "error", role: "alert" }, code, error.message ?? String(error)));
}

/** Runs what may fail; false if it did, which the place then says. */
export async function attempt(place, work) {
  place.querySelector(".error")?.remove();
  try {
    await work();
    return true;
  } catch (error) {
    if (error.code !== "aborted") showError(place, error);
    return false;
  }
}
