// Work that takes a while: how far it is, and a way to end it.

import { button, element } from "./dom.js";

/**
 * Runs `work({ signal, onProgress })` with a bar and a button that cancels it in a place, which `work` may add to; both are gone when it
 * is over. Returns what it returns; nothing if it was cancelled.
 */
export async function working(place, outer, work) {
  const cancel = new AbortController();
  const end = () => cancel.abort();
  outer.addEventListener("abort", end);
  const bar = element("progress", { max: 1, "aria-label": "Progress" });
  const controls = element("div", { class: "row" }, button("Cancel", end));
  place.replaceChildren(bar, controls);
  // How much there is to do may not be known.
  const onProgress = ({ done, total }) => {
    if (Number.isFinite(total)) bar.value = total ? done / total : 1;
  };
  try {
    return await work({ signal: cancel.signal, onProgress });
  } catch (error) {
    if (!cancel.signal.aborted) throw error;
    place.replaceChildren(element("p", { role: "status" }, "Cancelled."));
    return undefined;
  } finally {
    outer.removeEventListener("abort", end);
    bar.remove();
    controls.remove();
  }
}
