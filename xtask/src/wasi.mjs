// Runs a program for wasm32-wasip1 under Node.js, as `node wasi.mjs PROGRAM ARGUMENTS…`, and ends with its exit code. The
// program sees the repository as its file system.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { WASI } from "node:wasi";

const [program, ...rest] = process.argv.slice(2);
const repository = fileURLToPath(new URL("../..", import.meta.url));
const wasi = new WASI({
  version: "preview1",
  args: [program, ...rest],
  env: process.env,
  preopens: { "/": repository },
});
const module = await WebAssembly.compile(await readFile(program));
const instance = await WebAssembly.instantiate(module, wasi.getImportObject());
process.exitCode = wasi.start(instance);
