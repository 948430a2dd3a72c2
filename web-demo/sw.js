// The service worker: keeps the page's own files for times without a network, and serves mounted archives.

import { serve } from "./casync-wasm/edge.js";
import { SHELL } from "./shell.js";

const KEPT = "casync-demo";
const MOUNTS = "casync-mounts";
const SCOPE = new URL(registration.scope);
const PREFIX = `${SCOPE.pathname}mount/`;

addEventListener("install", (event) => {
  event.waitUntil(caches.open(KEPT).then((cache) => cache.addAll(SHELL.map((file) => new Request(file, { cache: "reload" })))).then(() => skipWaiting()));
});

addEventListener("activate", (event) => event.waitUntil(clients.claim()));

addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (url.origin !== SCOPE.origin) return;
  if (url.pathname.startsWith(PREFIX)) event.respondWith(mounted(event.request, url));
  else if (event.request.method === "GET" && isOwn(url)) event.respondWith(own(event.request));
});

addEventListener("message", (event) => {
  const [port] = event.ports;
  const task = Object.keys(CALLS).find((name) => name in event.data);
  if (!task || !port) return;
  const failed = ({ code = "internal", message }) => port.postMessage({ error: { code, message } });
  event.waitUntil(CALLS[task](event.data[task]).then((answer) => port.postMessage(answer), failed));
});

/** What pages may ask for. */
const CALLS = {
  mount,
  async unmount(url) {
    handlers.delete(nameOf(new URL(url)));
    await (await caches.open(MOUNTS)).delete(url);
    return {};
  },
  async list() {
    const cache = await caches.open(MOUNTS);
    const settings = async ({ url }) => ({ url, ...(await (await cache.match(url)).json()) });
    return { mounts: await Promise.all((await cache.keys()).map(settings)) };
  },
};

const OWN_FILES = new Set(SHELL.map((file) => new URL(file, SCOPE).pathname));

function isOwn(url) {
  return OWN_FILES.has(url.pathname);
}

/** A file of the page: the newest there is, or the one that was kept. */
async function own(request) {
  const cache = await caches.open(KEPT);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(request.url.split("?")[0], response.clone());
    return response;
  } catch (error) {
    const kept = await cache.match(request.url.split("?")[0]);
    if (kept) return kept;
    throw error;
  }
}

/** Handlers of mounts. The worker is ended at will: what they are made of is kept. */
const handlers = new Map();

async function mount({ index, stores }) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify([index, stores])));
  const name = Array.from(new Uint8Array(digest, 0, 6), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const url = new URL(`${PREFIX}${name}/`, SCOPE);
  // What cannot be opened is not mounted.
  const response = await handler(name, { index, stores })(new Request(url));
  const code = response.headers.get("X-Casync-Error");
  if (code) {
    handlers.delete(name);
    throw Object.assign(new Error(`${index} cannot be mounted`), { code });
  }
  const cache = await caches.open(MOUNTS);
  await cache.put(url, new Response(JSON.stringify({ index, stores })));
  return { url: url.href };
}

function nameOf(url) {
  return url.pathname.slice(PREFIX.length).split("/")[0];
}

function handler(name, { index, stores }) {
  if (!handlers.has(name)) {
    handlers.set(name, serve({ index, stores, base: `${PREFIX}${name}/`, memory: 8 << 20, budget: 8 << 20, parallel: 8, maxChunks: 1 << 16 }));
  }
  return handlers.get(name);
}

async function mounted(request, url) {
  const name = nameOf(url);
  if (!handlers.has(name)) {
    const cache = await caches.open(MOUNTS);
    const kept = await cache.match(new URL(`${PREFIX}${name}/`, SCOPE));
    if (!kept) return new Response("Nothing is mounted here.\n", { status: 404, headers: { "Content-Type": "text/plain; charset=utf-8" } });
    handler(name, await kept.json());
  }
  return handlers.get(name)(request);
}
