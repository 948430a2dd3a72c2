// A picture of an image's chunks: one cell for each, or for several where there are many, coloured by where it came from.

import { element } from "./dom.js";

const STATES = ["wait", "have", "seed", "cache", "store", "wrong"];

/** Draws `count` chunks. `states`: the names of those that occur, and what they are called. */
export class ChunkMap {
  static COLUMNS = 128;
  static ROWS_MAX = 64;
  static CELL = 8;

  constructor(count, states) {
    const cells = Math.min(count, ChunkMap.COLUMNS * ChunkMap.ROWS_MAX) || 1;
    const columns = Math.min(ChunkMap.COLUMNS, cells);
    const rows = Math.ceil(cells / columns);
    this.count = count;
    this.cells = cells;
    this.columns = columns;
    // The most that a cell tells is the worst of its chunks.
    this.state = new Uint8Array(count);
    this.canvas = element("canvas", { class: "map", width: columns * ChunkMap.CELL, height: rows * ChunkMap.CELL, role: "img" });
    this.status = element("p", { class: "note", role: "status", "aria-live": "polite" });
    const entry = ([name, text]) => element("li", { style: `--colour: var(--${name})` }, text);
    this.element = element("figure", { class: "panel" }, this.canvas, element("ul", { class: "legend" }, Object.entries(states).map(entry)), this.status);
    this.states = states;
    this.dirty = new Set(Array.from({ length: cells }, (_, cell) => cell));
    this.draw();
  }

  /** Says what has become of a chunk. */
  set(number, state) {
    this.state[number] = STATES.indexOf(state);
    this.dirty.add(Math.floor((number * this.cells) / this.count));
    this.waiting ??= requestAnimationFrame(() => this.draw());
  }

  /** How many chunks are in each state. */
  tally() {
    const counts = {};
    for (const state of this.state) counts[STATES[state]] = (counts[STATES[state]] ?? 0) + 1;
    return counts;
  }

  draw() {
    this.waiting = undefined;
    const context = this.canvas.getContext("2d");
    const style = getComputedStyle(document.documentElement);
    const probe = (this.probe ??= document.body.appendChild(element("span", { hidden: true })));
    const colours = STATES.map((name) => {
      probe.style.color = style.getPropertyValue(`--${name}`);
      return getComputedStyle(probe).color;
    });
    const size = ChunkMap.CELL;
    for (const cell of this.dirty) {
      const from = Math.floor((cell * this.count) / this.cells);
      const to = Math.max(from + 1, Math.floor(((cell + 1) * this.count) / this.cells));
      const some = this.state.subarray(from, to);
      // Not before all of a cell's chunks are there does it look so.
      const shown = some.includes(5) ? 5 : some.includes(0) ? 0 : Math.max(...some);
      context.fillStyle = colours[shown];
      context.fillRect((cell % this.columns) * size, Math.floor(cell / this.columns) * size, size - 1, size - 1);
    }
    this.dirty.clear();
    const counts = this.tally();
    const told = Object.entries(this.states).map(([name, text]) => `${text}: ${counts[name] ?? 0}`);
    this.canvas.setAttribute("aria-label", `Map of ${this.count} chunks. ${told.join(", ")}`);
  }

  /** Says something below the map. */
  say(text) {
    if (this.status.textContent !== text) this.status.textContent = text;
  }
}
