// Writes a .wasm file as a TypeScript module that holds its bytes as text, so that the default entry point of the package
// starts synchronously and without a file or network access.
//
// The digits are the 91 printable characters from # to ~ but \. Byte values 0..88 are one digit, the third and those behind it;
// others are two: 89..179 the first digit and any, 180..255 the second and any. Equal runs of bytes stay equal runs of text, so
// that gzip finds them: the packed library is 10 KB smaller than with base64, and the text is shorter.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

const DIGITS = 91;
const FIRST = 35;
const BACKSLASH = 92;
/** Byte values of one digit. */
const SHORT = DIGITS - 2;

function digit(value) {
  const code = FIRST + value;
  return String.fromCharCode(code < BACKSLASH ? code : code + 1);
}

function encode(byte) {
  if (byte < SHORT) return digit(byte + 2);
  const rest = byte - SHORT;
  return digit(Math.floor(rest / DIGITS)) + digit(rest % DIGITS);
}

/** Reads the WebAssembly binary `from` and writes the module `to`, which exports `wasmText`. */
export function embedWasm(from, to) {
  const text = Array.from(readFileSync(from), encode).join("");
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(
    to,
    `// Generated from ${from} by scripts/embed-wasm.mjs; do not edit.\n` +
      `export const wasmText: string =\n  "${text}";\n`,
  );
}
