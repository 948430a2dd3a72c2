// A directory as a page for people and as JSON for programs.

const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escape(text) {
  return text.replace(/[&<>"]/g, (character) => ESCAPES[character]);
}

/** `[type, body]` of a directory with these entries. */
export function page(path, entries, asJson) {
  if (asJson) {
    const items = entries.map(({ name, type, size, target, mtimeSeconds }) => ({ name, type, size, target, mtime: mtimeSeconds }));
    return ["application/json", `${JSON.stringify(items)}\n`];
  }
  const title = escape(decodeURIComponent(path));
  const rows = entries.map(({ name, nameBytes, type, size, target }) => {
    const shown = escape(name) + (type === "directory" ? "/" : "");
    const note = type === "symlink" ? ` → ${escape(target)}` : size === undefined ? "" : String(size);
    return `<tr><td><a href="./${href(nameBytes)}${type === "directory" ? "/" : ""}">${shown}</a></td><td>${note}</td></tr>`;
  });
  const up = path === "/" ? "" : '<tr><td><a href="../">../</a></td><td></td></tr>';
  const body = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>
<style>:root{color-scheme:light dark;font-family:system-ui}td{padding:.1em 1em}td+td{text-align:right;font-variant-numeric:tabular-nums}</style></head>
<body><h1>${title}</h1><table><tbody>${up}${rows.join("\n")}</tbody></table></body></html>
`;
  return ["text/html; charset=utf-8", body];
}

/** A name in an address: every byte that is no letter, digit or one of a few marks is escaped. */
function href(bytes) {
  const plain = /[A-Za-z0-9._~-]/;
  return Array.from(bytes, (byte) => {
    const character = String.fromCharCode(byte);
    return plain.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
}
