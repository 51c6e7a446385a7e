// A guest's memory and first-stage tables: its RAM is one piece of physical memory, its tables lie in it at
// guest-physical addresses.

import type { Endpoint, GpasidBinding, Invalidation, IommuDomain } from "../../src/contract/driver.js";
import { VtdFirstStageTable } from "../../src/memory/vtd-first-stage.js";
import type { VtdDriver } from "../../src/vtd/driver/vtd-driver.js";
import { type Rig, RW } from "./rig.js";

export const RAM = 0x8000_0000n;
export const RAM_SIZE = 0x1000_0000n;

export class Guest {
  readonly #driver: VtdDriver;
  /** Physical address of guest-physical address 0. */
  readonly offset: bigint;
  #next: bigint;

  /** @param first guest-physical address from which on tables are put */
  constructor(driver: VtdDriver, offset = RAM, first = 0x100_0000n) {
    this.#driver = driver;
    this.offset = offset;
    this.#next = first;
  }

  /** The next free block, aligned to its size. */
  allocate = (bytes: number): bigint => {
    const size = BigInt(bytes);
    const at = ((this.#next + size - 1n) / size) * size;
    this.#next = at + size;
    return at;
  };

  readU64 = (gpa: bigint): bigint => this.#driver.memory.readU64(gpa + this.offset);
  writeU64 = (gpa: bigint, value: bigint): void => this.#driver.memory.writeU64(gpa + this.offset, value);

  /** An empty first stage; tables that get empty stay, so that pointers to them stay right. */
  table(levels: 4 | 5 = 4): VtdFirstStageTable {
    return new VtdFirstStageTable({ levels, memory: this, allocate: this.allocate, keepEmptyTables: true });
  }
}

/** A binding of a first stage. */
export function bindingOf(
  hpasid: number,
  table: VtdFirstStageTable,
  changes: Partial<GpasidBinding> = {},
): GpasidBinding {
  const addressWidth = table.startLevel === -1 ? 57 : 48;
  return { hpasid, gpgd: table.root, addressWidth, flags: 0n, pat: 0, emt: 0, ...changes };
}

/** A guest with 256 MiB of RAM behind endpoints with these source-ids, nothing bound. */
export function boot(
  rig: Rig,
  ...streams: number[]
): { devices: Endpoint[]; domain: IommuDomain; vm: Guest } {
  const devices = rig.probe(...streams);
  const domain = rig.driver.createDomain(true);
  for (const device of devices) domain.attach(device);
  domain.map(0n, RAM, RAM_SIZE, RW);
  return { devices, domain, vm: new Guest(rig.driver) };
}

/** What a guest asks to be invalidated; by default nothing of nothing. */
export function invalidation(request: Partial<Invalidation>): Invalidation {
  return {
    iotlb: false,
    deviceTlb: false,
    pasidCache: false,
    granularity: "domain",
    leaf: false,
    address: 0n,
    size: 0n,
    ...request,
  };
}
