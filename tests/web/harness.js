// What every script of these tests begins with.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

export { assert };

/** A module of the package under test. */
export const load = (name) => import(pathToFileURL(join(process.env.CASYNC_PACKAGE, name)).href);

/** Where nginx serves the fixture, and where it lies. */
export const base = process.env.CASYNC_BASE;
export const data = (name) => readFileSync(join(process.env.CASYNC_DATA, name));

export const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** The digest that casync uses unless told otherwise. */
export const sha512 = (bytes) => createHash("sha512-256").update(bytes).digest("hex");

/** All of a stream. */
export const bytes = async (stream) => new Uint8Array(await new Response(stream).arrayBuffer());

export const text = async (stream) => new TextDecoder().decode(await bytes(stream));

/** A `fetch` that counts and remembers; `change(url, response)` may answer otherwise. */
export function counting(change) {
  const urls = [];
  const counted = async (url, init) => {
    urls.push(String(url));
    return (await change?.(String(url), init)) ?? fetch(url, init);
  };
  return Object.assign(counted, { urls });
}

/** Waits for an error and checks its code. */
export async function fails(code, promise, about = "") {
  const error = await Promise.resolve(promise).then(
    () => assert.fail(`${about} should fail with ${code}`),
    (error) => error,
  );
  assert.ok(error instanceof Error, `${about}: ${error}`);
  assert.equal(error.code, code, `${about}: ${error.stack}`);
  return error;
}

/** A server on a free port; `close` ends it with all its connections. */
export async function serve(answer) {
  const server = createServer(answer);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${server.address().port}/`;
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { address, close };
}

/** Seeded numbers. */
export function random(seed) {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0);
}
