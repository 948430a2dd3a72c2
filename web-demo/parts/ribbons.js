// Two versions of a file drawn above each other, and what they share as ribbons from one to the other.

const SVG = "http://www.w3.org/2000/svg";
/** Units of the drawing: its width is that of the larger version. */
const WIDTH = 1000;
const BAR = 26;
const GAP = 90;
/** Ribbons that are drawn; the smallest are left out. */
const RIBBONS = 1500;

/**
 * Runs of chunks that both versions have, one after the other in both: `{ from, to, size }` with the places of the first byte. Chunks
 * are `{ id, start, size }`.
 */
export function runsOf(old, now) {
  const places = new Map(old.map((chunk, number) => [chunk.id, number]).reverse());
  const runs = [];
  let last;
  let before;
  for (const chunk of now) {
    // What goes on where the chunk before was, if it can.
    const next = before !== undefined && old[before + 1]?.id === chunk.id ? before + 1 : places.get(chunk.id);
    if (next === undefined) last = undefined;
    else if (last && next === before + 1) last.size += chunk.size;
    else runs.push((last = { from: old[next].start, to: chunk.start, size: chunk.size }));
    before = next;
  }
  return runs;
}

/** The drawing. */
export function ribbons(runs, oldSize, newSize, label) {
  const scale = WIDTH / Math.max(oldSize, newSize, 1);
  const height = 2 * BAR + GAP;
  const svg = make("svg", { viewBox: `0 0 ${WIDTH} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": label, class: "ribbons" });
  svg.append(rectangle(0, 0, oldSize * scale, "gone"), rectangle(0, BAR + GAP, newSize * scale, "new"));
  const drawn = [...runs].sort((a, b) => b.size - a.size).slice(0, RIBBONS);
  for (const { from, to, size } of drawn) {
    const [a, b, width] = [from * scale, to * scale, size * scale];
    const middle = BAR + GAP / 2;
    const path = `M${a} ${BAR}C${a} ${middle} ${b} ${middle} ${b} ${BAR + GAP}H${b + width}C${b + width} ${middle} ${a + width} ${middle} ${a + width} ${BAR}Z`;
    svg.append(rectangle(a, 0, width, "both"), rectangle(b, BAR + GAP, width, "both"), make("path", { d: path, class: "ribbon" }));
  }
  return svg;
}

function rectangle(x, y, width, kind) {
  return make("rect", { x, y, width, height: BAR, class: kind });
}

function make(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
