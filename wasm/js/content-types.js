// Types of files by the ends of their names.

export { contentType } from "./module/casync_wasm.js";
