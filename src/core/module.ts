// Compiles and instantiates the core. The bytes of the release build are embedded as text, so that `import` is all the
// set-up there is, in Node, browsers and bundlers. The other builds are files of the package (wasm/*.wasm), whose bytes
// the embedder passes: this room imports nothing that a page does not have.

import { instantiateSync } from "@assemblyscript/loader";
import { crc32 } from "../snapshot/checksum.js";
import { wasmText } from "./generated/release-wasm.js";

/** Which build of the core runs: the embedded one, or the bytes of another (wasm/scalar.wasm of the package). */
export type CoreBuild = "release" | Uint8Array;

/** The core's exports (assembly/index.ts); u64 are bigint, usize and u32 arrive as signed numbers. */
export interface CoreExports {
  readonly memory: WebAssembly.Memory;
  init(header: number): void;
  run(first: number, last: number, resume: number): number;
  runAts(kind: number, first: number, last: number, resume: number): number;
  /** One request beside the batch; negative in place of a PA as assembly/index.ts says. */
  single(stream: number, pasid: number, access: number, iova: number): number;
  single64(stream: number, pasid: number, access: number, iova: bigint): bigint;
  hit(slot: number, denied: number, iova: number): number;
  hitHashed(slot: number, denied: number, iova: number, stream: number, pasid: number): number;
  sourceSlot(stream: number, pasid: number): number;
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
  invalidatePage(stages: number, vmid: number, asid: number, page: number, leafOnly: number): number;
  invalidateRange(
    stages: number,
    vmid: number,
    asid: number,
    first: number,
    last: number,
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

let embedded: WebAssembly.Module | undefined;

const compiled = new WeakMap<Uint8Array, WebAssembly.Module>();

/** The module of a build that is not embedded, compiled once for each array of bytes. */
function compile(bytes: Uint8Array): WebAssembly.Module {
  let module = compiled.get(bytes);
  if (!module) {
    try {
      module = new WebAssembly.Module(bytes as BufferSource);
    } catch (error) {
      throw new TypeError(`expected the bytes of a build of the core, got others: ${String(error)}`);
    }
    const names = new Set(WebAssembly.Module.exports(module).map(({ name }) => name));
    if (!names.has("runAts") || !names.has("memory")) {
      throw new TypeError("expected the bytes of a build of the core, got another module");
    }
    if (WebAssembly.Module.imports(module).some(({ kind }) => kind === "memory")) {
      throw new TypeError("expected the bytes of a build of the core with a memory of its own");
    }
    compiled.set(bytes, module);
  }
  return module;
}

/** Codes of #, the first digit; \, which is none; %, the first that is a byte by itself; and the bytes that are. */
const FIRST_DIGIT = 35;
const BACKSLASH = 92;
const FIRST_SHORT = 37;
const SHORT = 89;

/**
 * The bytes of an embedded build: its text as scripts/embed-wasm.mjs explains it. Runs once and so without optimisation: a
 * loop without calls, in place.
 */
export function decode(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  let length = 0;
  for (let at = 0; at < bytes.length; ++at) {
    let code = bytes[at]!;
    let base = -2 - FIRST_DIGIT;
    if (code < FIRST_SHORT) {
      base = SHORT - FIRST_DIGIT + (code - FIRST_DIGIT) * (SHORT + 2);
      code = bytes[++at]!;
    }
    bytes[length++] = code > BACKSLASH ? base + code - 1 : base + code;
  }
  return bytes.subarray(0, length);
}

let fingerprint: number | undefined;

/** CRC-32 that stands for the sources of all builds: what one leaves in the arena another understands if it is equal. */
export function coreFingerprint(): number {
  fingerprint ??= crc32(decode(wasmText));
  return fingerprint;
}

/** @throws Error where SIMD is missing */
function releaseBuild(): WebAssembly.Module {
  if (!embedded) {
    if (!WebAssembly.validate(SIMD_PROBE)) {
      throw new Error(
        'this engine has no WebAssembly SIMD: pass the bytes of nested-iommu/wasm/scalar.wasm as option "core"',
      );
    }
    embedded = new WebAssembly.Module(decode(wasmText) as BufferSource);
  }
  return embedded;
}

/**
 * A fresh instance of the core, its memory its own.
 *
 * @param build the embedded build, or bytes of one that has a memory of its own (scalar, trace, debug)
 * @throws TypeError for bytes that are no such build; Error for the embedded build where SIMD is missing
 */
export function instantiate(build: CoreBuild): CoreExports {
  const module = build === "release" ? releaseBuild() : compile(build);
  return instantiateSync(module, {}).instance.exports as unknown as CoreExports;
}
