// A driver under test, and what a person with a debugger would look at: stream table, command queue, reports.
// Offsets and bit numbers are restated here from Arm IHI 0070 G.b, chapters 4 to 6.

import type { Endpoint, FaultReport } from "../../src/contract/driver.js";
import type { PageRequest } from "../../src/contract/machine.js";
import { SmmuV3Driver, type SmmuV3DriverOptions } from "../../src/smmuv3/driver/smmuv3-driver.js";

export const RW = { read: true, write: true } as const;
export const READ = { read: true, write: false } as const;
export const WRITE = { read: false, write: true } as const;

const STRTAB_BASE = 0x80;
const CMDQ_BASE = 0x90;
const CMDQ_PROD = 0x98;
const ADDRESS = 0x00ff_ffff_ffff_ffc0n;

export function endpoint(stream: number, changes: Partial<Endpoint> = {}): Endpoint {
  return { name: `dev${stream}`, stream, pasidBits: 20, ats: false, pri: false, ...changes };
}

export class Rig {
  readonly driver: SmmuV3Driver;
  readonly faults: FaultReport[] = [];
  readonly requests: PageRequest[] = [];
  /** What the listener says to page requests. */
  takesRequests = true;
  #seen = 0;

  constructor(options: SmmuV3DriverOptions = {}) {
    this.driver = new SmmuV3Driver(options);
    this.driver.listen({
      fault: (report) => void this.faults.push(report),
      pageRequest: (request) => {
        this.requests.push(request);
        return this.takesRequests;
      },
    });
    this.commands();
  }

  /** Probes endpoints with these StreamIDs. */
  probe(...streams: number[]): Endpoint[] {
    return streams.map((stream) => {
      const made = endpoint(stream);
      this.driver.probe(made);
      return made;
    });
  }

  /** The eight doublewords of a stream's entry, found as the hardware does with SPLIT = 10. */
  ste(stream: number): bigint[] {
    const { machine, memory } = this.driver;
    const root = machine.read64(STRTAB_BASE) & ADDRESS;
    const l1 = memory.readU64(root + BigInt(Math.floor(stream / 1024)) * 8n);
    const at = (l1 & ADDRESS) + BigInt(stream % 1024) * 64n;
    return Array.from({ length: 8 }, (_, n) => memory.readU64(at + BigInt(8 * n)));
  }

  /** Commands since the last call, as [low doubleword, high doubleword]. */
  commands(): [bigint, bigint][] {
    const { machine, memory } = this.driver;
    const base = machine.read64(CMDQ_BASE);
    const lg2 = Number(base & 0x1fn);
    const entries = 2 ** lg2;
    const prod = machine.read32(CMDQ_PROD);
    const list: [bigint, bigint][] = [];
    for (; this.#seen !== prod; this.#seen = (this.#seen + 1) % (2 * entries)) {
      const at = (base & 0x00ff_ffff_ffff_ffe0n) + BigInt((this.#seen % entries) * 16);
      list.push([memory.readU64(at), memory.readU64(at + 8n)]);
    }
    return list;
  }

  /** Where a DMA goes: a physical address, "fault" when it was reported, "abort" when it ended silently. */
  dma(
    stream: number,
    iova: bigint,
    how: { pasid?: number; write?: boolean; execute?: boolean } = {},
  ): bigint | "fault" | "abort" {
    const before = this.faults.length;
    const answer = this.driver.machine.translate({ stream, iova, ...how });
    if (answer.ok) return answer.pa;
    return this.faults.length > before ? "fault" : "abort";
  }
}
