// A random VT-d world: capabilities, RAM, root and context tables, PASID tables, second and first stages, devices;
// requests against it; and changes to it, each with the invalidations that suffice (VT-d 4.6, 6.5.2, Tables 23 and 24).

import { type Capabilities, decodeCapabilities } from "../../reference/vtd/capabilities.js";
import { type CapabilityRegisters, ReferenceVtd, type Request } from "../../reference/vtd/iommu.js";
import { PhysicalImage, randomRam } from "../physical-image.js";
import { Random } from "../random.js";
import { randomCapabilities } from "./capability-set.js";
import { Device } from "./device.js";
import { Domains } from "./domains.js";
import type { FirstStageSpace } from "./first-stage-space.js";
import type { GuestMemory } from "./guest-memory.js";
import { type PasidEntry, PasidTable } from "./pasid-table.js";
import { placeDevices, type RootTable } from "./root-table.js";

export class World {
  readonly random: Random;
  readonly registers: CapabilityRegisters;
  readonly capabilities: Capabilities;
  readonly reference: ReferenceVtd;
  readonly image: PhysicalImage;
  readonly domains: Domains;
  readonly devices: Device[] = [];
  readonly tables: PasidTable[] = [];
  readonly rootTable: RootTable;
  readonly scalable: boolean;

  constructor(
    readonly seed: number,
    readonly index: number,
  ) {
    const random = new Random(seed, 0x8086_0000 + index);
    this.random = random;
    this.registers = randomCapabilities(random);
    this.capabilities = decodeCapabilities(this.registers);
    const { haw, scalable, secondStage } = this.capabilities;
    this.scalable = scalable && random.chance(0.83);
    const ram = randomRam(random, haw);
    // Accessed flags as each entry is used: the choice of the machines under test (3.6.2 leaves it open).
    this.reference = new ReferenceVtd({ ...this.registers, ram, eagerFlags: true });
    this.image = new PhysicalImage(random, ram, this.reference.memory);
    this.domains = new Domains(random, this.image, this.capabilities, !this.scalable || secondStage);
    this.#makeDevices();
    this.rootTable = placeDevices(random, this.image, this.devices, this.scalable);
    for (const guest of this.domains.guests) guest.growData();
    this.reference.presetRegister("RTADDR", this.rtaddr);
    this.reference.presetRegister("GSTS", this.gsts);
  }

  /** RTADDR: the root table and TTM. */
  get rtaddr(): bigint {
    return this.rootTable.address | (this.scalable ? 1n << 10n : 0n);
  }

  /** TES and RTPS. */
  get gsts(): bigint {
    return 0xc000_0000n;
  }

  /** Setting the root table pointer forgets everything (CAP.ESRTPS), or at least switching translation off does. */
  get forgetsWithRoot(): boolean {
    return this.capabilities.scalable || this.registers.cap >> 63n === 1n;
  }

  /** Something leads through tables in another way than they were grown: addresses would not suffice. */
  get altered(): boolean {
    const brokenEntry = this.tables.some(({ entries }) => entries.some(({ broken }) => broken));
    return brokenEntry || this.devices.some(({ broken }) => broken);
  }

  #pasids(): number[] {
    const { random, capabilities } = this;
    const limit = 2 ** Math.min(capabilities.pasidBits, random.pick([3, 8, 13, 16, 20]));
    const pasids = new Set([capabilities.ridPasid ? random.below(limit) : 0]);
    if (capabilities.pasid) {
      for (let i = random.between(1, 5); i > 0; i--) {
        // Neighbours in one table, and others anywhere.
        const near = [...pasids][0]! ^ random.below(Math.min(limit, 16));
        pasids.add(random.chance(0.6) ? near % limit : random.below(limit));
      }
    }
    return [...pasids];
  }

  #sids(count: number): number[] {
    const { random } = this;
    const sids = new Set<number>();
    const bus = random.below(256);
    while (sids.size < count) {
      const devfn = random.chance(0.5) ? random.below(16) : random.below(256);
      sids.add((random.chance(0.7) ? bus : random.below(256)) * 256 + devfn);
    }
    return [...sids];
  }

  #makeDevices(): void {
    const { random, domains, tables } = this;
    for (const sid of this.#sids(random.between(2, 5))) {
      let table: PasidTable | undefined;
      if (this.scalable) {
        table = tables.length > 0 && random.chance(0.3) ? random.pick(tables) : undefined;
        if (table === undefined) {
          table = new PasidTable(random, domains, this.#pasids());
          tables.push(table);
        }
      }
      const device = new Device(domains, sid, table);
      if (random.chance(0.05)) device.breakEntry();
      this.devices.push(device);
    }
  }

  /** A random request, mostly at addresses that lead somewhere. */
  request(): Request {
    const { random } = this;
    const device = random.pick(this.devices);
    const request: Request = { sid: device.sid, iova: 0n, write: random.chance(0.4) };
    if (random.chance(0.03))
      request.sid = random.chance(0.7) ? device.sid ^ (1 << random.below(16)) : random.below(0x1_0000);
    let entry = device.ridEntry;
    if (device.table !== undefined && this.capabilities.pasid && random.chance(0.6)) {
      const others = device.table.entries.filter(
        ({ pasid }) => pasid !== device.ridPasid || random.chance(0.02),
      );
      if (others.length > 0) {
        entry = random.pick(others);
        request.pasid = entry.pasid;
      }
    }
    if (random.chance(0.02)) request.pasid = random.chance(0.5) ? random.below(2 ** 20) : random.below(64);
    if (request.pasid !== undefined || random.chance(0.1)) {
      request.priv = random.chance(0.2);
      request.exec = !request.write && random.chance(0.06);
    }
    request.iova = this.#address(entry, device.guest);
    if (random.chance(0.02)) request.iova ^= 1n << BigInt(random.below(64));
    return request;
  }

  #address(entry: PasidEntry | undefined, legacy: GuestMemory | undefined): bigint {
    const { random } = this;
    const guest = entry?.guest ?? legacy;
    if (random.chance(0.012)) return 0xfee0_0000n | random.bits(20);
    if (entry?.space !== undefined && random.chance(0.97)) return this.#firstStageAddress(entry.space);
    if (guest !== undefined && random.chance(0.97)) return this.#guestAddress(guest);
    return random.bits(
      random.pick([20, 31, 32, 39, 48, this.capabilities.haw, this.capabilities.haw, 57, 64]),
    );
  }

  #firstStageAddress(space: FirstStageSpace): bigint {
    const { random } = this;
    const { tree } = space;
    const input = random.pick(tree.targets);
    const slot = random.chance(0.25) && tree.slots.length > 0 ? random.pick(tree.slots) : undefined;
    const near = slot !== undefined && slot.kind !== "table" ? this.#inside(slot) : this.#nearby(input);
    return space.iova(this.#mappedTwice(space, near) % (1n << BigInt(tree.shape.inputBits)));
  }

  /** Of a large nested leaf mostly what the second stage maps, too. */
  #mappedTwice({ tree, guest }: FirstStageSpace, input: bigint): bigint {
    const { random, image } = this;
    if (guest === undefined || random.chance(0.2)) return input;
    for (const { kind, level, input: start, sizeLg2, pa } of tree.slots) {
      const size = BigInt(sizeLg2);
      if (kind !== "leaf" || level === 1 || (input - start) >> size !== 0n) continue;
      const output = (image.read(pa) & 0x000f_ffff_ffff_f000n) >> size;
      const gpas = guest.dataGpas.filter((gpa) => gpa >> size === output);
      return gpas.length === 0 ? input : start | (random.pick(gpas) & ((1n << size) - 1n));
    }
    return input;
  }

  #guestAddress({ tree, dataGpas }: GuestMemory): bigint {
    const { random } = this;
    const slot = random.chance(0.35) ? random.pick(tree.slots) : undefined;
    if (slot !== undefined && slot.kind !== "table") return this.#inside(slot);
    return this.#nearby(random.chance(0.7) ? random.pick(tree.targets) : random.pick(dataGpas));
  }

  /** Anywhere in what an entry covers. */
  #inside({ input, sizeLg2 }: { input: bigint; sizeLg2: number }): bigint {
    return input + this.random.bits(sizeLg2);
  }

  #nearby(address: bigint): bigint {
    const { random } = this;
    const other = random.chance(0.1) ? address ^ (1n << BigInt(random.between(12, 30))) : address;
    return (other & ~0xfffn) | random.bits(12);
  }
}
