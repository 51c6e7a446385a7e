// One request's way through the tables: what it read, and the fault processing disable bits it met (VT-d 9.4 FPD:
// ORed over context entry, PASID directory entry and PASID entry, present or not).
// A read outside RAM or above the host address width fails; nothing is cached.

import type { ReferenceMemory } from "../memory.js";
import { exceeds } from "../structure.js";
import type { Capabilities } from "./capabilities.js";
import type { Fetch } from "./outcome.js";

export class TableLookup {
  readonly fetches: Fetch[] = [];
  faultsDisabled = false;

  constructor(
    readonly memory: ReferenceMemory,
    readonly capabilities: Capabilities,
    /** Accessed flags are set as each entry is used, not once the whole walk and the permissions are fine. */
    readonly eagerFlags = false,
  ) {}

  /** `count` doublewords at a physical address; undefined = the access failed. */
  read(fetch: Fetch, count: number): bigint[] | undefined {
    this.fetches.push(fetch);
    if (exceeds(fetch.address + 8n * BigInt(count) - 1n, this.capabilities.haw)) return undefined;
    return this.memory.readStructure(fetch.address, count);
  }

  /** Sets flags of a paging entry: reads it again and writes it back, as one atomic update. */
  setFlags(address: bigint, flags: bigint): boolean {
    const value = this.memory.readDoubleword(address);
    return value !== undefined && this.memory.writeDoubleword(address, value | flags);
  }
}
