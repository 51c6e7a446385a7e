// Two hosts that get the same calls and the same writes of guests. Devices do DMA on one of them, the subject, only: so
// every byte in which the memories differ afterwards was written by a DMA or a walk.

import {
  type CacheOptions,
  type Container,
  type Group,
  type ProfileName,
  SmmuV3Driver,
  type SmmuV3Options,
  Vfio,
} from "../../src/index.js";
import type { SmmuFeatures } from "../../src/smmuv3/features.js";
import { type Mapping, pageAt } from "./grants.js";
import { HOST, PAGE } from "./physical-pages.js";

const FRAME = 65536;
// IHI 0070 6.1: EVENTQ_BASE, PRIQ_BASE, and their entries.
const OUTPUT_QUEUES = [
  { register: 0xa0, entry: 32 },
  { register: 0xc0, entry: 16 },
];

export interface HostOptions {
  features: SmmuFeatures;
  caches: CacheOptions & Pick<SmmuV3Options, "core">;
  profile: ProfileName;
  /** Pages are found by a pin function; otherwise vaddr is the physical address. */
  pins: boolean;
  devices: { name: string; stream: number; ats: boolean }[];
  containers: number;
  batch: number;
}

/** What the pin function answers: the pages of the MAP_DMA at work, as many as can be pinned. */
export interface PinPlan extends Pick<Mapping, "pages"> {
  readonly vaddr: bigint;
  readonly limit: number;
}

export interface Host {
  driver: SmmuV3Driver;
  containers: Container[];
  groups: Group[];
}

/** A byte that DMA or a walk changed. */
export interface Difference {
  pa: number;
  before: bigint;
  after: bigint;
}

export class HostPair {
  readonly subject: Host;
  readonly twin: Host;
  #plan: PinPlan | undefined;
  /** Frames that have ever been written by a guest or by the host for it. */
  readonly #frames = new Set<number>();
  readonly #ours = new Uint8Array(FRAME);
  readonly #theirs = new Uint8Array(FRAME);

  constructor(options: HostOptions) {
    this.subject = this.#open(options);
    this.twin = this.#open({ ...options, caches: {} });
    for (let at = 0; at < HOST.size; at += FRAME) this.#frames.add((HOST.base + at) / FRAME);
  }

  #open({ features, caches, profile, pins, devices, containers, batch }: HostOptions): Host {
    const driver = new SmmuV3Driver({
      hostRange: { base: BigInt(HOST.base), size: BigInt(HOST.size) },
      machine: { ...caches, features, batchCapacity: batch },
    });
    const pin = (vaddr: bigint, count: number, into: Float64Array): number => this.#pin(vaddr, count, into);
    const vfio = new Vfio(driver, { devices, profile, ...(pins && { pin }) });
    return {
      driver,
      containers: Array.from({ length: containers }, () => vfio.openContainer()),
      groups: devices.map(({ name }) => vfio.openGroup(name)),
    };
  }

  #pin(vaddr: bigint, count: number, into: Float64Array): number {
    const plan = this.#plan;
    if (plan === undefined) throw new Error("a page was pinned without a MAP_DMA");
    const first = Number(vaddr - plan.vaddr) / PAGE;
    const most = Math.max(0, Math.min(count, plan.limit - first));
    for (let n = 0; n < most; n++) into[n] = pageAt(plan, (first + n) * PAGE);
    return most;
  }

  /** Does an ioctl on both; they must answer alike. */
  ioctl(
    file: "containers" | "groups",
    index: number,
    cmd: number,
    arg: Uint8Array | number,
    plan?: PinPlan,
  ): number {
    this.#plan = plan;
    const copy = typeof arg === "number" ? arg : arg.slice();
    const ret = this.subject[file][index]!.ioctl(cmd, arg);
    const again = this.twin[file][index]!.ioctl(cmd, copy);
    this.#plan = undefined;
    if (ret !== again || (typeof arg !== "number" && Buffer.compare(arg, copy as Uint8Array) !== 0)) {
      throw new Error(`ioctl 0x${cmd.toString(16)} gave ${ret} on the host with DMA, ${again} without`);
    }
    return ret;
  }

  write(pa: number, value: bigint): void {
    this.#frames.add(Math.floor(pa / FRAME));
    this.subject.driver.memory.writeU64(BigInt(pa), value);
    this.twin.driver.memory.writeU64(BigInt(pa), value);
  }

  writeBytes(pa: number, bytes: Uint8Array): void {
    this.#frames.add(Math.floor(pa / FRAME));
    this.subject.driver.memory.write(BigInt(pa), bytes);
    this.twin.driver.memory.write(BigInt(pa), bytes);
  }

  read(pa: number): bigint {
    return this.subject.driver.memory.readU64(BigInt(pa));
  }

  /** Words in which the memories differ, the event and PRI queues left out; afterwards they are alike again. */
  differences(): Difference[] {
    const found: Difference[] = [];
    const ours = new BigUint64Array(this.#ours.buffer);
    const theirs = new BigUint64Array(this.#theirs.buffer);
    const queues = this.#queues();
    for (const frame of this.#frames) {
      const base = frame * FRAME;
      this.subject.driver.memory.readInto(BigInt(base), this.#ours);
      this.twin.driver.memory.readInto(BigInt(base), this.#theirs);
      if (Buffer.compare(this.#ours, this.#theirs) === 0) continue;
      for (const [at, after] of ours.entries()) {
        const pa = base + 8 * at;
        const before = theirs[at]!;
        if (after === before || queues.some(({ first, end }) => pa >= first && pa < end)) continue;
        found.push({ pa, before, after });
        this.twin.driver.memory.writeU64(BigInt(pa), after);
      }
    }
    return found;
  }

  /** Whether no more memory came into being than without DMA. */
  get backsAlike(): boolean {
    return this.subject.driver.memory.backedBytes === this.twin.driver.memory.backedBytes;
  }

  #queues(): { first: number; end: number }[] {
    return OUTPUT_QUEUES.map(({ register, entry }) => {
      const value = this.subject.driver.machine.read64(register);
      const first = Number(value & 0x00ff_ffff_ffff_ffe0n);
      return { first, end: first + entry * 2 ** Number(value & 31n) };
    });
  }
}
