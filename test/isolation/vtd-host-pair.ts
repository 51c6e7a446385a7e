// Two VT-d hosts that get the same calls and the same writes of guests. Devices do DMA on one of them, the subject, only: so
// every byte in which the memories differ afterwards was written by a DMA or a walk.

import {
  type CacheOptions,
  type Container,
  type Device,
  type Group,
  Vfio,
  VtdDriver,
  type VtdFeatures,
  type VtdOptions,
} from "../../src/index.js";
import { cString } from "../vfio/bytes.js";
import { pageAt } from "./grants.js";
import type { Difference, PinPlan } from "./host-pair.js";
import { HOST, PAGE } from "./physical-pages.js";

const GET_DEVICE_FD = 0x3b6a;
const FRAME = 65536;

export interface VtdHostOptions {
  features: Readonly<VtdFeatures>;
  fiveLevel: boolean;
  caches: CacheOptions & Pick<VtdOptions, "core">;
  devices: { name: string; stream: number; pasidBits: number; ats: boolean }[];
  containers: number;
  batch: number;
}

interface Host {
  driver: VtdDriver;
  vfio: Vfio;
  containers: Container[];
  groups: Group[];
  /** Open devices by group. */
  devices: Map<number, Device>;
}

export class VtdHostPair {
  readonly subject: Host;
  readonly twin: Host;
  readonly #names: string[];
  #plan: PinPlan | undefined;
  /** Frames that have ever been written by a guest or by the host for it. */
  readonly #frames = new Set<number>();
  readonly #ours = new Uint8Array(FRAME);
  readonly #theirs = new Uint8Array(FRAME);

  constructor(options: VtdHostOptions) {
    this.#names = options.devices.map(({ name }) => name);
    this.subject = this.#open(options);
    this.twin = this.#open({ ...options, caches: {} });
    for (let at = 0; at < HOST.size; at += FRAME) this.#frames.add((HOST.base + at) / FRAME);
  }

  #open({ features, fiveLevel, caches, devices, containers, batch }: VtdHostOptions): Host {
    const driver = new VtdDriver({
      hostRange: { base: BigInt(HOST.base), size: BigInt(HOST.size) },
      machine: { ...caches, features, batchCapacity: batch },
      fiveLevel,
    });
    const pin = (vaddr: bigint, count: number, into: Float64Array): number => this.#pin(vaddr, count, into);
    const vfio = new Vfio(driver, { devices, pin });
    return {
      driver,
      vfio,
      containers: Array.from({ length: containers }, () => vfio.openContainer()),
      groups: devices.map(({ name }) => vfio.openGroup(name)),
      devices: new Map(),
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
    const args = [arg, typeof arg === "number" ? arg : arg.slice()];
    this.#plan = plan;
    const ret = this.#both((host, n) => host[file][index]!.ioctl(cmd, args[n]!));
    this.#plan = undefined;
    if (typeof arg !== "number" && Buffer.compare(arg, args[1] as Uint8Array) !== 0) {
      throw new Error(`ioctl 0x${cmd.toString(16)} left different arguments`);
    }
    return ret;
  }

  /** Opens the device of a group that is in a container. */
  openDevice(group: number): void {
    this.#both(({ vfio, groups, devices }) => {
      const fd = groups[group]!.ioctl(GET_DEVICE_FD, cString(this.#names[group]!));
      if (fd < 0) throw new Error(`GET_DEVICE_FD gave ${fd}: ${groups[group]!.reason}`);
      devices.set(group, vfio.device(fd));
      return fd;
    });
  }

  closeDevice(group: number): void {
    this.#both(({ devices }) => {
      devices.get(group)!.close();
      return devices.delete(group) ? 0 : -1;
    });
  }

  gpasid(call: "bindGpasid" | "unbindGpasid", group: number, bytes: Uint8Array): number {
    return this.#both(({ devices }) => devices.get(group)![call](bytes));
  }

  #both(call: (host: Host, index: number) => number): number {
    const ret = call(this.subject, 0);
    const again = call(this.twin, 1);
    if (ret !== again) throw new Error(`a call gave ${ret} on the host with DMA, ${again} without`);
    return ret;
  }

  write(pa: number, value: bigint): void {
    this.#frames.add(Math.floor(pa / FRAME));
    for (const { driver } of [this.subject, this.twin]) driver.memory.writeU64(BigInt(pa), value);
  }

  /** Bytes within a frame. */
  writeBytes(pa: number, bytes: Uint8Array): void {
    this.#frames.add(Math.floor(pa / FRAME));
    for (const { driver } of [this.subject, this.twin]) driver.memory.write(BigInt(pa), bytes);
  }

  read(pa: number): bigint {
    return this.subject.driver.memory.readU64(BigInt(pa));
  }

  /** Words in which the memories differ; afterwards they are alike again. */
  differences(): Difference[] {
    const found: Difference[] = [];
    const ours = new BigUint64Array(this.#ours.buffer);
    const theirs = new BigUint64Array(this.#theirs.buffer);
    for (const frame of this.#frames) {
      const base = frame * FRAME;
      this.subject.driver.memory.readInto(BigInt(base), this.#ours);
      this.twin.driver.memory.readInto(BigInt(base), this.#theirs);
      if (Buffer.compare(this.#ours, this.#theirs) === 0) continue;
      for (const [at, after] of ours.entries()) {
        const before = theirs[at]!;
        if (after === before) continue;
        const pa = base + 8 * at;
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
}
