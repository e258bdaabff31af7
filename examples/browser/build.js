// Makes a folder of the page, ONNX Runtime and, if one is given, an exported model: npm run build -- [MODEL [FOLDER]].

import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

const here = import.meta.dirname;
const from = (path) => resolve(process.env.INIT_CWD ?? ".", path); // where npm was called
const [model, target = join(here, "dist")] = process.argv.slice(2).map(from);
const runtime = join(here, "node_modules/onnxruntime-web/dist");

function refuse(message) {
  console.error(`build: ${message}`);
  process.exit(66);
}

if (!existsSync(runtime)) refuse("node_modules is missing: run npm ci");
if (model && !existsSync(join(model, "model.json")))
  refuse(`${model}: no model of rnntext checkpoints export --to onnx`);
rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
for (const name of ["index.html", "style.css", "src"])
  cpSync(join(here, name), join(target, name), { recursive: true });
for (const name of ["ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"])
  cpSync(join(runtime, name), join(target, name));
if (model) cpSync(model, join(target, "model"), { recursive: true });
console.log(`python3 -m http.server --directory ${target}`);
