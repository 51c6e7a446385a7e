// A random world: features, RAM, stream table, VMs, address spaces, streams; requests against it; and changes to
// it, each with commands that suffice to make the change visible (IHI 0070 4.3, 4.4, 5.2.1, 5.4.1).

import { decodeFeatures, type Features } from "../reference/features.js";
import { type IdRegisters, ReferenceSmmu, type Request } from "../reference/smmu.js";
import { AddressSpace } from "./address-space.js";
import { randomFeatures } from "./feature-set.js";
import { PhysicalImage, randomRam } from "./physical-image.js";
import { Random } from "./random.js";
import { type CdPlace, type CdTable, makeCdTable, Stream, writeCd } from "./stream.js";
import { placeStreamTable, type StreamTable } from "./stream-layout.js";
import { VirtualMachine } from "./virtual-machine.js";

export class World {
  readonly random: Random;
  readonly idr: IdRegisters;
  readonly features: Features;
  readonly reference: ReferenceSmmu;
  readonly image: PhysicalImage;
  readonly vms: VirtualMachine[] = [];
  readonly spaces: AddressSpace[] = [];
  readonly streams: Stream[] = [];
  readonly streamTable: StreamTable;
  readonly registers: Record<string, bigint>;
  #nextVmid: number;
  #nextAsid: number;

  constructor(
    readonly seed: number,
    readonly index: number,
  ) {
    const random = new Random(seed, index);
    this.random = random;
    this.idr = randomFeatures(random);
    this.features = decodeFeatures(this.idr);
    const ram = randomRam(random, this.features.outputBits);
    this.reference = new ReferenceSmmu({ idr: this.idr, ram });
    this.image = new PhysicalImage(random, ram, this.reference.memory);
    this.#nextVmid = random.below(this.features.vmid16 ? 0xff00 : 0x80);
    this.#nextAsid = random.below(this.features.asid16 ? 0xff00 : 0x80);
    this.#makeStreams();
    this.streamTable = placeStreamTable(random, this.image, this.features, this.streams);
    for (const vm of this.vms) vm.growData();
    this.registers = {
      CR2: random.chance(0.8) ? 2n : 0n,
      GBPA: random.chance(0.5) ? 0n : 1n << 20n,
      STRTAB_BASE: this.streamTable.base,
      STRTAB_BASE_CFG: this.streamTable.config,
      CR0: 0xdn,
    };
    for (const [name, value] of Object.entries(this.registers)) this.reference.presetRegister(name, value);
  }

  freshVmid(): number {
    if (!this.features.stage2) return 0;
    return this.#nextVmid++;
  }

  #makeVm(): VirtualMachine {
    const { random, image, features } = this;
    const vm = new VirtualMachine(
      random,
      image,
      features,
      this.freshVmid(),
      features.stage2 && random.chance(0.75),
    );
    this.vms.push(vm);
    return vm;
  }

  #makeSpace(vm: VirtualMachine): AddressSpace {
    const { random, features } = this;
    // Distinct address spaces of one VMID get distinct ASIDs; across VMIDs they may be equal.
    const asid =
      random.chance(0.3) && features.stage2 ? (this.#nextAsid & ~3) + this.#inVm(vm) : this.#nextAsid++;
    const taken = this.spaces.some((space) => space.vm === vm && space.asid === asid);
    const space = new AddressSpace(random, vm, features, taken ? this.#nextAsid++ : asid);
    space.grow(random.between(3, 9));
    if (random.chance(0.07)) space.breakCd();
    this.spaces.push(space);
    return space;
  }

  #inVm(vm: VirtualMachine): number {
    return this.spaces.filter((space) => space.vm === vm).length;
  }

  #makeStreams(): void {
    const { random, features, image } = this;
    const count = random.between(2, 5);
    const sids = new Set<number>();
    const sidLimit = 2 ** Math.min(features.sidSize, random.pick([4, 8, 12]));
    while (sids.size < count) sids.add(random.below(sidLimit));
    for (const sid of sids) {
      // Without stage 2 there are no VMIDs: one VM holds everything.
      const fresh = this.vms.length === 0 || (features.stage2 && random.chance(0.6));
      const vm = fresh ? this.#makeVm() : random.pick(this.vms);
      const shared = this.streams.filter((stream) => stream.vm === vm && stream.table !== undefined);
      let table: CdTable | undefined;
      if (shared.length > 0 && (vm.single || random.chance(0.3))) {
        table = random.pick(shared).table;
      } else if (features.stage1 && random.chance(0.85)) {
        const spaces = Array.from({ length: vm.single ? 1 : random.between(1, 3) }, () =>
          this.#makeSpace(vm),
        );
        table = makeCdTable(random, features, vm, spaces);
        for (const place of table?.places ?? []) writeCd(vm, place);
      }
      const stream = new Stream(random, image, features, sid, vm, table);
      if (random.chance(0.05)) stream.breakSte(this.freshVmid());
      this.streams.push(stream);
    }
  }

  /** A random request, mostly at addresses that lead somewhere. */
  request(): Request {
    const { random } = this;
    const request: Request = {
      sid: 0,
      iova: 0n,
      write: random.chance(0.4),
      exec: random.chance(0.2),
      priv: random.chance(0.4),
    };
    let stream = random.pick(this.streams);
    if (!stream.stage1) stream = random.pick(this.streams);
    request.sid = random.chance(0.97)
      ? stream.sid
      : random.chance(0.5)
        ? stream.sid ^ (1 << random.below(16))
        : random.word();
    const place = stream.table === undefined ? undefined : random.pick(stream.table.places);
    if (place !== undefined) {
      request.ssid = this.#substream(stream, place);
      request.iova = this.#virtualAddress(place.space);
    } else {
      request.iova = this.#physicalAddress(stream.vm);
    }
    if (random.chance(stream.stage1 && request.ssid !== undefined ? 0.02 : stream.stage1 ? 0.1 : 0.9)) {
      request.iova = this.#physicalAddress(stream.vm);
    }
    if (random.chance(0.03)) {
      const bits = Math.min(20, (stream.table?.cdMax ?? 0) + 1);
      request.ssid = random.below(2 ** (random.chance(0.5) ? bits : 20));
    }
    if (random.chance(0.02)) request.iova ^= 1n << BigInt(random.below(64));
    return request;
  }

  /** The SubstreamID that reaches a CD, as S1DSS wants it, or now and then not. */
  #substream(stream: Stream, { ssid }: CdPlace): number | undefined {
    const { random } = this;
    if (stream.table!.cdMax === 0 || !stream.stage1) return undefined;
    if (random.chance(0.04)) return random.chance(0.5) ? undefined : ssid;
    const dss = Number(stream.ste[1]! & 3n);
    if (dss === 2) return ssid === 0 ? undefined : ssid;
    return dss === 1 && random.chance(0.2) ? undefined : ssid;
  }

  #virtualAddress(space: AddressSpace): bigint {
    const { random } = this;
    if (space.halves.length === 0 || random.chance(0.03)) return random.bits(64);
    const half = random.pick(space.halves);
    const { tree } = half;
    const limit = 1n << BigInt(tree.shape.inputBits);
    let input = random.pick(tree.targets);
    if (random.chance(0.12)) input = (input ^ (1n << BigInt(random.between(12, 30)))) % limit;
    const slot = random.chance(0.3) && tree.slots.length > 0 ? random.pick(tree.slots) : undefined;
    if (slot !== undefined && slot.kind !== "table") {
      const span = BigInt(slot.sizeLg2) + BigInt(Math.log2(slot.count));
      input = (slot.input + (random.bits(52) % (1n << span))) % limit;
    }
    const va = space.va(half, (input & ~0xfffn) | random.bits(12));
    return random.chance(0.04) ? (va & ~(0xffn << 56n)) | (random.bits(8) << 56n) : va;
  }

  #physicalAddress(vm: VirtualMachine): bigint {
    const { random } = this;
    const slots = vm.stage2?.slots ?? [];
    const slot = slots.length > 0 && random.chance(0.4) ? random.pick(slots) : undefined;
    if (slot !== undefined && slot.kind !== "table") {
      return slot.input + (random.bits(52) % (BigInt(slot.count) << BigInt(slot.sizeLg2)));
    }
    if (vm.dataIpas.length > 0 && random.chance(0.9)) return random.pick(vm.dataIpas) ^ random.bits(12);
    return random.bits(random.pick([20, 31, 32, this.features.outputBits, this.features.outputBits, 64]));
  }

  /** Streams that reach a CD, as (stream, SubstreamID) pairs. */
  reaching(place: CdPlace): { sid: number; ssid: number }[] {
    return this.streams
      .filter((stream) => stream.table?.places.includes(place))
      .map((stream) => ({ sid: stream.sid, ssid: place.ssid }));
  }
}
