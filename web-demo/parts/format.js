// Numbers for people.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A number of bytes. */
export function bytes(count) {
  const unit = Math.min(Math.floor(Math.log2(Math.max(count, 1)) / 10), UNITS.length - 1);
  const amount = count / 1024 ** unit;
  return `${unit === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${UNITS[unit]}`;
}

/** A part of a whole. */
export function percent(part, whole) {
  return whole ? `${Math.floor((100 * part) / whole)} %` : "100 %";
}

/** Permission bits as `ls` writes them. */
export function mode(node) {
  const kind = { directory: "d", file: "-", symlink: "l", fifo: "p", socket: "s" }[node.type] ?? "c";
  const bits = node.permissions;
  return kind + [6, 3, 0].map((shift) => ["r", "w", "x"].map((letter, at) => ((bits >> (shift + 2 - at)) & 1 ? letter : "-")).join("")).join("");
}

/** A time of a node. */
export function time(seconds) {
  return seconds ? new Date(seconds * 1000).toISOString().replace("T", " ").slice(0, 19) : "—";
}
