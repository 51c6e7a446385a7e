// A driver with one guest behind stream 8: 256 MiB of RAM, its own tables and CDs in it, nothing bound yet.

import type { Endpoint, Invalidation, IommuDomain } from "../../src/contract/driver.js";
import { SMMUV3_PRESETS } from "../../src/smmuv3/features.js";
import { Guest } from "./guest.js";
import { Rig, RW } from "./rig.js";

/** Physical address of the guest's RAM. */
export const RAM = 0x8000_0000n;
export const RAM_SIZE = 0x1000_0000n;

export class VirtualMachine {
  readonly rig: Rig;
  readonly device: Endpoint;
  readonly domain: IommuDomain;
  readonly guest: Guest;

  constructor(features = SMMUV3_PRESETS.host) {
    this.rig = new Rig({ machine: { features } });
    this.device = this.rig.probe(8)[0]!;
    this.domain = this.rig.driver.createDomain(true);
    this.domain.attach(this.device);
    this.domain.map(0n, RAM, RAM_SIZE, RW);
    this.guest = new Guest(this.rig.driver, RAM);
  }

  invalidate(request: Partial<Invalidation>): void {
    this.domain.invalidate({
      iotlb: false,
      deviceTlb: false,
      pasidCache: false,
      granularity: "domain",
      leaf: false,
      address: 0n,
      size: 0n,
      ...request,
    });
  }
}
