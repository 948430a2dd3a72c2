// Mounts an archive: the service worker serves what is in it as if it were unpacked here.

import { button, element, heading } from "../parts/dom.js";
import { form } from "../parts/forms.js";
import { attempt, showError } from "../parts/problems.js";
import { remember, remote, remoteFields } from "../parts/remote.js";

export const title = "Mount";

export async function show(place, { parameters }) {
  const results = element("div");
  const mounted = element("div");
  const asked = form({
    label: "Mount",
    fields: remoteFields(parameters, { label: "Archive", sample: "archive", kinds: ".caidx with a web site, or with anything" }),
    isShort: true,
    submit: (values) =>
      attempt(results, async () => {
        results.replaceChildren();
        const [index, { stores }] = remote(values);
        const { url } = await tell({ mount: { index, stores } });
        results.replaceChildren(element("iframe", { src: url, title: "The mounted archive" }));
        remember("mount", values);
        await update();
      }),
  });
  const update = () => showMounts(mounted, results);
  const lead = "A service worker serves an archive as if it were unpacked here; only what is asked for is fetched. Its pages run as part of this one: mount what you trust.";
  place.append(heading("Mount an archive as a web site", lead), asked);
  if (!("serviceWorker" in navigator)) {
    return showError(place, Object.assign(new Error("This browser has no service workers here: they take https, or localhost."), { code: "usage" }));
  }
  place.append(mounted, results);
  await attempt(mounted, update);
}

/** Asks the service worker to do something. */
async function tell(message) {
  const { active } = await navigator.serviceWorker.ready;
  const answer = await new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => resolve(data);
    active.postMessage(message, [port2]);
  });
  if (answer.error) throw Object.assign(new Error(answer.error.message), answer.error);
  return answer;
}

/** What is mounted; it stays so until it is unmounted. */
async function showMounts(place, results) {
  const { mounts } = await tell({ list: true });
  if (!mounts.length) return place.replaceChildren();
  const line = ({ url, index }) => {
    const unmount = async () => {
      await tell({ unmount: url });
      results.replaceChildren();
      await showMounts(place, results);
    };
    const link = element("a", { href: url, target: "_blank", rel: "noopener", class: "mounted" }, new URL(url).pathname);
    return element("li", {}, element("span", {}, link, ` ${index}`), button("Unmount", () => attempt(place, unmount), { "aria-label": `Unmount ${index}` }));
  };
  place.replaceChildren(element("section", { class: "panel", "aria-label": "Mounted" }, element("h3", {}, "Mounted"), element("ul", { class: "mounts" }, mounts.map(line))));
}
