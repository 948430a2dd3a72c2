// Addresses of indexes and stores, as the forms of all views ask for them.

import { field } from "./dom.js";

/** Fields for an index and a store. `sample`: what is beside this page if somebody has put it there. */
export function remoteFields(parameters, { label, sample, kinds }) {
  const index = parameters.get("index") ?? "";
  return [
    field(label, "index", { type: "url", required: true, value: index, placeholder: `https://example.org/${sample}`, note: kinds }),
    field("Store", "store", { type: "url", value: parameters.get("store") ?? "", note: "by default default.castr beside it" }),
  ];
}

/** A button that fills in the sample. */
export function fillSample(form, sample) {
  form.elements.index.value = new URL(`sample/${sample}`, location.href.split("#")[0]).href;
  form.elements.store.value = "";
}

/** What `open` is called with for the values of such a form. */
export function remote(values) {
  const index = values.get("index").trim();
  const store = values.get("store").trim();
  return [index, store ? { stores: [store] } : {}];
}
