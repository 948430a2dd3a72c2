// Numbers for people.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A number of bytes. */
export function bytes(count) {
  const unit = Math.min(Math.floor(Math.log2(Math.max(count, 1)) / 10), UNITS.length - 1);
  const amount = count / 1024 ** unit;
  return `${unit === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${UNITS[unit]}`;
}

/** A number of things: `1 chunk`, `2 chunks`. */
export function count(number, thing) {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}

/** A part of a whole. */
export function percent(part, whole) {
  if (!whole) return "100 %";
  const share = (100 * part) / whole;
  return `${share > 0 && share < 10 ? Math.max(share, 0.1).toFixed(1) : Math.floor(share)} %`;
}

/** How fast something is that began a while ago. */
export class Speed {
  #begun = performance.now();
  #rested = 0;
  #resting;

  /** Time that does not count. */
  rest(isResting) {
    const now = performance.now();
    if (this.#resting) this.#rested += now - this.#resting;
    this.#resting = isResting ? now : undefined;
  }

  of(amount) {
    const seconds = (performance.now() - this.#begun - this.#rested) / 1000;
    return seconds > 0.05 ? `${bytes(amount / seconds)}/s` : "–";
  }
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
