// The core alone, without the TypeScript around it: the bytes of release.wasm as any embedder of WebAssembly would run them,
// or C made from them (native/). It starts from the linear memory of a machine that has its tables and registers but has
// not translated yet: everything that the core's globals hold then comes out of `init`.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Columns, Model } from "./model-sides.js";

/** Where a machine's arena has its header (src/core/layout.ts). */
export const CORE_HEADER = 65536;

/** The core's exports that the benchmark calls (assembly/index.ts). */
interface CoreExports {
  readonly memory: WebAssembly.Memory;
  init(header: number): void;
  run(first: number, last: number, resume: number): number;
  invalidateAll(stages: number, vmid: number, asid: number): number;
  invalidatePage(stages: number, vmid: number, asid: number, page: number, leafOnly: number): number;
}

/** A core with the columns of the machine it was started from. */
export interface CoreInstance extends Model {
  readonly exports: CoreExports;
}

/**
 * Finds the bytes of the core.
 *
 * @returns path of release.wasm
 */
export function coreFile(): string {
  const root = dirname(createRequire(import.meta.url).resolve("nested-iommu/package.json"));
  return join(root, "build/release.wasm");
}

/**
 * Starts a core with the state of a machine.
 *
 * @param machine one that has not translated yet
 * @returns an instance of its own
 */
export function startCore(machine: Model): CoreInstance {
  const module = new WebAssembly.Module(readFileSync(coreFile()));
  const exports = new WebAssembly.Instance(module).exports as unknown as CoreExports;
  const image = new Uint8Array(machine.batch.stream.buffer);
  exports.memory.grow((image.byteLength - exports.memory.buffer.byteLength) / 65536);
  new Uint8Array(exports.memory.buffer).set(image);
  exports.init(CORE_HEADER);
  return {
    exports,
    batch: columnsIn(exports.memory.buffer, machine.batch),
    run: (count, first = 0) => exports.run(first, first + count, 0),
  };
}

/** The same columns in another memory. */
function columnsIn(buffer: ArrayBuffer, from: Columns): Columns {
  const { stream, pasid, iova, iova32, access, pa, pa32, status } = from;
  return {
    stream: new Uint32Array(buffer, stream.byteOffset, stream.length),
    pasid: new Uint32Array(buffer, pasid.byteOffset, pasid.length),
    iova: new BigUint64Array(buffer, iova.byteOffset, iova.length),
    iova32: new Uint32Array(buffer, iova32.byteOffset, iova32.length),
    access: new Uint8Array(buffer, access.byteOffset, access.length),
    pa: new BigUint64Array(buffer, pa.byteOffset, pa.length),
    pa32: new Uint32Array(buffer, pa32.byteOffset, pa32.length),
    status: new Uint8Array(buffer, status.byteOffset, status.length),
  };
}
