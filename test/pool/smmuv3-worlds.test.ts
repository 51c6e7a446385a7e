// Random worlds of test/property on a pool of two, against the reference model: any unit gets any request, units take
// turns, changes and invalidations come in between. And the shared build alone on one thread. NI_SEED reproduces.

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SharedCore } from "../../src/core/shared-core.js";
import type { SmmuV3, SmmuV3Options, TranslationPool } from "../../src/index.js";
import { change } from "../property/change.js";
import { resumeAbort } from "../property/command-bytes.js";
import { Histogram } from "../property/histogram.js";
import { describeRequest, expectedStatus, Machine } from "../property/machine.js";
import { runs, seed } from "../property/settings.js";
import { World } from "../property/world.js";
import { WorldRun } from "../property/world-run.js";
import { isRefused, type Outcome, type Request } from "../reference/outcome.js";
import { fill, smmuPool } from "./rig.js";

const WORLDS = 20 * runs;
const ROUNDS = 5;
const REQUESTS = 140;
/** IHI 0070 6.1. */
const [CR0, CR2, GBPA, STRTAB_BASE, STRTAB_BASE_CFG] = [0x20, 0x2c, 0x44, 0x80, 0x88] as const;

const shared = new WebAssembly.Module(
  readFileSync(new URL("../../build/shared.wasm", import.meta.url)) as Uint8Array<ArrayBuffer>,
);

let pool: TranslationPool<SmmuV3>;
const events: Uint8Array[] = [];

beforeAll(async () => {
  pool = await smmuPool({ memoryLimit: 2 ** 28, eventSink: (record) => events.push(record.slice()) });
});
afterAll(() => pool.close());

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("hex");

function begin({ idr, image, registers }: World): void {
  const { machine } = pool;
  const [idr0, idr1, idr3, idr5] = [idr.idr0, idr.idr1, idr.idr3, idr.idr5].map(Number);
  machine.reset({ features: { idr0: idr0!, idr1: idr1!, idr3: idr3!, idr5: idr5! }, ram: image.ram });
  machine.write32(CR2, Number(registers.CR2));
  machine.write32(GBPA, Number(registers.GBPA! | (1n << 31n)));
  machine.write64(STRTAB_BASE, registers.STRTAB_BASE!);
  machine.write32(STRTAB_BASE_CFG, Number(registers.STRTAB_BASE_CFG));
  machine.write32(CR0, Number(registers.CR0));
}

function writeMemory(world: World): void {
  for (const [pa, value] of world.image.drain()) pool.machine.memory.writeU64(pa, value);
}

/** What differs in one answer. */
function difference(outcome: Outcome, status: number, pa: bigint, leafLg2: number): string | undefined {
  const expected = expectedStatus(outcome);
  if (status !== expected && !(expected === 0x82 && status === 3)) return `status ${status}, not ${expected}`;
  if (isRefused(outcome)) return undefined;
  if (pa !== outcome.pa) return `pa 0x${pa.toString(16)}, not 0x${outcome.pa.toString(16)}`;
  return outcome.leafChoices.includes(leafLg2) ? undefined : `leafLg2 ${leafLg2}`;
}

/** One unit runs some requests; the first difference. */
async function compare(
  unitIndex: number,
  requests: Request[],
  outcomes: Outcome[],
): Promise<string | undefined> {
  const unit = pool.units[unitIndex]!;
  events.length = 0;
  fill(
    unit,
    requests.map(({ sid, ssid, iova, write, exec, priv }) => [
      sid,
      iova,
      (write ? 1 : 0) | (exec ? 2 : 0) | (priv ? 4 : 0),
      ssid === undefined ? 0 : 0x8000_0000 + ssid,
    ]),
  );
  await unit.run(requests.length);
  for (const { stream, stag } of pool.machine.stalled()) pool.machine.issue(resumeAbort(stream, stag!));
  const { status, pa, leafLg2 } = unit.batch;
  let event = 0;
  for (const [i, outcome] of outcomes.entries()) {
    let found = difference(outcome, status[i]!, pa[i]!, leafLg2[i]!);
    if (found === undefined && isRefused(outcome) && outcome.event !== undefined) {
      const record = events[event++];
      if (outcome.kind === "stalled") record?.fill(0, 8, 10);
      if (hex(record) !== hex(outcome.event)) found = `event ${hex(record)}, not ${hex(outcome.event)}`;
    }
    if (found !== undefined) return `unit ${unitIndex}: ${describeRequest(requests[i]!)}: ${found}`;
  }
  return event === events.length ? undefined : `unit ${unitIndex}: ${events.length - event} events too many`;
}

async function round(world: World, histogram: Histogram): Promise<string | undefined> {
  for (let left = REQUESTS; left > 0; ) {
    const size = Math.min(left, world.random.between(1, 60));
    left -= size;
    const requests = Array.from({ length: size }, () => world.request());
    const outcomes = requests.map((request) => world.reference.access(request));
    for (const outcome of outcomes) histogram.add(outcome);
    const found = await compare(world.random.below(pool.units.length), requests, outcomes);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function runWorld(index: number, histogram: Histogram): Promise<string | undefined> {
  const world = new World(seed, index);
  begin(world);
  writeMemory(world);
  for (let n = 0; n < ROUNDS; n++) {
    const found = await round(world, histogram);
    if (found !== undefined) return `NI_SEED=${seed}, world ${index}, round ${n}: ${found}`;
    const changes = Array.from({ length: world.random.between(1, 3) }, () => change(world));
    writeMemory(world);
    for (const { commands } of changes) for (const command of commands) pool.machine.issue(command);
    if (world.random.chance(0.3)) await pool.sync();
  }
  return undefined;
}

describe(`two units and the reference model (seed ${seed})`, () => {
  it("agree on every request and record", { timeout: 60_000 * (1 + runs) }, async () => {
    const histogram = new Histogram();
    for (let index = 0; index < WORLDS; index++) expect(await runWorld(index, histogram)).toBeUndefined();
    expect(histogram.total).toBe(WORLDS * ROUNDS * REQUESTS);
    for (const unit of pool.units) expect(unit.counters().requests).toBeGreaterThan(0);
  });
});

describe(`the shared build on one thread and the reference model (seed ${seed})`, () => {
  it("agree on every request, record and hardware update", { timeout: 60_000 * (1 + runs) }, () => {
    const makeCore: SmmuV3Options["makeCore"] = (plan, ranges) => SharedCore.make(plan, ranges, 0, shared);
    const caches: Record<string, SmmuV3Options> = {
      default: { makeCore },
      minimum: { makeCore, iotlb: { entries: 4, ways: 4 }, configCache: { contexts: 2 } },
    };
    const machines = Object.entries(caches).map(([name, options]) => new Machine(name, options));
    const histogram = new Histogram();
    for (let index = 1000; index < 1000 + WORLDS; index++) {
      expect(new WorldRun(new World(seed, index), machines, histogram).run()).toBeUndefined();
    }
    expect(histogram.total).toBeGreaterThan(WORLDS * REQUESTS * ROUNDS);
  });
});
