// Translation requests and translated accesses in random worlds, by the tables of IHI 0070 3.9.1.2, 3.9.1.3 and 13.7 (see
// smmuv3-oracle.ts): every kind of stream, both stages, substreams, overrides, hardware update, split-stage. NI_SEED=n
// reproduces, NI_RUNS=n runs n times as many worlds.

import { describe, expect, it } from "vitest";
import { type CacheOptions, SmmuV3 } from "../../src/index.js";
import { describeRequest } from "../property/machine.js";
import { runs, seed } from "../property/settings.js";
import { World } from "../property/world.js";
import type { Request } from "../reference/smmu.js";
import { bitsOf } from "../reference/structure.js";
import { difference } from "./expected.js";
import { probe } from "./probe.js";
import { type Controls, SmmuOracle } from "./smmuv3-oracle.js";

const WORLDS = 50 * runs;
const REQUESTS = 120;
const ATS = 1n << 10n;
const ATSRECERR = 1n << 23n;

const CACHES: readonly CacheOptions[] = [
  {},
  {
    iotlb: { entries: 8, ways: 2 },
    walkCaches: { stage1: 4, stage2: 4, stage2Tlb: 4 },
    configCache: { contexts: 2 },
  },
  { iotlb: "off", walkCaches: "off", configCache: "off" },
];

class AtsRun {
  readonly controls: Controls;
  readonly oracle: SmmuOracle;
  readonly smmu: SmmuV3;
  events: number[] = [];
  readonly counts = {
    granted: 0,
    partly: 0,
    denied: 0,
    unsupported: 0,
    abort: 0,
    events: 0,
    passed: 0,
    split: 0,
  };

  constructor(readonly world: World) {
    const { random, reference, idr, image } = world;
    this.controls = {
      check: random.chance(0.8),
      record: random.chance(0.5),
      recordStreams: random.chance(0.5),
    };
    reference.features.ats = true;
    this.oracle = new SmmuOracle(reference, this.controls);
    this.#chooseServices();
    const { check, record, recordStreams } = this.controls;
    this.smmu = new SmmuV3({
      ...random.pick(CACHES),
      features: {
        idr0: Number((idr.idr0 & ~(1n << 11n)) | ATS | ATSRECERR),
        idr1: Number(idr.idr1),
        idr3: Number(idr.idr3),
        idr5: Number(idr.idr5),
      },
      ram: image.ram,
      memoryLimit: 2 ** 28,
      eventSink: (event) => this.events.push(event[0]!),
    });
    const { smmu } = this;
    for (const [address, value] of image.drain()) smmu.memory.writeU64(address, value);
    smmu.write64(0x80, world.registers.STRTAB_BASE!);
    smmu.write32(0x88, Number(world.registers.STRTAB_BASE_CFG));
    smmu.write32(0x2c, (recordStreams ? 2 : 0) | (record ? 8 : 0));
    smmu.write32(0x20, 5 | (check ? 0x10 : 0));
  }

  /** STE.EATS of each stream, mostly legal: split-stage with both stages, and not where stage 2 stalls. */
  #chooseServices(): void {
    const { random, streams, reference, image } = this.world;
    for (const { sid } of streams) {
      const fetch = probe(reference.memory, [], () => reference.access({ sid, iova: 0n })).fetches.findLast(
        ({ what }) => what === "STE",
      );
      const words = fetch && reference.memory.readStructure(fetch.address, 3);
      if (fetch === undefined || words === undefined) continue;
      const [word0, word1, word2] = words as [bigint, bigint, bigint];
      const both = bitsOf(word0, 3, 1) === 7n;
      const eats = random.chance(0.1)
        ? random.bits(2)
        : both && this.controls.check && random.chance(0.5)
          ? 2n
          : 1n;
      image.write(fetch.address + 8n, (word1 & ~(3n << 28n)) | (eats << 28n));
      if (random.chance(0.9)) image.write(fetch.address + 16n, word2 & ~(1n << 57n));
    }
  }

  /** What differs for one translation request, and for the access with what it answers. */
  request(): string | undefined {
    const { world, oracle, smmu } = this;
    const request = world.request();
    const { sid, ssid, iova, write, exec, priv } = request;
    const { completion: expected, event, through } = oracle.translationRequest(request);
    this.events = [];
    const completion = smmu.requestTranslation({
      stream: sid,
      iova,
      write: write!,
      execute: exec!,
      privileged: priv!,
      ...(ssid === undefined ? {} : { pasid: ssid }),
    });
    const wrong = difference(completion, expected, iova);
    if (wrong !== undefined) return `${describeRequest(request)}: ${wrong}`;
    const events = event === 0 ? [] : [event];
    if (this.events.join() !== events.join()) {
      return `${describeRequest(request)}: events ${this.events}, expected ${events}`;
    }
    this.#count(completion.result, completion.read, completion.write);
    this.counts.events += events.length;
    if (!completion.read && !completion.write) return undefined;
    const size = (1n << BigInt(completion.sizeLg2)) - 1n;
    return this.access(request, completion.pa + (iova & size), completion.write, through);
  }

  #count(result: string, read: boolean, write: boolean): void {
    const { counts } = this;
    if (result === "unsupported" || result === "abort") counts[result]++;
    else if (read && write) counts.granted++;
    else if (read || write) counts.partly++;
    else counts.denied++;
  }

  /** What differs for a translated access. */
  access(
    { sid, ssid, iova }: Request,
    address: bigint,
    write: boolean,
    through?: bigint,
  ): string | undefined {
    const { oracle, smmu } = this;
    const expected = oracle.translatedAccess(sid, address, write);
    this.events = [];
    const answer = smmu.translate({
      stream: sid,
      iova: address,
      write,
      translated: true,
      // Without IDR3.PASIDTT a PASID on it changes nothing.
      ...(ssid === undefined || (iova & 64n) === 0n ? {} : { pasid: ssid }),
    });
    // 13.6.3: stage 1 at the request and stage 2 at the access are both stages of an ordinary one.
    if (through !== undefined && answer.pa !== through) {
      return `stream ${sid}, IPA 0x${address.toString(16)} leads to ${answer.pa}, expected ${through}`;
    }
    const found = `${answer.status} 0x${answer.pa.toString(16)} events ${this.events}`;
    const events = expected.event === 0 ? [] : [expected.event];
    const wanted = `${expected.status} 0x${expected.pa.toString(16)} events ${events}`;
    if (expected.status === "translated") this.counts.split++;
    if (expected.status === "bypassed") this.counts.passed++;
    return found === wanted
      ? undefined
      : `stream ${sid}, translated 0x${address.toString(16)}: ${found}, expected ${wanted}`;
  }
}

describe(`ATS in random worlds, SMMUv3 (seed ${seed})`, () => {
  it("answers translation requests and translated accesses as 3.9.1.2, 3.9.1.3 and 13.7 say", {
    timeout: 60_000 * runs,
  }, () => {
    const sum: Record<string, number> = {};
    let worlds = 0;
    for (let index = 0; worlds < WORLDS; index++) {
      const world = new World(seed, 31_000 + index);
      // Forced stalls and ATS exclude each other (6.3.1).
      if (world.features.stallModel === 2n) continue;
      worlds++;
      const run = new AtsRun(world);
      const { random, features } = run.world;
      for (let n = 0; n < REQUESTS; n++) {
        const wrong = random.chance(0.8)
          ? run.request()
          : run.access(
              run.world.request(),
              random.bits(random.pick([32, features.outputBits, 64])),
              random.chance(0.5),
            );
        if (wrong !== undefined)
          expect.fail(
            `NI_SEED=${seed}, world ${index}, request ${n}, ${JSON.stringify(run.controls)}: ${wrong}`,
          );
      }
      for (const [name, count] of Object.entries(run.counts)) sum[name] = (sum[name] ?? 0) + count;
    }
    if (process.env.NI_TALLY) console.log(sum);
    for (const name of ["granted", "partly", "denied", "unsupported", "abort", "events", "passed", "split"]) {
      expect(sum[name], name).toBeGreaterThan(50);
    }
  });
});
