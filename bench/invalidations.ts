// Invalidations of the benchmark: what they name, made before any timing, and how each contender carries one out. The
// model takes a command of 16 bytes through `issue`, as a hypervisor hands on a guest's; yardsticks take numbers.
// Arm IHI 0070 G.b 4.4.2 (TLBI_NH_ASID), 4.4.3 (TLBI_NH_VA, TLBI_S12_VMALL).
import type { CoreInstance } from "./core-instance.js";
import { Random } from "./random.js";
import type { After, Side } from "./side.js";
import { DATA_IOVA } from "./space.js";
import { newTagColumns, type TagColumns } from "./yardstick/tag-columns.js";
import type { Translator } from "./yardstick/translator.js";

/** What an invalidation names. */
export type InvalidationKind = "address" | "ASID" | "VMID";

/** Which address spaces and pages invalidations name: those of streams 0..streams-1, pages 0..pages-1. */
export interface InvalidationSet {
  readonly streams: number;
  readonly firstStream?: number;
  readonly pages: number;
}

const TLBI_NH_ASID = 0x11n;
const TLBI_NH_VA = 0x12n;
const TLBI_S12_VMALL = 0x28n;
// What the core's exports name stages by.
const STAGE_1 = 1;
const BOTH_STAGES = 3;

/** A machine that takes commands. */
export interface Commanded {
  issue(command: Uint8Array): number;
}

/**
 * Makes a list of invalidations.
 *
 * @param count how many
 * @param set what they name
 * @param seed seed of the choice
 * @returns columns
 */
export function makeInvalidations(count: number, set: InvalidationSet, seed: number): TagColumns {
  const columns = newTagColumns(count);
  const random = new Random(seed ^ 0x5bd1e995);
  for (let i = 0; i < count; i++) {
    const stream = (set.firstStream ?? 0) + random.below(set.streams);
    // ASID and VMID of every stream: machine.ts
    columns.vmid[i] = stream + 1;
    columns.asid[i] = stream + 1;
    columns.iova[i] = DATA_IOVA + BigInt(random.below(set.pages) * 4096);
  }
  return columns;
}

/**
 * One invalidation by the model: encodes the command and issues it.
 *
 * @param machine an SMMUv3
 * @param list what they name
 * @param kind by what
 * @returns carries out number n, modulo the length of the list
 */
export function modelInvalidation(machine: Commanded, list: TagColumns, kind: InvalidationKind): After {
  const bytes = new Uint8Array(16);
  const words = new BigUint64Array(bytes.buffer);
  const opcode = kind === "address" ? TLBI_NH_VA : kind === "ASID" ? TLBI_NH_ASID : TLBI_S12_VMALL;
  // The driver's part, encoding, is done beforehand: 16 bytes a command.
  const commands = new BigUint64Array(2 * list.count);
  for (let i = 0; i < list.count; i++) {
    commands[2 * i] = opcode | (BigInt(list.vmid[i]!) << 32n) | (BigInt(list.asid[i]!) << 48n);
    commands[2 * i + 1] = kind === "address" ? list.iova[i]! : 0n;
  }
  return (n) => {
    const at = 2 * (n % list.count);
    words[0] = commands[at]!;
    words[1] = commands[at + 1]!;
    machine.issue(bytes);
  };
}

/**
 * One invalidation by the core alone, through its exports.
 *
 * @param exports the core's
 * @param list what they name
 * @param kind by what
 * @returns carries out number n of the list
 */
export function coreInvalidation(
  exports: CoreInstance["exports"],
  { vmid, asid, iova }: TagColumns,
  kind: InvalidationKind,
): After {
  const last = iova.map((address) => address | 0xfffn);
  if (kind === "address") {
    return (n) => void exports.invalidateRange(STAGE_1, vmid[n]!, asid[n]!, iova[n]!, last[n]!, 0, 0);
  }
  if (kind === "ASID") return (n) => void exports.invalidateAll(STAGE_1, vmid[n]!, asid[n]!);
  return (n) => void exports.invalidateAll(BOTH_STAGES, vmid[n]!, -1);
}

/**
 * One invalidation by a yardstick.
 *
 * @param yardstick the yardstick
 * @param list what they name
 * @param kind by what
 * @returns carries out number n, modulo the length of the list
 */
export function yardstickInvalidation(
  yardstick: Translator,
  list: TagColumns,
  kind: InvalidationKind,
): After {
  if (kind === "address") return (n) => yardstick.invalidateAddress(list, n % list.count);
  if (kind === "ASID") return (n) => yardstick.invalidateAsid(list, n % list.count);
  return (n) => yardstick.invalidateVmid(list, n % list.count);
}

/**
 * Invalidations and nothing else: `count` a pass.
 *
 * @param invalidate carries out number n
 * @param count how many a pass
 * @param translated the same contender translating: its answers are looked at after a pass
 * @returns the side
 */
export function invalidatingSide(invalidate: After, count: number, translated: Side): Side {
  return {
    workload: translated.workload,
    checksum: 0,
    pass: () => {
      for (let n = 0; n < count; n++) invalidate(n);
      return 0;
    },
    checkAll: (check) => {
      for (let n = 0; n < count; n++) invalidate(n);
      translated.prepare?.();
      translated.checkAll(check);
    },
  };
}
