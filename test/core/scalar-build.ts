// The build without SIMD, which a machine is given as bytes.

import { readFileSync } from "node:fs";

/** For the option `core`. */
export const SCALAR: Uint8Array = new Uint8Array(
  readFileSync(new URL("../../build/scalar.wasm", import.meta.url)),
);
