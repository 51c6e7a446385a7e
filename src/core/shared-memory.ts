// The memory that a machine shares with units, and the build of the core that runs over it: a file of the package, read
// or fetched when a pool is made, in Node without an import that a bundler for pages would stumble over.

import type { ArenaPlan } from "./layout.js";

/** The compiled shared build. */
export type SharedBuild = WebAssembly.Module;

/** Bytes of the shared build, or where they are. */
export type SharedCoreSource = Uint8Array | URL | string;

let standard: Promise<SharedBuild> | undefined;

/** What is needed of Node's module. */
interface FileReader {
  readFile(url: URL): Promise<Uint8Array>;
}

async function read(url: URL | string): Promise<Uint8Array> {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  const files = process?.getBuiltinModule?.("node:fs/promises") as FileReader | undefined;
  const from = String(url);
  if (files && from.startsWith("file:")) return files.readFile(new URL(from));
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
  return new Uint8Array(await answer.arrayBuffer());
}

async function compile(source: SharedCoreSource): Promise<SharedBuild> {
  try {
    const bytes = source instanceof Uint8Array ? source : await read(source);
    return await WebAssembly.compile(bytes as BufferSource);
  } catch (cause) {
    const where = source instanceof Uint8Array ? "the bytes given" : String(source);
    throw new Error(
      `"sharedCore" expected the shared build of the core (nested-iommu/wasm/shared.wasm), got ${where}: ${String(cause)}`,
      { cause },
    );
  }
}

/** The build beside this package, compiled once; a failure is not kept. Written so that bundlers find the file. */
function standardBuild(): Promise<SharedBuild> {
  standard ??= compile(new URL("../../build/shared.wasm", import.meta.url)).catch((error) => {
    standard = undefined;
    throw error;
  });
  return standard;
}

/**
 * The shared build, compiled.
 *
 * @param source its bytes or where they are; default the file of this package
 * @throws Error when this engine, or this page, may not share memory, or the build cannot be had
 */
export async function sharedBuild(source?: SharedCoreSource): Promise<SharedBuild> {
  const isIsolated = (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated !== false;
  if (typeof SharedArrayBuffer === "undefined" || !isIsolated) {
    throw new Error(
      "no SharedArrayBuffer here: a page must be cross-origin isolated to share memory with workers " +
        "(Cross-Origin-Opener-Policy: same-origin, Cross-Origin-Embedder-Policy: require-corp)",
    );
  }
  return source === undefined ? standardBuild() : compile(source);
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
