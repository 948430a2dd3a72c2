// Making elements.

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

/** A button that does something else than sending a form. */
export function button(text, onclick, properties = {}) {
  return element("button", { type: "button", onclick, ...properties }, text);
}

/** What stands at the top of a view. */
export function heading(title, lead) {
  return element("div", { class: "lead" }, element("h2", {}, title), element("p", { class: "note" }, lead));
}

/** Names and values, as a list. */
export function facts(pairs) {
  return element("dl", { class: "facts" }, Object.entries(pairs).flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, String(value))]));
}

/** A table with a line of headings; no more than `most` rows. */
export function table(head, rows, most = 200) {
  const cells = (name, values, properties) => element("tr", {}, values.map((value) => element(name, properties, String(value))));
  const shown = rows.slice(0, most).map((row) => cells("td", row));
  const rest = rows.length > most ? [element("p", { class: "note" }, `and ${rows.length - most} more`)] : [];
  const made = element("table", {}, element("thead", {}, cells("th", head, { scope: "col" })), element("tbody", {}, shown));
  return element("div", { class: "panel wide", tabIndex: 0, role: "region", "aria-label": "What differs" }, made, rest);
}

/** A few large numbers side by side: `set({ name: value })` changes them. */
export class Numbers {
  #places = {};

  constructor(names) {
    const item = (name) => {
      this.#places[name] = element("dd", {}, "–");
      return element("div", {}, element("dt", {}, name), this.#places[name]);
    };
    this.element = element("dl", { class: "numbers" }, names.map(item));
  }

  set(values) {
    for (const [name, value] of Object.entries(values)) {
      const place = this.#places[name];
      if (place.textContent !== value) place.textContent = value;
    }
  }
}

/** Lets people save a file under a name. */
export function saveLink(file, name, properties = {}) {
  const url = URL.createObjectURL(file);
  return element("a", { class: "button main", href: url, download: name, ...properties }, `Save ${name}`);
}
