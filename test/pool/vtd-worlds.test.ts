// Random worlds of VT-d on a pool of two, against the reference model: units take turns, changes and invalidations come
// in between; flags that hardware set are compared after every round. NI_SEED reproduces.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TranslationPool, VtdIommu } from "../../src/index.js";
import { runs, seed } from "../property/settings.js";
import { change } from "../property/vtd/change.js";
import { Histogram } from "../property/vtd/histogram.js";
import { expectedStatus } from "../property/vtd/machine.js";
import { World } from "../property/vtd/world.js";
import { fill, vtdPool } from "./rig.js";

const WORLDS = 20 * runs;
const ROUNDS = 5;
const REQUESTS = 140;
/** Rev 5.10, 11.4.4, 11.4.5. */
const [GCMD, RTADDR, TE] = [0x18, 0x20, 1n << 31n] as const;

let pool: TranslationPool<VtdIommu>;
beforeAll(async () => {
  pool = await vtdPool({ memoryLimit: 2 ** 28 });
});
afterAll(() => pool.close());

function begin(world: World): void {
  const { machine } = pool;
  const { cap, ecap, haw } = world.registers;
  machine.reset({ features: { cap, ecap, hostWidth: haw }, ram: world.image.ram });
  const off = Number(world.gsts & ~TE);
  machine.write32(GCMD, off);
  machine.write64(RTADDR, world.rtaddr);
  machine.write32(GCMD, off);
  machine.write32(GCMD, Number(world.gsts));
}

function writeMemory(world: World): void {
  for (const [pa, value] of world.image.drain()) pool.machine.memory.writeU64(pa, value);
}

async function part(world: World, size: number, histogram: Histogram): Promise<string | undefined> {
  const requests = Array.from({ length: size }, () => world.request());
  const outcomes = requests.map((request) => world.reference.access(request));
  for (const outcome of outcomes) histogram.add(outcome);
  const unit = world.random.pick(pool.units);
  fill(
    unit,
    requests.map(({ sid, pasid, iova, write, exec, priv }) => [
      sid,
      iova,
      (write ? 1 : 0) | (exec ? 2 : 0) | (priv ? 4 : 0),
      pasid === undefined ? 0 : 0x8000_0000 + pasid,
    ]),
  );
  const faults = await unit.run(size);
  const { status, pa } = unit.batch;
  for (const [i, outcome] of outcomes.entries()) {
    const request = JSON.stringify(requests[i], (_, value) =>
      typeof value === "bigint" ? `0x${value.toString(16)}` : value,
    );
    const expected = expectedStatus(outcome);
    if (status[i] !== expected) return `${request}: status ${status[i]}, not ${expected}`;
    if (outcome.kind === "blocked") {
      const fault = faults.shift();
      if (fault?.index !== i || fault.reason !== outcome.reason) return `${request}: ${fault?.name}`;
    } else if (pa[i] !== outcome.pa) {
      return `${request}: pa 0x${pa[i]!.toString(16)}, not 0x${outcome.pa.toString(16)}`;
    }
  }
  return faults.length === 0 ? undefined : `${faults.length} faults too many`;
}

function flagDifference({ domains, image }: World): string | undefined {
  for (const { tree } of [...domains.guests, ...domains.spaces]) {
    for (const { pa } of tree.slots) {
      const [expected, actual] = [image.read(pa), pool.machine.memory.readU64(pa)];
      if (expected !== actual)
        return `0x${pa.toString(16)}: 0x${actual.toString(16)}, not 0x${expected.toString(16)}`;
    }
  }
  return undefined;
}

async function runWorld(index: number, histogram: Histogram): Promise<string | undefined> {
  const world = new World(seed, index);
  begin(world);
  writeMemory(world);
  for (let n = 0; n < ROUNDS; n++) {
    for (let left = REQUESTS; left > 0; ) {
      const size = Math.min(left, world.random.between(1, 60));
      left -= size;
      const found = await part(world, size, histogram);
      if (found !== undefined) return `NI_SEED=${seed}, world ${index}, round ${n}: ${found}`;
    }
    const flags = flagDifference(world);
    if (flags !== undefined) return `NI_SEED=${seed}, world ${index}, round ${n}: ${flags}`;
    const changes = Array.from({ length: world.random.between(1, 3) }, () => change(world));
    writeMemory(world);
    for (const { descriptors } of changes) {
      for (const bytes of descriptors) pool.machine.issue(world.scalable ? bytes : bytes.subarray(0, 16));
    }
  }
  return undefined;
}

describe(`two units of VT-d and the reference model (seed ${seed})`, () => {
  it("agree on every request, fault and flag", { timeout: 60_000 * (1 + runs) }, async () => {
    const histogram = new Histogram();
    for (let index = 0; index < WORLDS; index++) expect(await runWorld(index, histogram)).toBeUndefined();
    expect(histogram.total).toBe(WORLDS * ROUNDS * REQUESTS);
  });
});
