// A machine under test with some choice of caches, set up from a random world, and its answers compared with the
// reference model's.

import type { CacheOptions, MachineOptions } from "../../../src/index.js";
import type { Outcome, Request } from "../../reference/vtd/iommu.js";
import { CoreFace } from "./core-face.js";
import type { Descriptor } from "./descriptor-bytes.js";
import type { World } from "./world.js";

/** A disagreement: the request's index and what differs. */
export interface Difference {
  at: number;
  text: string;
}

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

/** The status column: codes of 0x80 and more go from 0x40 on. */
export function expectedStatus(outcome: Outcome): number {
  if (outcome.kind === "translated") return 0;
  if (outcome.kind !== "blocked") return 1;
  return outcome.reason < 0x80 ? 0x80 | outcome.reason : 0x40 | (outcome.reason & 0x3f);
}

const FETCH_FAILURES = ["fsFetch", "fsRootFetch", "ssFetch", "ssRootFetch"];

/** Paging entries read, as the fetches column counts them: a read that fails is not one. */
function fetchesOf(outcome: Outcome): number {
  const reads = outcome.fetches.filter(({ what }) => what === "FS" || what === "SS").length;
  return outcome.kind === "blocked" && FETCH_FAILURES.includes(outcome.cause) ? reads - 1 : reads;
}

const INTERRUPTS_LG2 = 20n;
const isInterrupts = (address: bigint): boolean => address >> INTERRUPTS_LG2 === 0xfeen;

/** A leaf around the interrupt range, as input or as output, is cut to 1 MiB, so that no entry covers the range. */
function mayBeCut(leafLg2: number, address: bigint): boolean {
  const size = 1n << BigInt(leafLg2);
  return leafLg2 > 20 && isInterrupts((address & ~(size - 1n)) | (0xfee0_0000n & (size - 1n)));
}

export class Machine {
  readonly face: CoreFace;
  /** Without any cache the number of fetches must be the reference model's, too. */
  readonly cacheless: boolean;
  #legacy = false;

  constructor(
    readonly name: string,
    caches: CacheOptions & Pick<MachineOptions, "core">,
    batchCapacity = 1024,
  ) {
    this.cacheless = [caches.iotlb, caches.walkCaches, caches.configCache].every((cache) => cache === "off");
    this.face = new CoreFace(caches, batchCapacity);
  }

  /** Powers on with a world's capabilities, RAM and registers; memory comes with `write`. */
  begin(world: World): void {
    const { cap, ecap, haw } = world.registers;
    this.face.reset(cap, ecap, haw, world.image.ram);
    this.#legacy = !world.scalable;
    this.setRegisters(world.rtaddr, world.gsts);
  }

  setRegisters(rtaddr: bigint, gsts: bigint): void {
    this.face.registers(rtaddr, gsts);
  }

  write(journal: readonly [pa: bigint, value: bigint][]): void {
    for (const [pa, value] of journal) this.face.engine.memory.writeU64(pa, value);
  }

  readU64(pa: bigint): bigint {
    return this.face.engine.memory.readU64(pa);
  }

  issue(descriptors: readonly Descriptor[]): void {
    for (const descriptor of descriptors) {
      const code = this.face.issue(this.#legacy ? descriptor.subarray(0, 16) : descriptor);
      if (code !== 0) throw new Error(`${this.name}: descriptor ${Buffer.from(descriptor).toString("hex")} gave ${code}`);
    }
  }

  /** One request whose answer does not matter. */
  ask(request: Request): void {
    this.#fill([request]);
    this.face.run(1);
  }

  #fill(requests: readonly Request[]): void {
    const { batch } = this.face.engine;
    requests.forEach(({ sid, pasid, iova, write, exec, priv }, i) => {
      batch.stream[i] = sid;
      batch.pasid[i] = pasid === undefined ? 0 : 0x8000_0000 | pasid;
      batch.iova[i] = iova;
      batch.access[i] = (write ? 1 : 0) | (exec ? 2 : 0) | (priv ? 4 : 0);
    });
  }

  /** Runs the requests in one batch; the first disagreement, or undefined. */
  compare(requests: readonly Request[], outcomes: readonly Outcome[]): Difference | undefined {
    const { face } = this;
    this.#fill(requests);
    face.run(requests.length);
    const faults = new Map(face.faults.map((fault) => [fault.index, fault]));
    for (let i = 0; i < requests.length; i++) {
      const outcome = outcomes[i]!;
      const text = this.#difference(i, requests[i]!, outcome, faults.get(i));
      if (text === undefined) continue;
      const cause = outcome.kind === "blocked" ? ` (${outcome.cause})` : "";
      const who = `${this.name}: request ${i} ${describeRequest(requests[i]!)}`;
      return { at: i, text: `${who}: ${text}${cause}, answered by ${face.engine.batch.source[i]}` };
    }
    return undefined;
  }

  #difference(
    i: number,
    { iova }: Request,
    outcome: Outcome,
    fault: { reason: number; recorded: boolean } | undefined,
  ): string | undefined {
    const { batch } = this.face.engine;
    const status = batch.status[i]!;
    const expected = expectedStatus(outcome);
    if (status !== expected) return `status ${hex(status)}, expected ${hex(expected)}`;
    if (this.cacheless && outcome.kind === "translated" && batch.fetches[i]! < fetchesOf(outcome)) {
      return `${batch.fetches[i]} fetches, expected ${fetchesOf(outcome)}`;
    }
    if (outcome.kind === "blocked") {
      if (fault?.reason !== outcome.reason) return `reason ${fault?.reason}, expected ${outcome.reason}`;
      const reported = outcome.record !== undefined;
      return fault.recorded === reported ? undefined : `recorded ${fault.recorded}, expected ${reported}`;
    }
    if (fault !== undefined) return "a fault without a faulting status";
    if (batch.pa[i] !== outcome.pa) return `pa ${hex(batch.pa[i]!)}, expected ${hex(outcome.pa)}`;
    const leaf = batch.leafLg2[i]!;
    const cut = leaf === 20 && (mayBeCut(outcome.leafLg2, outcome.pa) || mayBeCut(outcome.leafLg2, iova));
    return leaf === outcome.leafLg2 || cut ? undefined : `leafLg2 ${leaf}, expected ${outcome.leafLg2}`;
  }
}

export function describeRequest({ sid, pasid, iova, write, exec, priv }: Request): string {
  const kind = `${priv ? "privileged " : ""}${write ? "write" : exec ? "execute" : "read"}`;
  return `{sid ${hex(sid)}${pasid === undefined ? "" : `, pasid ${pasid}`}, iova ${hex(iova)}, ${kind}}`;
}
