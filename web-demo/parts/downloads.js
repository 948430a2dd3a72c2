// What this page keeps of downloads: unfinished ones, with all that it takes to go on, and complete ones until they are saved or removed.

import { keptFile, keptFiles, removeFile } from "./private-file.js";

/** Where unfinished ones are noted, by their names. */
const NOTES = "downloads";
/** What the name of an unfinished file ends with. */
const PART = ".part";
/** Directory of chunks that are kept while a file on disk is written, which appears only when it is complete. */
export const CHUNKS = "download-chunks";

const notes = () => JSON.parse(localStorage.getItem(NOTES) ?? "{}");
const note = (all) => localStorage.setItem(NOTES, JSON.stringify(all));

/** Notes that a download is under way: `about` is what it takes to go on. */
export function begin(name, about) {
  note({ ...notes(), [name]: about });
}

/** The file that a download is written to. */
export function partOf(name) {
  return keptFile(name + PART);
}

/** A download is complete. */
export async function complete(name) {
  const { [name]: about, ...others } = notes();
  if (about?.target === "disk") await removeChunks();
  else {
    await removeFile(name);
    await (await partOf(name)).move(name);
  }
  note(others);
}

/** Gives an unfinished download up. */
export async function discard(name) {
  const { [name]: _, ...others } = notes();
  await removeFile(name + PART);
  if (!Object.values(others).some(({ target }) => target === "disk")) await removeChunks();
  note(others);
}

/** Unfinished ones: their names, what was noted, and how many bytes are here. */
export async function unfinished() {
  const files = await keptFiles();
  const here = (name) => files.find((file) => file.name === name + PART)?.size ?? 0;
  return Object.entries(notes()).map(([name, about]) => ({ name, ...about, here: here(name) }));
}

/** Files that are complete. */
export async function completed() {
  return (await keptFiles()).filter(({ name }) => !name.endsWith(PART));
}

async function removeChunks() {
  const root = await navigator.storage.getDirectory();
  await root.removeEntry(CHUNKS, { recursive: true }).catch(() => {});
}
