// Options of a machine and their resolution into arena sizes, with the errors for what cannot be.

import type { Core, TranslationInvalidation } from "../core/core.js";
import type { FrameRange } from "../core/frames.js";
import type { ArenaPlan, IotlbOptions } from "../core/layout.js";
import type { CoreBuild } from "../core/module.js";
import { type ExternalRange, MOST_RANGES, type RamRange } from "../memory/ranges.js";
import { STREAM_TABLE_LIMIT } from "../spec/abi/core.js";
import type { PageResponse } from "./page-request.js";
import type { AtcHandler } from "./translation-request.js";

/** Sizes of the partial-walk caches; powers of two, 4..65536. */
export interface WalkCacheOptions {
  /** Stage-1 table pointers; default 1024. */
  stage1?: number;
  /** Stage-2 table pointers; default 1024. */
  stage2?: number;
  /** IPA to PA entries for nested walks (4-way); default 2048. */
  stage2Tlb?: number;
}

/** Which caches a machine has. With any of them off the answers are the same. */
export interface CacheOptions {
  /** Default 2048 entries, 4 ways, FIFO: the fast layout. Any other geometry works, slower. */
  iotlb?: IotlbOptions | "off";
  /** Default 1024, 1024 and 2048 entries. */
  walkCaches?: WalkCacheOptions | "off";
  /** Decoded STEs and CDs; default 1024 (stream, PASID) pairs, at most 65536. */
  configCache?: { contexts: number } | "off";
}

/** Options that the machines of all vendors have. */
export interface MachineOptions extends CacheOptions {
  /** RAM as [base, size] in multiples of 4 KiB; default the whole 52-bit address space. */
  ram?: readonly RamRange[];
  /** The embedder's own memory. */
  external?: readonly ExternalRange[];
  /** Bytes of RAM that may be backed at most, 64 KiB..3.9 GiB; default 1 GiB. */
  memoryLimit?: number;
  /** Bytes of RAM to make room for at creation, so that memory need not grow later; default 0. */
  reserve?: number;
  /** Requests that a batch holds, 1..2^20; default 4096. */
  batchCapacity?: number;
  /**
   * Which build of the core runs: default the embedded one, which needs WebAssembly SIMD; else the bytes of
   * wasm/scalar.wasm of the package.
   */
  core?: CoreBuild;
  /** Bytes of the trace build (wasm/trace.wasm of the package): the machine runs it and keeps walk records, for explain. */
  trace?: Uint8Array;
  /** @internal Makes the core in a memory that others share: what a pool does. */
  makeCore?: (plan: ArenaPlan, ranges: readonly FrameRange[]) => Core;
  /** Called with each response to a page request: the endpoint's side of PRI. */
  onPageResponse?: (response: PageResponse) => void;
  /**
   * Called with each invalidation of an endpoint's ATC: the endpoint's side of CMD_ATC_INV, or of VT-d's device-TLB
   * invalidations. Without it they complete at once.
   */
  onAtcInvalidation?: AtcHandler;
  /**
   * Called with each invalidation of cached translations, by whatever it was asked for, before it is carried out: for studies
   * and caches beside the machine's own. It must not translate or throw.
   */
  onInvalidation?: (invalidation: TranslationInvalidation) => void;
}

/** More than one translation ever reads: 24 walks of up to 5 levels, and the structures. */
const TRACE_RECORDS = 1024;
const FRAME_BYTES = 65536;
const MOST_MEMORY = 0xf99a_0000;
const DEFAULT_IOTLB = { entries: 2048, ways: 4, policy: "fifo" } as const;

function whole(name: string, value: number, low: number, high: number): number {
  if (!Number.isInteger(value)) throw new TypeError(`"${name}" expected an integer, got ${String(value)}`);
  if (value < low || value > high) throw new RangeError(`"${name}" expected ${low}..${high}, got ${value}`);
  return value;
}

function power(name: string, value: number, low: number, high: number): number {
  whole(name, value, low, high);
  if ((value & (value - 1)) !== 0) throw new RangeError(`"${name}" expected a power of two, got ${value}`);
  return value;
}

function iotlbPlan(option: CacheOptions["iotlb"]): Required<IotlbOptions> | undefined {
  if (option === "off") return undefined;
  const { entries, ways, policy = "fifo" } = option ?? DEFAULT_IOTLB;
  whole("iotlb.entries", entries, 1, 2 ** 20);
  whole("iotlb.ways", ways, 1, Math.min(entries, 32767));
  if (entries % ways !== 0) {
    throw new RangeError(`"iotlb.entries" expected a multiple of "iotlb.ways" ${ways}, got ${entries}`);
  }
  if (!["fifo", "lru", "plru", "random"].includes(policy)) {
    throw new TypeError(`"iotlb.policy" expected fifo, lru, plru or random, got ${String(policy)}`);
  }
  if (policy === "plru") power("iotlb.ways", ways, 1, 64);
  return { entries, ways, policy };
}

/**
 * Sizes of everything in the arena.
 *
 * @throws TypeError or RangeError that names the option
 */
export function planArena(options: MachineOptions): ArenaPlan {
  const walk =
    options.walkCaches === "off" ? { stage1: 0, stage2: 0, stage2Tlb: 0 } : (options.walkCaches ?? {});
  const cache = (name: keyof WalkCacheOptions, standard: number): number =>
    options.walkCaches === "off" ? 0 : power(`walkCaches.${name}`, walk[name] ?? standard, 4, 65536);
  const contexts =
    options.configCache === "off"
      ? 1
      : whole("configCache.contexts", options.configCache?.contexts ?? 1024, 1, 65536);
  if (options.core !== undefined && options.core !== "release" && !(options.core instanceof Uint8Array)) {
    throw new RangeError(`"core" expected "release" or the bytes of a build, got ${String(options.core)}`);
  }
  const limit = whole("memoryLimit", options.memoryLimit ?? 2 ** 30, FRAME_BYTES, MOST_MEMORY);
  return {
    batchCapacity: whole("batchCapacity", options.batchCapacity ?? 4096, 1, 2 ** 20),
    iotlb: iotlbPlan(options.iotlb),
    stage1Tables: cache("stage1", 1024),
    stage2Tables: cache("stage2", 1024),
    stage2Tlb: cache("stage2Tlb", 2048),
    contexts,
    configCache: options.configCache !== "off",
    directStreams: STREAM_TABLE_LIMIT,
    frames: Math.floor(limit / FRAME_BYTES),
    ranges: MOST_RANGES,
    traceRecords: options.trace ? TRACE_RECORDS : 0,
  };
}

/** Checks `reserve` against the limit. */
export function reservedBytes(options: MachineOptions): number {
  return whole("reserve", options.reserve ?? 0, 0, options.memoryLimit ?? 2 ** 30);
}
