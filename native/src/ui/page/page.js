
"use strict";
// For each map: what is in the cell that the slider or the pointer is on.
function shown(bytes) {
  const units = ["B", "K", "M", "G", "T", "P", "E"];
  let unit = 0;
  while (bytes >= 1024 && unit + 1 < units.length) {
    bytes /= 1024;
    unit += 1;
  }
  return (unit === 0 ? String(bytes) : bytes.toFixed(1)) + units[unit];
}
for (const section of document.querySelectorAll("section.map")) {
  const data = section.querySelector("script");
  if (data === null) continue;
  const map = JSON.parse(data.textContent);
  const svg = section.querySelector(".cells");
  const cursor = section.querySelector(".cursor");
  const slider = section.querySelector("input");
  const output = section.querySelector("output");
  const show = (number) => {
    const [start, chunks, ...bytes] = map.cells[number];
    const next = map.cells[number + 1];
    const end = next === undefined ? map.end : next[0];
    const parts = map.names.map((name, index) => [name, bytes[index]]).filter(([, count]) => count !== 0);
    const kinds = parts.map(([name, count]) => parts.length === 1 ? name : name + " " + shown(count));
    const text = (chunks === 1 ? "1 chunk" : chunks + " chunks") + ", " + shown(end - start) + ": " + kinds.join(", ") +
      ". Bytes " + start + " to " + end + ".";
    output.textContent = text;
    slider.setAttribute("aria-valuetext", text);
    cursor.setAttribute("x", String(number % map.columns * map.pitch));
    cursor.setAttribute("y", String(Math.floor(number / map.columns) * map.pitch));
    cursor.style.visibility = "visible";
  };
  slider.addEventListener("input", () => show(slider.valueAsNumber));
  const point = (event) => {
    const box = svg.getBoundingClientRect();
    const scale = map.columns * map.pitch / box.width;
    const column = Math.floor((event.clientX - box.left) * scale / map.pitch);
    const row = Math.floor((event.clientY - box.top) * scale / map.pitch);
    const number = row * map.columns + column;
    if (column >= 0 && column < map.columns && number >= 0 && number < map.cells.length) {
      slider.value = String(number);
      show(number);
    }
  };
  svg.addEventListener("pointermove", point);
  svg.addEventListener("click", point);
  output.textContent = "Point at a cell of the map, or move the slider.";
}
