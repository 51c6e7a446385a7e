// Compiles and instantiates the core. The bytes of the two builds that a library user may need are
// embedded as base64, so that `import` is all the set-up there is, in Node, browsers and bundlers.

import { instantiateSync } from "@assemblyscript/loader";
import { crc32 } from "../snapshot/checksum.js";
import { wasmBase64 as release } from "./generated/release-wasm.js";
import { wasmBase64 as scalar } from "./generated/scalar-wasm.js";

/** Builds of the core that are embedded: with and without SIMD. */
export type CoreBuild = "release" | "scalar";

/** The core's exports (assembly/index.ts); u64 are bigint, usize and u32 arrive as signed numbers. */
export interface CoreExports {
  readonly memory: WebAssembly.Memory;
  init(header: number): void;
  run(first: number, last: number, resume: number): number;
  runAts(kind: number, first: number, last: number, resume: number): number;
  /** One request beside the batch; negative in place of a PA as assembly/index.ts says. */
  single(stream: number, pasid: number, access: number, iova: number): number;
  single64(stream: number, pasid: number, access: number, iova: bigint): bigint;
  faultCount(): number;
  missingAddress(): bigint;
  frameSlot(pa: bigint): number;
  /** STE.PPAR of the stream; -1 when no valid STE can be read, -2 when an external frame is missing. */
  pageResponsePasid(stream: number, pasid: number): number;
  /** Where a page request of a VT-d source-id leads: packed (assembly/vtd/page-request.ts), negative for a fault. */
  pageRequestTarget(stream: number, pasid: number): number;
  /** What src/vtd/memory-type.ts unpacks. */
  memoryTypeFacts(index: number): number;
  forgetStreams(first: number, last: number): void;
  forgetContexts(stream: number, pasid: number): void;
  forgetDomain(did: number, pasid: number): void;
  invalidateAll(stages: number, vmid: number, asid: number): number;
  invalidateRange(
    stages: number,
    vmid: number,
    asid: number,
    first: bigint,
    last: bigint,
    leafOnly: number,
    leafLg2: number,
  ): number;
  forgetFrames(): void;
  takeDirtied(): number;
  /** Writes what the core keeps outside linear memory to the arena. */
  saveState(): void;
  /** Takes it back from there. */
  loadState(): void;
  /** Walk records written so far; -1 in builds that keep none. */
  traceCount(): number;
  /** Trace build: the field looked at last before the last fault, MSB in bits 31:16, LSB below. */
  traceField(): number;
}

/** A module of one v128 constant: validates only where SIMD is implemented. */
const SIMD_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98,
  11,
]);

const modules = new Map<CoreBuild, WebAssembly.Module>();

/** The bytes of an embedded build. */
export function decode(base64: string): Uint8Array {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; ++i) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** The build that this engine runs best. */
export function bestBuild(): CoreBuild {
  return WebAssembly.validate(SIMD_PROBE) ? "release" : "scalar";
}

let fingerprint: number | undefined;

/** CRC-32 that stands for the sources of all builds: what one leaves in the arena another understands if it is equal. */
export function coreFingerprint(): number {
  fingerprint ??= crc32(decode(release));
  return fingerprint;
}

function embedded(build: CoreBuild): WebAssembly.Module {
  const known = modules.get(build);
  if (known) return known;
  const module = new WebAssembly.Module(decode(build === "release" ? release : scalar) as BufferSource);
  modules.set(build, module);
  return module;
}

/**
 * A fresh instance of the core, its memory its own.
 *
 * @param build which of the embedded builds, or a module compiled by the caller (trace, debug)
 */
export function instantiate(build: CoreBuild | WebAssembly.Module): CoreExports {
  const module = build instanceof WebAssembly.Module ? build : embedded(build);
  return instantiateSync(module, {}).instance.exports as unknown as CoreExports;
}
