// Comparing what is on this side with a remote index.

import { check, explain } from "./errors.js";
import { toSource } from "./sources.js";

/** How many wrong places are told one by one. */
const TOLD = 1000;

/**
 * Compares a file with an image, chunk by chunk; nothing is fetched. Returns `{ ok, size, chunks, wrong, places }`: `wrong`
 * chunks and bytes, `places` the first of them.
 */
export async function verifyImage(image, file, { signal, onProgress, onChunk } = {}) {
  const { index, chunks } = image;
  const source = toSource(file);
  const wrong = { chunks: 0, bytes: 0 };
  const places = [];
  const waiting = [];
  const settle = async () => {
    const { chunk, id } = waiting.shift();
    const ok = (await id) === chunk.id;
    if (!ok) {
      wrong.chunks += 1;
      wrong.bytes += chunk.size;
      if (places.length < TOLD) places.push(chunk);
    }
    onChunk?.(chunk, ok ? "have" : "wrong");
    onProgress?.({ done: chunk.start + chunk.size, total: index.size });
  };
  try {
    for (let number = 0; number < index.length; number += 1) {
      check(signal);
      const chunk = index.chunk(number);
      const bytes = await source.read(chunk.start, chunk.size);
      const id = bytes.length === chunk.size ? chunks.worker.digest(bytes, index.algorithm) : undefined;
      id?.catch?.(() => {});
      waiting.push({ chunk, id });
      if (waiting.length > chunks.worker.width) await settle();
    }
    while (waiting.length) await settle();
  } catch (error) {
    throw explain(error, "verifying a file");
  }
  const ok = wrong.chunks === 0 && source.size === index.size;
  return { ok, size: { expected: index.size, actual: source.size }, chunks: index.length, wrong, places };
}

/**
 * Compares a directory with an archive: which members are missing, of another type or size, or have other contents, and what
 * the archive does not have. Chunks that hold nothing but a file's contents are compared by their ids and not fetched.
 *
 * `directory` is a FileSystemDirectoryHandle. What browsers do not tell (owners, permissions, links) is not compared.
 */
export async function verifyTree(archive, directory, { signal, onProgress } = {}) {
  const differences = [];
  const note = (path, what) => differences.length < TOLD && differences.push({ path, what });
  const trail = [{ handle: directory, names: await namesOf(directory), path: "" }];
  const result = { ok: true, files: 0, directories: 0, notCompared: 0, differences };
  for await (const { path, node, depth } of archive.walk({ signal })) {
    if (depth === 0) continue;
    while (trail.length > depth) leave(trail.pop(), note);
    const parent = trail[depth - 1];
    parent.names?.delete(node.name);
    if (node.type === "directory") {
      result.directories += 1;
      const handle = await parent.handle?.getDirectoryHandle(node.name).catch(() => undefined);
      if (parent.handle && !handle) note(path, "missing");
      trail.push({ handle, names: handle && (await namesOf(handle)), path });
    } else if (node.type === "file") {
      result.files += 1;
      const file = await (await parent.handle?.getFileHandle(node.name).catch(() => undefined))?.getFile();
      if (!file) {
        if (parent.handle) note(path, "missing");
      } else if (file.size !== node.size) note(path, "size");
      else if (!(await sameContents(archive, node, toSource(file), signal))) note(path, "contents");
    } else result.notCompared += 1;
    onProgress?.({ path, files: result.files, done: node.content + (node.size ?? 0), total: archive.size });
  }
  while (trail.length) leave(trail.pop(), note);
  result.ok = differences.length === 0;
  return result;
}

async function namesOf(directory) {
  const names = new Set();
  for await (const name of directory.keys()) names.add(name);
  return names;
}

function leave({ names, path }, note) {
  for (const name of names ?? []) note(path ? `${path}/${name}` : name, "not in the archive");
}

/** Whether a file has a node's contents. */
async function sameContents(archive, node, source, signal) {
  const { chunks, content } = archive;
  const end = node.content + node.size;
  for (let at = node.content; at < end; ) {
    check(signal);
    const chunk = chunks?.index.at(at);
    if (chunk && chunk.start === at && at + chunk.size <= end) {
      const bytes = await source.read(at - node.content, chunk.size);
      if ((await chunks.worker.digest(bytes, chunks.index.algorithm)) !== chunk.id) return false;
      at += chunk.size;
      continue;
    }
    const until = Math.min(end, chunk ? chunk.start + chunk.size : at + (64 << 10));
    const { start, bytes } = await content.read(at, until, { signal });
    const ours = await source.read(at - node.content, until - at);
    for (let offset = 0; offset < until - at; offset += 1) {
      if (ours[offset] !== bytes[at - start + offset]) return false;
    }
    at = until;
  }
  return true;
}
