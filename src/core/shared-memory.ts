// The memory that a machine shares with units, and the build of the core that runs over it. Its bytes are embedded like
// those of the other builds, in a module of their own that is loaded only when a pool is made.

import type { ArenaPlan } from "./layout.js";
import { decode } from "./module.js";

/** The compiled shared build. */
export type SharedBuild = WebAssembly.Module;

let build: Promise<SharedBuild> | undefined;

async function compile(): Promise<SharedBuild> {
  const { wasmBase64 } = await import("./generated/shared-wasm.js");
  return WebAssembly.compile(decode(wasmBase64) as BufferSource);
}

/**
 * The shared build, compiled once.
 *
 * @throws Error when this engine, or this page, may not share memory
 */
export function sharedBuild(): Promise<SharedBuild> {
  const isIsolated = (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated !== false;
  if (typeof SharedArrayBuffer === "undefined" || !isIsolated) {
    throw new Error(
      "no SharedArrayBuffer here: a page must be cross-origin isolated to share memory with workers " +
        "(Cross-Origin-Opener-Policy: same-origin, Cross-Origin-Embedder-Policy: require-corp)",
    );
  }
  build ??= compile();
  return build;
}

const PAGE = 65536;
const MOST_PAGES = 65536;

/** A memory for `plan` whose frames begin at `framesBase`: as much address space as they can ever need, little of it used. */
export function shareMemory({ frames }: ArenaPlan, framesBase: number): WebAssembly.Memory {
  const arenas = framesBase / PAGE;
  // One frame more, the frame of zeros.
  const maximum = Math.min(MOST_PAGES, arenas + frames + 1);
  return new WebAssembly.Memory({ initial: arenas + 1, maximum, shared: true });
}
