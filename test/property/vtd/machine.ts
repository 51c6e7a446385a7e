// A machine under test: the VtdIommu of the public API with some choice of caches, set up from a random world, and its
// answers compared with the reference model's.

import { type CacheOptions, VtdIommu, type VtdOptions } from "../../../src/index.js";
import type { Outcome, Request } from "../../reference/vtd/iommu.js";
import type { Descriptor } from "./descriptor-bytes.js";
import type { World } from "./world.js";

// VT-d 11.4.4, 11.4.5, 11.4.9: offsets and bits.
const GCMD = 0x18;
const RTADDR = 0x20;
const FSTS = 0x34;
const TE = 1n << 31n;
const PFO = 1;
const F = 0x8000_0000;
/** PRIV, EXE, PP and PV in the upper half of a record: zero in units without PASID (11.4.14). */
const OF_PASID = (0xf_ffffn << 40n) | (7n << 29n);

/** A disagreement: the request's index and what differs. */
export interface Difference {
  at: number;
  text: string;
}

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** The status column: codes of 0x80 and more go from 0x40 on. */
export function expectedStatus(outcome: Outcome): number {
  if (outcome.kind === "translated") return 0;
  if (outcome.kind !== "blocked") return 1;
  return outcome.reason < 0x80 ? 0x80 | outcome.reason : 0x40 | (outcome.reason & 0x3f);
}

/** Paging entries read, as the fetches column counts them. */
const fetchesOf = (outcome: Outcome): number =>
  outcome.fetches.filter(({ what }) => what === "FS" || what === "SS").length;

/** A leaf around the interrupt range FEEx_xxxx is cut to 1 MiB, so that no cached entry covers the range (3.14). */
function mayBeCut(leafLg2: number, address: bigint): boolean {
  const size = BigInt(leafLg2);
  return leafLg2 > 20 && address >> size === 0xfee0_0000n >> size;
}

export class Machine {
  readonly iommu: VtdIommu;
  /** Without any cache the number of fetches must be the reference model's, too. */
  readonly cacheless: boolean;
  #legacy = false;
  /** Fault recording registers, and where they are. */
  #records = 0;
  #recordsAt = 0;
  #recordMask = 0n;

  constructor(
    readonly name: string,
    caches: CacheOptions & Pick<VtdOptions, "core">,
    /** The fault recording registers are emptied before and compared after every batch. */
    readonly logs: boolean,
    readonly batchCapacity = 1024,
  ) {
    this.cacheless = [caches.iotlb, caches.walkCaches, caches.configCache].every((cache) => cache === "off");
    this.iommu = new VtdIommu({ ...caches, batchCapacity, memoryLimit: 2 ** 28 });
  }

  /** Powers on with a world's capabilities, RAM and registers; memory comes with `write`. */
  begin(world: World): void {
    const { cap, ecap, haw } = world.registers;
    this.iommu.reset({ features: { cap, ecap, hostWidth: haw }, ram: world.image.ram });
    this.#legacy = !world.scalable;
    this.#records = Number((cap >> 40n) & 0xffn) + 1;
    this.#recordsAt = Number((cap >> 24n) & 0x3ffn) * 16;
    this.#recordMask = world.capabilities.pasid ? ~0n : ~OF_PASID;
    this.setRegisters(world.rtaddr, world.gsts);
  }

  /** Translation off, a root table, translation as asked. */
  setRegisters(rtaddr: bigint, gsts: bigint): void {
    const { iommu } = this;
    iommu.write32(GCMD, Number(gsts & ~TE));
    iommu.write64(RTADDR, rtaddr);
    iommu.write32(GCMD, Number(gsts & ~TE));
    iommu.write32(GCMD, Number(gsts));
  }

  write(journal: readonly [pa: bigint, value: bigint][]): void {
    for (const [pa, value] of journal) this.iommu.memory.writeU64(pa, value);
  }

  issue(descriptors: readonly Descriptor[]): void {
    for (const descriptor of descriptors) {
      const code = this.iommu.issue(this.#legacy ? descriptor.subarray(0, 16) : descriptor);
      if (code !== 0) throw new Error(`${this.name}: descriptor ${hexOf(descriptor)} gave IQE code ${code}`);
    }
  }

  /** One request whose answer does not matter. */
  ask(request: Request): void {
    this.#fill([request]);
    this.iommu.run(1);
  }

  #fill(requests: readonly Request[]): void {
    const { batch } = this.iommu;
    requests.forEach(({ sid, pasid, iova, write, exec, priv }, i) => {
      batch.stream[i] = sid;
      batch.pasid[i] = pasid === undefined ? 0 : 0x8000_0000 | pasid;
      batch.iova[i] = iova;
      batch.access[i] = (write ? 1 : 0) | (exec ? 2 : 0) | (priv ? 4 : 0);
    });
  }

  /** Serves all recorded faults. */
  #emptyLog(): void {
    const { iommu } = this;
    for (let n = 0; n < this.#records; n++) {
      const at = this.#recordsAt + 16 * n + 12;
      if ((iommu.read32(at) & F) !== 0) iommu.write32(at, F);
    }
    iommu.write32(FSTS, PFO);
  }

  /** What is wrong in the recording registers after a batch: in order from FSTS.FRI on, as many as there are. */
  #logDifference(outcomes: readonly Outcome[]): string | undefined {
    const { iommu } = this;
    const first = (iommu.read32(FSTS) >>> 8) & 0xff;
    const reported = outcomes.flatMap((outcome) =>
      outcome.kind === "blocked" && outcome.record !== undefined ? [outcome.record] : [],
    );
    for (const [n, record] of reported.slice(0, this.#records).entries()) {
      const at = this.#recordsAt + 16 * ((first + n) % this.#records);
      const expected = new DataView(record.buffer);
      const words = [
        expected.getBigUint64(0, true),
        expected.getBigUint64(8, true) & this.#recordMask,
      ] as const;
      const actual = [iommu.read64(at), iommu.read64(at + 8)] as const;
      if (actual[0] !== words[0] || actual[1] !== words[1]) {
        return `record ${n} is ${actual.map(hex)}, expected ${words.map(hex)}`;
      }
    }
    const overflow = (iommu.read32(FSTS) & PFO) !== 0;
    return overflow === reported.length > this.#records ? undefined : `FSTS.PFO is ${overflow}`;
  }

  /** Runs the requests in one batch; the first disagreement, or undefined. */
  compare(requests: readonly Request[], outcomes: readonly Outcome[]): Difference | undefined {
    const { iommu } = this;
    if (this.logs) this.#emptyLog();
    this.#fill(requests);
    iommu.run(requests.length);
    const faults = new Map(iommu.faults().map((fault) => [fault.index, fault]));
    let room = this.#records;
    for (let i = 0; i < requests.length; i++) {
      const outcome = outcomes[i]!;
      const recorded = outcome.kind === "blocked" && outcome.record !== undefined && room-- > 0;
      const text =
        this.#difference(i, requests[i]!, outcome, faults.get(i)?.reason) ??
        (this.logs && (faults.get(i)?.recorded ?? false) !== recorded
          ? `recorded is not ${recorded}`
          : undefined);
      if (text === undefined) continue;
      const cause = outcome.kind === "blocked" ? ` (${outcome.cause})` : "";
      const who = `${this.name}: request ${i} ${describeRequest(requests[i]!)}`;
      return { at: i, text: `${who}: ${text}${cause}, answered by ${iommu.batch.source[i]}` };
    }
    const log = this.logs ? this.#logDifference(outcomes) : undefined;
    return log === undefined ? undefined : { at: 0, text: `${this.name}: ${log}` };
  }

  #difference(
    i: number,
    { iova }: Request,
    outcome: Outcome,
    reason: number | undefined,
  ): string | undefined {
    const { batch } = this.iommu;
    const status = batch.status[i]!;
    const expected = expectedStatus(outcome);
    if (status !== expected) return `status ${hex(status)}, expected ${hex(expected)}`;
    if (outcome.kind === "blocked") {
      return reason === outcome.reason ? undefined : `reason ${reason}, expected ${outcome.reason}`;
    }
    if (reason !== undefined) return "a fault without a faulting status";
    if (batch.pa[i] !== outcome.pa) return `pa ${hex(batch.pa[i]!)}, expected ${hex(outcome.pa)}`;
    // Setting flags of a nested first stage asks the second stage again.
    const nested = outcome.fsLeafLg2 !== undefined && outcome.ssLeafLg2 !== undefined;
    const surplus = batch.fetches[i]! - fetchesOf(outcome);
    if (this.cacheless && (nested ? surplus < 0 : surplus !== 0)) {
      return `${batch.fetches[i]} fetches, expected ${fetchesOf(outcome)}`;
    }
    const leaf = batch.leafLg2[i]!;
    const cut = leaf === 20 && (mayBeCut(outcome.leafLg2, outcome.pa) || mayBeCut(outcome.leafLg2, iova));
    return leaf === outcome.leafLg2 || cut ? undefined : `leafLg2 ${leaf}, expected ${outcome.leafLg2}`;
  }
}

export function describeRequest({ sid, pasid, iova, write, exec, priv }: Request): string {
  const kind = `${priv ? "privileged " : ""}${write ? "write" : exec ? "execute" : "read"}`;
  return `{sid ${hex(sid)}${pasid === undefined ? "" : `, pasid ${pasid}`}, iova ${hex(iova)}, ${kind}}`;
}
