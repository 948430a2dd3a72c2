// A picture of an image's chunks: one cell for each, or for several where there are many, coloured by what has become of them.

import { element } from "./dom.js";
import { count } from "./format.js";

/** States in the order in which they hide each other where one cell stands for several chunks. */
const STATES = ["have", "seed", "cache", "store", "asked", "wait", "wrong"];

/** Draws chunks. `states`: the names of those that occur and what they are called; the first is what all are at the beginning. */
export class ChunkMap {
  /** Pixels of a cell, at least and at most; pixels of height that few chunks may take; rows at most. */
  static CELLS = [13, 24];
  static HEIGHT = 90;
  static ROWS = 24;

  constructor(chunks, states) {
    this.chunks = chunks;
    this.states = states;
    this.state = new Uint8Array(chunks).fill(STATES.indexOf(Object.keys(states)[0]));
    this.canvas = element("canvas", { class: "map", role: "img" });
    this.counts = {};
    const entry = ([name, text]) => {
      this.counts[name] = element("b", {}, "0");
      return element("li", { style: `--colour: var(--${name})` }, `${text} `, this.counts[name]);
    };
    this.element = element("figure", { class: "panel" }, this.canvas, element("ul", { class: "legend" }, Object.entries(states).map(entry)));
    // Its own width tells how many cells a row has.
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    document.querySelector("#theme").addEventListener("click", () => this.draw());
  }

  /** Says what has become of a chunk. */
  set(number, state) {
    this.state[number] = STATES.indexOf(state);
    this.waiting ??= requestAnimationFrame(() => this.draw());
  }

  /** What has become of a chunk. */
  of(number) {
    return STATES[this.state[number]];
  }

  /** How many chunks are in each state. */
  tally() {
    const numbers = new Array(STATES.length).fill(0);
    for (const state of this.state) numbers[state] += 1;
    return Object.fromEntries(STATES.map((name, at) => [name, numbers[at]]));
  }

  draw() {
    if (this.waiting) cancelAnimationFrame(this.waiting);
    this.waiting = undefined;
    const tally = this.tally();
    for (const [name, place] of Object.entries(this.counts)) place.textContent = String(tally[name]);
    const told = Object.entries(this.states).map(([name, text]) => `${text}: ${tally[name]}`);
    this.canvas.setAttribute("aria-label", `Map of ${count(this.chunks, "chunk")}. ${told.join(", ")}`);
    const width = this.canvas.clientWidth;
    if (!width || !this.chunks) return;
    const [least, most] = ChunkMap.CELLS;
    const wanted = Math.sqrt((width * ChunkMap.HEIGHT) / this.chunks);
    const columns = Math.max(1, Math.floor(width / Math.min(most, Math.max(least, wanted))));
    const cells = Math.min(this.chunks, columns * ChunkMap.ROWS);
    const rows = Math.ceil(cells / columns);
    const size = width / columns;
    const scale = window.devicePixelRatio || 1;
    this.canvas.style.height = `${rows * size}px`;
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(rows * size * scale);
    const context = this.canvas.getContext("2d");
    context.scale(scale, scale);
    const colours = STATES.map(colour);
    for (let cell = 0; cell < cells; cell += 1) {
      const from = Math.floor((cell * this.chunks) / cells);
      const to = Math.max(from + 1, Math.floor(((cell + 1) * this.chunks) / cells));
      // Not before all of a cell's chunks are there does it look so.
      context.fillStyle = colours[Math.max(...this.state.subarray(from, to))];
      context.fillRect((cell % columns) * size, Math.floor(cell / columns) * size, size - 2, size - 2);
    }
  }
}

/** A colour of the style sheet, as a canvas takes it. */
function colour(name) {
  const probe = document.body.appendChild(element("span", { hidden: true }));
  probe.style.color = `var(--${name})`;
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
