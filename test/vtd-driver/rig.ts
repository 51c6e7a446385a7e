// A driver under test, and what a person with a debugger would look at: context and PASID entries, descriptors in the
// invalidation queue, reports. Offsets and bit numbers are restated here from Intel VT-d Rev 5.10, chapters 6, 9 and 11.

import type { Endpoint, FaultReport } from "../../src/contract/driver.js";
import type { PageRequest } from "../../src/contract/machine.js";
import { VtdDriver, type VtdDriverOptions } from "../../src/vtd/driver/vtd-driver.js";

export const RW = { read: true, write: true } as const;
export const READ = { read: true, write: false } as const;
export const WRITE = { read: false, write: true } as const;

const RTADDR = 0x20;
const IQT = 0x88;
const IQA = 0x90;
const PAGE_FIELD = 0xf_ffff_ffff_f000n;
const WAIT = 5n;

export function endpoint(stream: number, changes: Partial<Endpoint> = {}): Endpoint {
  return { name: `dev${stream}`, stream, pasidBits: 20, ats: false, pri: false, ...changes };
}

export interface Dma {
  pasid?: number;
  write?: boolean;
  execute?: boolean;
  privileged?: boolean;
}

export class Rig {
  readonly driver: VtdDriver;
  readonly faults: FaultReport[] = [];
  readonly requests: PageRequest[] = [];
  /** What the listener says to page requests. */
  takesRequests = true;
  #seen = 0;

  constructor(options: VtdDriverOptions = {}) {
    this.driver = new VtdDriver(options);
    this.driver.listen({
      fault: (report) => void this.faults.push(report),
      pageRequest: (request) => {
        this.requests.push(request);
        return this.takesRequests;
      },
    });
    this.descriptors();
  }

  /** Probes endpoints with these source-ids. */
  probe(...streams: number[]): Endpoint[] {
    return streams.map((stream) => {
      const made = endpoint(stream);
      this.driver.probe(made);
      return made;
    });
  }

  /** Doublewords of memory. */
  words(address: bigint, count: number): bigint[] {
    return Array.from({ length: count }, (_, n) => this.driver.memory.readU64(address + BigInt(8 * n)));
  }

  /** Address of the context entry of a source-id: a root entry a bus, half of it for 128 device-functions. */
  contextAddress(stream: number): bigint {
    const root = this.driver.machine.read64(RTADDR) & PAGE_FIELD;
    const half = this.driver.memory.readU64(root + BigInt((stream >> 8) * 16 + ((stream >> 7) & 1) * 8));
    return (half & PAGE_FIELD) + BigInt((stream & 0x7f) * 32);
  }

  context(stream: number): bigint[] {
    return this.words(this.contextAddress(stream), 4);
  }

  /** Address of a PASID entry; undefined when the directory has no table for it. */
  entryAddress(stream: number, pasid: number): bigint | undefined {
    const directory = this.context(stream)[0]! & PAGE_FIELD;
    const slot = this.driver.memory.readU64(directory + BigInt((pasid >> 6) * 8));
    return (slot & 1n) === 0n ? undefined : (slot & PAGE_FIELD) + BigInt((pasid & 0x3f) * 64);
  }

  entry(stream: number, pasid: number): bigint[] | undefined {
    const at = this.entryAddress(stream, pasid);
    return at === undefined ? undefined : this.words(at, 8);
  }

  /** Domain-id of a PASID entry. */
  did(stream: number, pasid = 0): number {
    return Number(this.entry(stream, pasid)![1]! & 0xffffn);
  }

  /** Descriptors since the last call, as [low doubleword, high doubleword]; wait descriptors are left out. */
  descriptors(): [bigint, bigint][] {
    const { machine } = this.driver;
    const iqa = machine.read64(IQA);
    const base = iqa & PAGE_FIELD;
    const bytes = 4096 << Number(iqa & 7n);
    const tail = Number(machine.read64(IQT));
    const list: [bigint, bigint][] = [];
    let last = WAIT;
    for (; this.#seen !== tail; this.#seen = (this.#seen + 32) % bytes) {
      const at = base + BigInt(this.#seen);
      const [low, high, ...rest] = this.words(at, 4) as [bigint, bigint, bigint, bigint];
      if (rest.some((word) => word !== 0n)) throw new Error("reserved bits 255:128 set");
      last = low & 0xfn;
      if (last !== WAIT) list.push([low, high]);
    }
    if (last !== WAIT) throw new Error("the last descriptor is not a wait");
    return list;
  }

  /** What an operation puts into the invalidation queue. */
  sent(operation: () => void): [bigint, bigint][] {
    this.descriptors();
    operation();
    return this.descriptors();
  }

  /** Where a DMA goes: a physical address, "fault" when it was reported, "abort" when it ended silently. */
  dma(stream: number, iova: bigint, how: Dma = {}): bigint | "fault" | "abort" {
    const before = this.faults.length;
    const answer = this.driver.machine.translate({ stream, iova, ...how });
    if (answer.ok) return answer.pa;
    return this.faults.length > before ? "fault" : "abort";
  }
}
