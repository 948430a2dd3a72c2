// Addresses of indexes and stores, as the forms of all views ask for them; and the samples beside the page.

import { element } from "./dom.js";
import { field, more } from "./forms.js";

/** Where the page is, without what is behind the #. */
const HOME = new URL("./", location.href.split("#")[0]);

/**
 * What whoever hosts the page lets visitors begin with: addresses of an `archive`, an `image` and its `file`, and of an earlier
 * `oldImage` and `oldFile`. Nothing of it has to be there.
 */
export const samples = await fetch(new URL("samples.json", HOME))
  .then((response) => response.json())
  .then((named) => Object.fromEntries(Object.entries(named).map(([name, address]) => [name, new URL(address, HOME).href])))
  .catch(() => ({}));

/** A file of the samples, as if it had been chosen from this computer. */
export async function sampleFile(name) {
  const response = await fetch(samples[name]);
  if (!response.ok) throw Object.assign(new Error(`${samples[name]}: status ${response.status}`), { code: "missing" });
  return new File([await response.blob()], new URL(samples[name]).pathname.split("/").pop());
}

/** Fields for an index and a store, filled with what the page's address says, or else with the sample. */
export function remoteFields(parameters, { label, sample, kinds }) {
  const index = parameters.get("index") ?? samples[sample] ?? "";
  const store = parameters.get("store") ?? "";
  return [
    field(label, "index", { type: "url", required: true, value: index, placeholder: "https://example.org/name.caidx", note: kinds }),
    more("Chunks are elsewhere?", store !== "", field("Store", "store", { type: "url", value: store, note: "by default default.castr beside the index", placeholder: "https://example.org/default.castr" })),
  ];
}

/** What `open` is called with for the values of such a form. */
export function remote(values) {
  const index = values.get("index").trim();
  const store = values.get("store").trim();
  return [index, store ? { stores: [store] } : {}];
}

/** Lets the page's address name what is looked at: it can be sent to somebody, and survives a reload. */
export function remember(view, values) {
  const parameters = new URLSearchParams();
  for (const name of ["index", "store"]) {
    const value = values.get(name).trim();
    if (value) parameters.set(name, value);
  }
  history.replaceState(null, "", `#${view}?${parameters}`);
}

/** A note with a link to another view for the same index. */
export function elsewhere(view, text, index) {
  return element("a", { href: `#${view}?${new URLSearchParams({ index })}` }, text);
}
