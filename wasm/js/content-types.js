// Types of files by the ends of their names.

const TYPES = {
  "application/gzip": "gz tgz",
  "application/javascript": "js mjs",
  "application/json": "json map",
  "application/octet-stream": "bin img iso",
  "application/pdf": "pdf",
  "application/wasm": "wasm",
  "application/xml": "xml",
  "application/zip": "zip",
  "application/zstd": "zst",
  "audio/mpeg": "mp3",
  "audio/ogg": "ogg opus",
  "font/ttf": "ttf",
  "font/woff2": "woff2",
  "image/avif": "avif",
  "image/gif": "gif",
  "image/jpeg": "jpg jpeg",
  "image/png": "png",
  "image/svg+xml": "svg",
  "image/webp": "webp",
  "image/x-icon": "ico",
  "text/css": "css",
  "text/csv": "csv",
  "text/html": "html htm",
  "text/markdown": "md",
  "text/plain": "txt log conf ini sh toml yaml yml",
  "video/mp4": "mp4",
  "video/webm": "webm",
};

const BY_END = new Map(Object.entries(TYPES).flatMap(([type, ends]) => ends.split(" ").map((end) => [end, type])));

/** The type of a file; what is not known are bytes. */
export function contentType(path) {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const end = name.includes(".") ? name.slice(name.lastIndexOf(".") + 1).toLowerCase() : "";
  const type = BY_END.get(end) ?? "application/octet-stream";
  return type.startsWith("text/") || type === "application/javascript" ? `${type}; charset=utf-8` : type;
}
