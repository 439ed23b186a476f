// Puts the page, the runtime's files and the styles into one folder that any file server can serve:
//   node build.mjs [STYLES] [OUTPUT]
import { cp, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const [styles = here("styles"), output = here("dist/reconet")] = process.argv.slice(2);

// For each engine its interface, the loader and the compiled runtime.
const RUNTIME = [
  "ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm",
  "ort.webgpu.min.mjs", "ort-wasm-simd-threaded.asyncify.mjs", "ort-wasm-simd-threaded.asyncify.wasm",
];

await rm(output, { recursive: true, force: true });
await cp(here("page"), output, { recursive: true });
for (const file of RUNTIME) await cp(here(`node_modules/onnxruntime-web/dist/${file}`), `${output}/runtime/${file}`);

await mkdir(styles, { recursive: true });
const files = (await readdir(styles)).filter((file) => file.endsWith(".onnx")).sort();
for (const file of files) await cp(`${styles}/${file}`, `${output}/styles/${file}`);
await writeFile(`${output}/styles.json`, JSON.stringify(files.map((file) => file.slice(0, -".onnx".length))));

console.log(`${output}: ${files.length ? files.join(", ") : `no style yet; put .onnx files into ${styles}`}`);
