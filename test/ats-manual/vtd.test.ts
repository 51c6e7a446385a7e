// Translation requests and translated requests in random worlds, by Table 30 and section 4.2 of VT-d Rev 5.10 (see
// vtd-oracle.ts): legacy and scalable mode, all types of PASID entries, FPD, flags, no-snoop. NI_SEED=n reproduces,
// NI_RUNS=n runs n times as many worlds.

import { describe, expect, it } from "vitest";
import { type CacheOptions, VtdIommu } from "../../src/index.js";
import { runs, seed } from "../property/settings.js";
import { World } from "../property/vtd/world.js";
import type { Request } from "../reference/vtd/iommu.js";
import { difference } from "./expected.js";
import { probe } from "./probe.js";
import { causesWithoutRow, VtdOracle } from "./vtd-oracle.js";

const WORLDS = 50 * runs;
const REQUESTS = 120;
const DT = 1n << 2n;
const [GCMD, RTADDR] = [0x18, 0x20];
const TE = 0x8000_0000;
const SRTP = 0x4000_0000;

/** A, D, EA of the first stage; A, D of the second. */
const FLAGS = 0x760n;

const CACHES: readonly CacheOptions[] = [
  {},
  {
    iotlb: { entries: 8, ways: 2 },
    walkCaches: { stage1: 4, stage2: 4, stage2Tlb: 4 },
    configCache: { contexts: 2 },
  },
  { iotlb: "off", walkCaches: "off", configCache: "off" },
];

const shown = ({ sid, pasid, iova, write, exec, priv }: Request): string =>
  JSON.stringify({ sid, pasid, iova: `0x${iova.toString(16)}`, write, exec, priv });

class AtsRun {
  readonly oracle: VtdOracle;
  readonly vtd: VtdIommu;
  readonly counts = {
    granted: 0,
    partly: 0,
    denied: 0,
    unsupported: 0,
    abort: 0,
    faults: 0,
    passed: 0,
    refused: 0,
  };

  constructor(readonly world: World) {
    const { random, reference, registers, image } = world;
    this.oracle = new VtdOracle(reference);
    if (world.capabilities.deviceTlb) this.#chooseServices();
    this.vtd = new VtdIommu({
      ...random.pick(CACHES),
      features: { cap: registers.cap, ecap: registers.ecap, hostWidth: registers.haw },
      ram: image.ram,
      memoryLimit: 2 ** 28,
    });
    const { vtd } = this;
    for (const [address, value] of image.drain()) vtd.memory.writeU64(address, value);
    vtd.write64(RTADDR, world.rtaddr);
    vtd.write32(GCMD, SRTP);
    vtd.write32(GCMD, TE);
  }

  /** TT = 01 or DTE = 1 for most devices. */
  #chooseServices(): void {
    const { random, devices, reference, image, scalable } = this.world;
    for (const { sid } of devices) {
      const at = probe(reference.memory, [], () => reference.access({ sid, iova: 0n })).fetches.find(
        ({ what }) => what === "CONTEXT",
      )?.address;
      const word = at === undefined ? undefined : reference.memory.readDoubleword(at);
      if (at === undefined || word === undefined || random.chance(0.1)) continue;
      if (scalable) image.write(at, word | 4n);
      else if (((word >> 2n) & 3n) === 0n) image.write(at, word | 4n);
    }
  }

  /** Reasons that the last request reported, and not only found. */
  #reasons(): number[] {
    return this.vtd.faults().flatMap(({ reason, recorded }) => (recorded ? [reason] : []));
  }

  /** So that there is room for the next record. */
  #serve(): void {
    const { cap } = this.world.registers;
    const [count, at] = [Number((cap >> 40n) & 0xffn) + 1, Number((cap >> 24n) & 0x3ffn) * 16];
    for (let n = 0; n < count; n++) {
      if (this.vtd.read32(at + 16 * n + 12) >>> 31 !== 0) this.vtd.write32(at + 16 * n + 12, 0x8000_0000);
    }
  }

  request(): string | undefined {
    const { world, oracle, vtd } = this;
    const request = world.request();
    const { sid, pasid, iova, write, exec, priv } = request;
    // The interrupt range, and what leads there or around it: not compared here.
    if (iova >> 20n === 0xfeen) return undefined;
    const expected = oracle.translationRequest(request);
    if (expected === undefined || this.#aroundInterrupts(expected.completion, iova)) return undefined;
    const completion = vtd.requestTranslation({
      stream: sid,
      iova,
      write: write ?? false,
      execute: exec ?? false,
      privileged: priv ?? false,
      ...(pasid === undefined ? {} : { pasid }),
    });
    const wrong = difference(completion, expected.completion, iova);
    if (wrong !== undefined)
      return `${shown(request)}: ${wrong} (${oracle.why(request)}; found ${this.#why()})`;
    this.#adoptFlags(request);
    const reasons = expected.reason === 0 ? [] : [expected.reason];
    const found = this.#reasons();
    this.#serve();
    if (found.join() !== reasons.join()) return `${shown(request)}: reported ${found}, expected ${reasons}`;
    this.counts.faults += reasons.length;
    const { result, read } = completion;
    if (result !== "success") this.counts[result]++;
    else if (read && completion.write) this.counts.granted++;
    else if (read || completion.write) this.counts.partly++;
    else this.counts.denied++;
    if (!read && !completion.write) return undefined;
    const offset = iova & ((1n << BigInt(completion.sizeLg2)) - 1n);
    return this.access(sid, completion.pa + offset, completion.write);
  }

  /** Accessed and dirty flags that the unit has set: who may not set them (unsnooped) finds them set from then on. */
  #adoptFlags(request: Request): void {
    const { memory } = this.world.reference;
    for (const address of this.oracle.entries(request)) {
      const ours = memory.readDoubleword(address);
      if (ours === undefined) continue;
      const theirs = this.vtd.memory.readU64(address);
      expect((ours ^ theirs) & ~FLAGS).toBe(0n);
      memory.writeDoubleword(address, theirs);
    }
  }

  #why(): string {
    return this.vtd
      .faults()
      .map(({ name }) => name)
      .join();
  }

  /** A leaf that holds FEEx_xxxx on either side: its size is the unit's choice. */
  #aroundInterrupts(
    { pa, sizes }: { pa: bigint | undefined; sizes: readonly number[] | undefined },
    iova: bigint,
  ): boolean {
    const size = BigInt(sizes?.[0] ?? 0);
    return size > 20n && [pa, iova].some((address) => (address ?? 0n) >> size === 0xfee0_0000n >> size);
  }

  access(sid: number, address: bigint, write: boolean): string | undefined {
    const { oracle, vtd } = this;
    const expected = oracle.translatedRequest(sid, address);
    const answer = vtd.translate({ stream: sid, iova: address, write, translated: true });
    const reasons = this.#reasons();
    this.#serve();
    const found = `${answer.ok} 0x${answer.pa.toString(16)} reported ${reasons}`;
    const pa = expected.ok ? address : 0n;
    const wanted = `${expected.ok} 0x${pa.toString(16)} reported ${expected.reason === 0 ? [] : [expected.reason]}`;
    this.counts[expected.ok ? "passed" : "refused"]++;
    if (found === wanted) return undefined;
    return `source-id ${sid}, translated 0x${address.toString(16)}: ${found}, expected ${wanted}`;
  }
}

describe(`ATS in random worlds, VT-d (seed ${seed})`, () => {
  it("has a row for every cause of Table 30", () => {
    expect(causesWithoutRow()).toEqual([]);
  });

  it("answers translation requests and translated requests as Table 30 and 4.2 say", {
    timeout: 60_000 * runs,
  }, () => {
    const sum: Record<string, number> = {};
    let worlds = 0;
    for (let index = 0; worlds < WORLDS; index++) {
      const world = new World(seed, 32_000 + index);
      // Without ECAP.DT there is no service at all: every fifth of those will do.
      if ((world.registers.ecap & DT) === 0n && index % 5 !== 0) continue;
      worlds++;
      const run = new AtsRun(world);
      const { random, capabilities } = world;
      for (let n = 0; n < REQUESTS; n++) {
        const wrong = random.chance(0.8)
          ? run.request()
          : run.access(
              world.request().sid,
              random.bits(random.pick([32, capabilities.haw, 64])),
              random.chance(0.5),
            );
        if (wrong !== undefined) expect.fail(`NI_SEED=${seed}, world ${index}, request ${n}: ${wrong}`);
      }
      for (const [name, count] of Object.entries(run.counts)) sum[name] = (sum[name] ?? 0) + count;
    }
    if (process.env.NI_TALLY) console.log(sum);
    for (const name of [
      "granted",
      "partly",
      "denied",
      "unsupported",
      "abort",
      "faults",
      "passed",
      "refused",
    ]) {
      expect(sum[name], name).toBeGreaterThan(50);
    }
  });
});
