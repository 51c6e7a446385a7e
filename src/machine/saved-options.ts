// What of a machine's options is in its snapshot: sizes of caches, batch and memory, and where memory is. The rest is the
// embedder's side, given anew when a snapshot is restored: callbacks, hooks of external memory, builds, room in reserve.

import type { ArenaPlan, ReplacementPolicy } from "../core/layout.js";
import { type ExternalRange, frameRanges, MOST_RANGES, type RamRange } from "../memory/ranges.js";
import type { StateReader } from "../snapshot/state-reader.js";
import type { StateWriter } from "../snapshot/state-writer.js";
import { type MachineOptions, planArena } from "./options.js";

/** Options of a restored machine that its snapshot does not have. */
export interface RestoreOptions
  extends Pick<
    MachineOptions,
    "external" | "reserve" | "core" | "trace" | "onPageResponse" | "onAtcInvalidation" | "onInvalidation"
  > {
  /** @internal As in MachineOptions; named here so that the published declarations hold without it. */
  makeCore?: MachineOptions["makeCore"];
  /**
   * What to do with caches that the snapshot has: go on with them, which takes the same core (default); "if-possible", so
   * that they are cold where the core is another; or false, cold. Answers are the same.
   */
  caches?: boolean | "if-possible";
}

/** The other options, all of them: one that is new has to be added here or there. */
export type SavedOptions = {
  [Name in keyof Required<Omit<MachineOptions, keyof RestoreOptions>>]: MachineOptions[Name];
};

/** An external range as the snapshot names it. */
export type RangeBounds = Pick<ExternalRange, "base" | "size">;

/** Shape of a machine. */
export interface SavedMachine {
  readonly options: SavedOptions;
  readonly external: readonly RangeBounds[];
  /** RAM since the last reset. */
  readonly ram: readonly RamRange[] | undefined;
}

const POLICIES: readonly ReplacementPolicy[] = ["fifo", "lru", "plru", "random"];
const FRAME_BYTES = 65536;
const RANGE_BYTES = 16;

function saveRanges(to: StateWriter, ranges: readonly RangeBounds[]): void {
  to.list(ranges, ({ base, size }) => {
    to.u64(base);
    to.u64(size);
  });
}

function saveRam(to: StateWriter, ram: readonly RamRange[] | undefined): void {
  to.optional(ram, (ranges) =>
    saveRanges(
      to,
      ranges.map(([base, size]) => ({ base, size })),
    ),
  );
}

/**
 * Writes the shape of a machine.
 *
 * @param plan its sizes, with all defaults filled in
 * @param options where its memory was at creation
 * @param current RAM since the last reset
 */
export function saveMachine(
  to: StateWriter,
  plan: ArenaPlan,
  { ram, external = [] }: MachineOptions,
  current: readonly RamRange[] | undefined,
): void {
  to.u32(plan.batchCapacity);
  to.u32(plan.frames);
  to.optional(plan.iotlb, ({ entries, ways, policy }) => {
    to.u32(entries);
    to.u32(ways);
    to.u8(POLICIES.indexOf(policy));
  });
  to.u32(plan.stage1Tables);
  to.u32(plan.stage2Tables);
  to.u32(plan.stage2Tlb);
  to.optional(plan.configCache ? plan.contexts : undefined, (contexts) => to.u32(contexts));
  saveRam(to, ram);
  saveRanges(to, external);
  saveRam(to, current);
}

function loadRanges(from: StateReader, what: string): RangeBounds[] {
  return from.list(what, MOST_RANGES, RANGE_BYTES, () => ({ base: from.u64(what), size: from.u64(what) }));
}

function loadRam(from: StateReader): RamRange[] | undefined {
  return from.optional("ram", () => loadRanges(from, "ram").map(({ base, size }) => [base, size] as const));
}

function loadCaches(from: StateReader): Pick<SavedOptions, "iotlb" | "walkCaches" | "configCache"> {
  const iotlb = from.optional("iotlb", () => ({
    entries: from.u32("iotlb.entries"),
    ways: from.u32("iotlb.ways"),
    policy: POLICIES[from.u8("iotlb.policy", POLICIES.length - 1)]!,
  }));
  const stage1 = from.u32("walkCaches.stage1");
  const stage2 = from.u32("walkCaches.stage2");
  const stage2Tlb = from.u32("walkCaches.stage2Tlb");
  const isOff = stage1 === 0 && stage2 === 0 && stage2Tlb === 0;
  const configCache = from.optional("configCache", () => ({ contexts: from.u32("configCache.contexts") }));
  return {
    iotlb: iotlb ?? "off",
    walkCaches: isOff ? "off" : { stage1, stage2, stage2Tlb },
    configCache: configCache ?? "off",
  };
}

/**
 * Reads the shape of a machine.
 *
 * @throws SnapshotError for what could not be the options of one
 */
export function loadMachine(from: StateReader): SavedMachine {
  const batchCapacity = from.u32("batchCapacity");
  const memoryLimit = from.u32("frames") * FRAME_BYTES;
  const options: SavedOptions = { batchCapacity, memoryLimit, ...loadCaches(from), ram: loadRam(from) };
  from.attempt(() => planArena(options));
  const external = loadRanges(from, "external");
  const hooked = external.map((range) => ({ ...range, fill: () => {} }));
  from.attempt(() => frameRanges(options.ram, hooked));
  const ram = loadRam(from);
  from.attempt(() => frameRanges(ram, hooked));
  return { options, external, ram };
}

const show = (ranges: readonly RangeBounds[]): string =>
  ranges.map(({ base, size }) => `0x${base.toString(16)}+0x${size.toString(16)}`).join(", ") || "none";

/**
 * Checks that the embedder's memory is where the snapshot's was.
 *
 * @throws RangeError when it is not
 */
export function checkExternal(expected: readonly RangeBounds[], got: readonly RangeBounds[] = []): void {
  if (show(expected) === show(got)) return;
  throw new RangeError(
    `"external" expected the ranges of the snapshot (${show(expected)}), got ${show(got)}`,
  );
}
