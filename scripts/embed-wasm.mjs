// Writes a .wasm file as a TypeScript module that holds its bytes in base64, so that the default entry point of the
// package starts synchronously and without a file or network access.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Reads the WebAssembly binary `from` and writes the module `to`, which exports `wasmBase64`. */
export function embedWasm(from, to) {
  const bytes = readFileSync(from);
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(
    to,
    `// Generated from ${from} by scripts/embed-wasm.mjs; do not edit.\n` +
      `export const wasmBase64: string =\n  "${bytes.toString("base64")}";\n`,
  );
}
