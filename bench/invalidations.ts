// Invalidations of the benchmark: what they name, made before any timing, and how each contender carries one out. The
// model takes a command of four words through `issue`, as a hypervisor hands on a guest's, or finds it in its Command queue,
// as a driver leaves it there; its core and the yardsticks take numbers.
// Arm IHI 0070 G.b 4.4.2 (TLBI_NH_ASID), 4.4.3 (TLBI_NH_VA, TLBI_S12_VMALL).
import type { CoreInstance } from "./core-instance.js";
import { Random } from "./random.js";
import type { After, Side } from "./side.js";
import { DATA_IOVA } from "./space.js";
import { newTagColumns, type TagColumns } from "./yardstick/tag-columns.js";
import type { Translator } from "./yardstick/translator.js";

/** What an invalidation names. "last level": with Leaf = 1, as Linux asks when it unmaps pages; tables above stay cached. */
export type InvalidationKind = "address" | "address, last level" | "ASID" | "VMID";

const byAddress = (kind: InvalidationKind): boolean => kind !== "ASID" && kind !== "VMID";

/** Which address spaces and pages invalidations name: those of streams 0..streams-1, pages 0..pages-1. */
export interface InvalidationSet {
  readonly streams: number;
  readonly firstStream?: number;
  readonly pages: number;
}

const TLBI_NH_ASID = 0x11;
const TLBI_NH_VA = 0x12;
const TLBI_S12_VMALL = 0x28;
// What the core's exports name stages by.
const STAGE_1 = 1;
const BOTH_STAGES = 3;

/** A machine that takes commands. */
export interface Commanded {
  issue(command: Uint32Array): number;
}

/** A machine that has a Command queue. */
export interface Queued {
  readonly memory: { write(address: bigint, bytes: Uint8Array): void };
  read32(offset: number): number;
  write32(offset: number, value: number): void;
  write64(offset: number, value: bigint): void;
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

/** The driver's part, done before any timing: four words a command. */
function encodeCommands({ count, vmid, asid, iova }: TagColumns, kind: InvalidationKind): Uint32Array {
  const opcode = byAddress(kind) ? TLBI_NH_VA : kind === "ASID" ? TLBI_NH_ASID : TLBI_S12_VMALL;
  const leaf = kind === "address, last level" ? 1 : 0;
  const words = new Uint32Array(4 * count);
  for (let i = 0; i < count; i++) {
    const address = byAddress(kind) ? iova[i]! : 0n;
    words.set(
      [opcode, vmid[i]! | (asid[i]! << 16), Number(address & 0xffff_ffffn) | leaf, Number(address >> 32n)],
      4 * i,
    );
  }
  return words;
}

/**
 * One invalidation by the model: copies the words of the next command and issues it.
 *
 * @param machine an SMMUv3
 * @param list what they name
 * @param kind by what
 * @returns carries out number n, modulo the length of the list
 */
export function modelInvalidation(machine: Commanded, list: TagColumns, kind: InvalidationKind): After {
  const commands = encodeCommands(list, kind);
  const command = new Uint32Array(4);
  return (n) => {
    const at = 4 * (n % list.count);
    command[0] = commands[at]!;
    command[1] = commands[at + 1]!;
    command[2] = commands[at + 2]!;
    command[3] = commands[at + 3]!;
    machine.issue(command);
  };
}

// IHI 0070 6.3: CR0 and its bit CMDQEN, CMDQ_BASE, PROD, CONS.
const REG_CR0 = 0x20;
const CMDQEN = 8;
const REG_CMDQ_BASE = 0x90;
const REG_CMDQ_PROD = 0x98;
const REG_CMDQ_CONS = 0x9c;
const QUEUE_LG2 = 10;
/** Commands that a driver submits at a time. */
const SUBMITTED = 64;

/**
 * Invalidations that stand in the Command queue: every 64th call submits as many.
 *
 * @param machine an SMMUv3
 * @param queue where the queue goes: 16 KiB, aligned
 * @param list what they name
 * @param kind by what
 * @returns carries out number n
 */
export function queuedInvalidation(
  machine: Queued,
  queue: number,
  list: TagColumns,
  kind: InvalidationKind,
): After {
  const commands = encodeCommands(list, kind).subarray(0, 4 << QUEUE_LG2);
  machine.memory.write(BigInt(queue), new Uint8Array(commands.buffer, 0, commands.byteLength));
  const enables = machine.read32(REG_CR0) & ~CMDQEN;
  machine.write32(REG_CR0, enables);
  machine.write64(REG_CMDQ_BASE, BigInt(queue) | BigInt(QUEUE_LG2));
  machine.write32(REG_CMDQ_PROD, 0);
  machine.write32(REG_CMDQ_CONS, 0);
  machine.write32(REG_CR0, enables | CMDQEN);
  let prod = 0;
  return (n) => {
    if (n % SUBMITTED !== SUBMITTED - 1) return;
    prod = (prod + SUBMITTED) & ((2 << QUEUE_LG2) - 1);
    machine.write32(REG_CMDQ_PROD, prod);
    if (machine.read32(REG_CMDQ_CONS) !== prod) throw new Error("the Command queue stopped");
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
  const page = Float64Array.from(iova, (address) => Number(address >> 12n));
  if (byAddress(kind)) {
    const leafOnly = kind === "address, last level" ? 1 : 0;
    return (n) => void exports.invalidatePage(STAGE_1, vmid[n]!, asid[n]!, page[n]!, leafOnly);
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
  if (byAddress(kind)) return (n) => yardstick.invalidateAddress(list, n % list.count);
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
