// Mounts an archive: the service worker serves what is in it as if it were unpacked here.

import { attempt, element, form } from "../parts/dom.js";
import { fillSample, remote, remoteFields } from "../parts/remote.js";

export const title = "Mount";

export async function show(place, { parameters }) {
  const results = element("div");
  const asked = form({
    label: "Mount",
    fields: remoteFields(parameters, { label: "Archive", sample: "site.caidx", kinds: ".caidx with a web site, or with anything" }),
    buttons: [element("button", { type: "button", onclick: () => fillSample(asked, "site.caidx") }, "Sample")],
    submit: (values) => attempt(results, () => mount(values, results)),
  });
  const note = "Pages of a mounted archive run as part of this one: mount what you trust.";
  place.append(element("h2", {}, "Mount a web site"), element("p", { class: "note" }, note), asked, results);
  if (!("serviceWorker" in navigator)) throw Object.assign(new Error("this browser has no service workers here; they take https or localhost"), { code: "unsupported" });
}

async function mount(values, results) {
  const [index, { stores }] = remote(values);
  const { active } = await navigator.serviceWorker.ready;
  const answer = await new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => resolve(data);
    active.postMessage({ mount: { index, stores } }, [port2]);
  });
  if (answer.error) throw answer.error;
  const frame = element("iframe", { src: answer.url, title: "The mounted archive" });
  const link = element("a", { href: answer.url, target: "_blank", rel: "noopener", id: "mounted" }, answer.url);
  results.replaceChildren(element("p", { role: "status" }, "Mounted at ", link), frame);
}
