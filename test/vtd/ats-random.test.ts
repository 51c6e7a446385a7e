// Translation requests and translated requests in the random worlds of test/property/vtd, with changes and sufficient
// invalidations in between, against the reference model: it knows ordinary requests alone, from whose ends Table 30 of Intel VT-d
// Rev 5.10 (7.1.3) makes the completion. NI_SEED=n reproduces, NI_WORLD=i runs one world, NI_RUNS=n runs n times as many.

import { describe, expect, it } from "vitest";
import type { CacheOptions, VtdIommu } from "../../src/index.js";
import { onlyWorld, runs, seed } from "../property/settings.js";
import { change } from "../property/vtd/change.js";
import { describeRequest, Machine } from "../property/vtd/machine.js";
import { World } from "../property/vtd/world.js";
import type { Outcome, Request } from "../reference/vtd/iommu.js";
import { short } from "./ats-rig.js";

const WORLDS = 60 * runs;
const ROUNDS = 4;
const REQUESTS = 40;

const CACHES: Record<string, CacheOptions> = {
  default: {},
  minimum: {
    iotlb: { entries: 4, ways: 4 },
    walkCaches: { stage1: 4, stage2: 4, stage2Tlb: 4 },
    configCache: { contexts: 2 },
  },
  off: { iotlb: "off", walkCaches: "off", configCache: "off" },
};

// Table 30, columns of translation requests.
const UNSUPPORTED = new Set([0x1, 0x2, 0xd, 0x31, 0x33, 0x39, 0x41, 0x44, 0x45, 0x46, 0x48, 0x89]);
const ABORTED = new Set([
  0x3, 0x7, 0x8, 0x9, 0xa, 0xb, 0xc, 0xe, 0x30, 0x38, 0x3a, 0x40, 0x42, 0x43, 0x50, 0x52, 0x58, 0x5a, 0x5b,
  0x78, 0x7a, 0x7b, 0x7c, 0x7d, 0x87,
]);
/** Faults that come before DTE or TT are looked at. */
const BEFORE_DTE = new Set([
  0x1, 0x2, 0x8, 0x9, 0xa, 0xb, 0x30, 0x31, 0x33, 0x38, 0x39, 0x3a, 0x40, 0x41, 0x42, 0x43,
]);
/** Lack of write permission. */
const NO_WRITE = new Set([0x5, 0x85]);

/** What is expected of a translation request: a completion as a string, and what faults() has. */
interface Expected {
  completion: string;
  reason?: number;
  recorded?: boolean;
}

const isInterrupt = (address: bigint): boolean => address >> 20n === 0xfeen;

/** Whether the device of a request may use ATS, and FPD, by the entries in memory; undefined where there are none. */
function service({ image, scalable, rtaddr }: World, sid: number): { allowed: boolean; fpd: boolean } {
  const devfn = BigInt(sid & 0xff);
  const root = (rtaddr & ~0xfffn) + BigInt(sid >> 8) * 16n + (scalable && devfn >= 128n ? 8n : 0n);
  const table = image.read(root) & ~0xfffn;
  const low = image.read(scalable ? table + (devfn & 0x7fn) * 32n : table + devfn * 16n);
  return { allowed: scalable ? (low & 4n) !== 0n : ((low >> 2n) & 3n) === 1n, fpd: (low & 2n) !== 0n };
}

function deny(outcome: Outcome, privileged: boolean): Expected {
  if (outcome.kind !== "blocked") throw new Error("not blocked");
  const { reason, record } = outcome;
  if (UNSUPPORTED.has(reason)) return { completion: "UR", reason, recorded: record !== undefined };
  if (ABORTED.has(reason)) return { completion: "CA", reason, recorded: record !== undefined };
  return { completion: `none${privileged ? "p" : ""}/12`, reason, recorded: false };
}

/** A block that does not hold the interrupt range. */
function cut(lg2: number, ...addresses: bigint[]): number {
  const holds = addresses.some((address) => address >> BigInt(lg2) === 0xfee0_0000n >> BigInt(lg2));
  return holds ? Math.min(lg2, 20) : lg2;
}

/** What the ends of a write and a read make of a request for both; undefined where the model cannot tell. */
function expected(world: World, request: Request): Expected | undefined {
  const { reference, capabilities } = world;
  const { sid, pasid, iova } = request;
  const written = reference.access({ ...request, write: true });
  const privileged = pasid !== undefined && request.priv === true;
  if (written.kind === "interrupt") return undefined;
  if (written.kind === "blocked" && BEFORE_DTE.has(written.reason)) return deny(written, privileged);
  const { allowed, fpd } = service(world, sid);
  if (!allowed) {
    // 0x3 comes before TT of what the entry itself says, and after it of an unreadable table.
    if (written.kind === "blocked" && written.reason === 0x3) return undefined;
    return { completion: "UR", reason: world.scalable ? 0x44 : 0xd, recorded: !fpd };
  }
  // Pass-through lets a PASID ask for the interrupt range (SGN.8.2), which an ordinary request may not reach.
  if (written.kind === "blocked" && written.reason === 0x87 && isInterrupt(iova)) return undefined;
  const lacksWrite = written.kind === "blocked" && NO_WRITE.has(written.reason);
  if (written.kind === "blocked" && !lacksWrite) return deny(written, privileged);
  const read = reference.access({ ...request, write: false });
  if (read.kind === "blocked" && lacksWrite) return deny(read, privileged);
  const leaf = read.kind === "blocked" ? written : read;
  if (leaf.kind === "blocked") throw new Error("both blocked");
  const rights = `${read.kind === "blocked" ? "" : "r"}${lacksWrite ? "" : "w"}${privileged ? "p" : ""}`;
  const { firstStage1G, secondStage1G, firstStage, secondStage2M } = capabilities;
  const largest = firstStage1G || secondStage1G ? 30 : firstStage || secondStage2M ? 21 : 12;
  const whole = leaf.kind === "bypassed" ? largest : leaf.leafLg2;
  const lg2 = pasid === undefined ? cut(whole, leaf.pa, iova) : cut(whole, leaf.pa);
  return { completion: `${rights} ${((leaf.pa >> BigInt(lg2)) << BigInt(lg2)).toString(16)}/${lg2}` };
}

/** Serves all recorded faults. */
function emptyLog(iommu: VtdIommu): void {
  if (iommu.read32(0x34) === 0) return;
  const { cap } = iommu.features;
  const [at, count] = [Number((cap >> 24n) & 0x3ffn) * 16, Number((cap >> 40n) & 0xffn) + 1];
  for (let n = 0; n < count; n++) iommu.write32(at + 16 * n + 12, 0x8000_0000);
  iommu.write32(0x34, 1);
}

/** The completion of a machine, without N, which the reference model does not know. */
function actual({ iommu }: Machine, { sid, pasid, iova, priv = false }: Request): Expected {
  emptyLog(iommu);
  const tag = pasid === undefined ? {} : { pasid };
  const completion = iommu.requestTranslation({ stream: sid, ...tag, iova, privileged: priv, write: true });
  const [fault] = iommu.faults();
  const text = short({ ...completion, noSnoop: false });
  return fault ? { completion: text, reason: fault.reason, recorded: fault.recorded } : { completion: text };
}

/** The same of an access with a translated address: "pa", or the fault; the structures are those that `before` met. */
function translated(world: World, { sid, iova }: Request, before: Expected): Expected {
  const { reason } = before;
  if (reason !== undefined && (BEFORE_DTE.has(reason) || reason === 0x44 || reason === 0xd)) {
    return { completion: "blocked", reason, recorded: before.recorded ?? false };
  }
  const recorded = !service(world, sid).fpd;
  const legacy = !world.scalable;
  if (iova >> BigInt(world.capabilities.haw) !== 0n)
    return { completion: "blocked", reason: legacy ? 0x4 : 0x83, recorded };
  if (isInterrupt(iova)) return { completion: "blocked", reason: legacy ? 0xe : 0x87, recorded };
  return { completion: iova.toString(16) };
}

function actualTranslated({ iommu }: Machine, { sid, iova }: Request): Expected {
  emptyLog(iommu);
  const { ok, pa, fault } = iommu.translate({ stream: sid, iova, translated: true });
  if (!fault) return { completion: ok ? pa.toString(16) : "aborted" };
  return { completion: "blocked", reason: fault.reason, recorded: fault.recorded };
}

describe(`ATS against the VT-d reference model (seed ${seed})`, () => {
  const machines = Object.entries(CACHES).map(([name, caches]) => new Machine(name, caches, false, 16));
  const kinds = new Map<string, number>();

  function compare(world: World, request: Request): void {
    const where = `NI_SEED=${seed} NI_WORLD=${world.index} ${describeRequest(request)}`;
    const want = expected(world, request);
    if (want === undefined || want.reason === 0x44 || want.reason === 0xd) {
      // The reference model has set the flags of a write, which such a request does not reach.
      for (const machine of machines) machine.ask({ ...request, write: true });
    }
    if (want === undefined) return;
    const kind = want.reason === undefined ? "granted" : `0x${want.reason.toString(16)}`;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    for (const machine of machines)
      expect(actual(machine, request), `${machine.name} ${where}`).toEqual(want);
    if (request.pasid !== undefined || (!world.scalable && want.reason === 0x3)) return;
    const passed = translated(world, request, want);
    for (const machine of machines) {
      expect(actualTranslated(machine, request), `${machine.name}, translated ${where}`).toEqual(passed);
    }
  }

  function play(world: World): void {
    const write = (): void => {
      const journal = world.image.drain();
      for (const machine of machines) machine.write(journal);
    };
    for (const machine of machines) machine.begin(world);
    write();
    for (let round = 0; round < ROUNDS; round++) {
      for (let n = 0; n < REQUESTS; n++) {
        const request: Request = { ...world.request(), exec: false };
        if (world.random.chance(0.3)) {
          world.reference.access(request);
          for (const machine of machines) machine.ask(request);
        }
        compare(world, request);
      }
      const changes = [change(world), change(world)];
      write();
      for (const { descriptors } of changes) for (const machine of machines) machine.issue(descriptors);
    }
  }

  it("answers as the tables say, cached or not, under changes", { timeout: 60_000 * (1 + runs) }, () => {
    const [first, last] = [onlyWorld ?? 0, onlyWorld ?? WORLDS - 1];
    for (let index = first; index <= last; index++) {
      const world = new World(seed, index);
      if (world.capabilities.deviceTlb) play(world);
    }
    if (onlyWorld !== undefined) return;
    if (process.env.NI_VERBOSE !== undefined) console.log([...kinds]);
    // Much of everything was met.
    expect(kinds.get("granted")).toBeGreaterThan(800);
    expect(kinds.size).toBeGreaterThan(20);
  });
});
