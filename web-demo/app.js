// The page: one view at a time, told by what is behind the # of its address.

import { element } from "./parts/dom.js";
import { showError } from "./parts/problems.js";

const VIEWS = {
  browse: () => import("./views/browse.js"),
  download: () => import("./views/download.js"),
  compare: () => import("./views/compare.js"),
  verify: () => import("./views/verify.js"),
  make: () => import("./views/make.js"),
  mount: () => import("./views/mount.js"),
};

const main = document.querySelector("main");
let leave = () => {};

async function show() {
  const [wanted, query] = location.hash.slice(1).split("?");
  const name = wanted in VIEWS ? wanted : "browse";
  leave();
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const place = element("div", { id: name });
  main.replaceChildren(place);
  // What a view has under way ends when it is left.
  const over = new AbortController();
  leave = () => over.abort();
  try {
    const view = await VIEWS[name]();
    document.title = `${view.title} · casync`;
    await view.show(place, { signal: over.signal, parameters: new URLSearchParams(query) });
  } catch (error) {
    if (!over.signal.aborted) showError(place, error);
  }
}

addEventListener("hashchange", async (event) => {
  if (new URL(event.newURL).hash === "#main") return;
  await show();
  main.focus();
});

const theme = document.querySelector("#theme");
const root = document.documentElement;
root.dataset.theme = localStorage.getItem("theme") ?? "";
theme.addEventListener("click", () => {
  const isDark = getComputedStyle(root).colorScheme === "dark" || (root.dataset.theme === "" && matchMedia("(prefers-color-scheme: dark)").matches);
  root.dataset.theme = isDark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
});

// Keeps the page for times without a network, and serves mounted archives.
if ("serviceWorker" in navigator) {
  navigator.serviceWorker.register("sw.js", { type: "module" }).then(
    () => navigator.serviceWorker.ready.then(() => (document.querySelector("#offline").textContent = "This page also opens without a network.")),
    (error) => console.warn("no service worker:", error),
  );
}

await show();
