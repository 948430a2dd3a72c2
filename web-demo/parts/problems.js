// Telling people what went wrong: what it means, what they can do, and what was being done.

import { element } from "./dom.js";

const DAMAGED = ["What came is damaged", "It is not what the index says, so nothing of it was shown or written. Another store may have it undamaged."];

/** What a code means, and what to try. */
const MEANINGS = {
  missing: ["The server does not have it", "Check the address, and that the store lies where the page looks for it: default.castr beside the index, if no other is named."],
  network: ["The server cannot be reached", "Check the address and whether the server is up. A server of another origin must let this page in (CORS), as casync serve --cors-origin=* does."],
  timeout: ["The server stopped answering", "Nothing came for a while, several times. Try again later: what is here already stays."],
  http: ["The server refused", "The status says why: 401 and 403 want a token or another one, 5xx is trouble of the server itself."],
  range: ["The server does not send ranges", "A .catar can be browsed only where the server sends parts of files. A .caidx can be browsed from anywhere."],
  format: DAMAGED,
  truncated: DAMAGED,
  mismatch: DAMAGED,
  codec: DAMAGED,
  number: DAMAGED,
  limit: ["It wants more than an honest one would", "What came announces more than this page is willing to take. Nothing of it was shown or written."],
  unsupported: ["This is beyond what the page can read", "It may have been made by a newer program."],
  quota: ["This browser gives the page no more room", "What is here stays. Make room (remove earlier downloads, or other pages' data) and go on, or write straight to a file on disk."],
  changed: ["It changed meanwhile", "The file is not what it was when reading began. Begin anew."],
  busy: ["Another tab is at it", "The same image is being downloaded in another tab of this browser. Close that one, or wait for it."],
  usage: ["Something is missing here", ""],
  notfound: ["There is no such thing in the archive", ""],
};

/** The code of an error. What browsers throw have numbers for codes, and names that mean something. */
function codeOf({ code, name }) {
  if (typeof code === "string") return code;
  return name === "QuotaExceededError" ? "quota" : (name ?? "error");
}

/** Says what went wrong, where people and screen readers find it. */
export function showError(place, error) {
  place.querySelector(".error")?.remove();
  const code = codeOf(error);
  const [title, advice] = MEANINGS[code] ?? ["That did not work", ""];
  const text = error.message ?? String(error);
  const told = code === "usage" ? [text] : [advice];
  const details = code === "usage" ? [] : [element("p", { class: "note" }, element("code", {}, code), ` ${text}`)];
  place.append(element("div", { class: "error", role: "alert" }, element("strong", {}, title), element("p", {}, told), details));
}

/** Somebody forgot something. */
export function usage(message) {
  return Object.assign(new Error(message), { code: "usage" });
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
