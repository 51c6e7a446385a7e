// Many cores: a pool of two units against two independent processes and against one unit, interleaved.
//   node dist/bench/pool.js [--ms N] [--rounds N] [--batch N] [--workload NAME]…
// Prints the median and range of each ratio, by the clock and by processor time (which a busy machine disturbs less);
// every answer is checked against the layout of the tables.
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Batch, type PhysicalMemory, SmmuV3, TranslationPool } from "nested-iommu";
import { enableSmmuV3, IOTLB_ENTRIES, imageOf, writeImage } from "./machines.js";
import { WINDOW } from "./space.js";
import { makeWorkload, type WorkloadName } from "./workloads.js";

const SIDES = 2;
const SEED = 1;

/** Requests in a time, and the processor time that all threads of the process took meanwhile. */
interface Rate {
  readonly requests: number;
  readonly ms: number;
  readonly cpuMs: number;
}

/** All sides together. */
interface Total {
  readonly perSecond: number;
  readonly perCpuSecond: number;
}

/** Milliseconds of processor time of this process, all threads. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function prepare(machine: SmmuV3): void {
  writeImage(machine.memory as PhysicalMemory, imageOf("streams"));
  enableSmmuV3(machine);
}

function fill(batch: Batch, name: WorkloadName, seed: number): BigUint64Array {
  const shape = { count: batch.capacity, entries: IOTLB_ENTRIES, seed };
  const { requests, expected } = makeWorkload(name, shape);
  batch.stream.set(requests.stream);
  batch.iova.set(requests.iova);
  batch.access.set(requests.access);
  return expected;
}

function check(batch: Batch, expected: BigUint64Array): void {
  const wrong = batch.pa.findIndex((pa, i) => pa !== expected[i]);
  if (wrong >= 0) throw new Error(`request ${wrong}: expected ${expected[wrong]}, got ${batch.pa[wrong]}`);
}

/** An independent process: runs its batch for a time whenever it is told to. */
function beProcess(name: WorkloadName, capacity: number, seed: number): void {
  const machine = new SmmuV3({ batchCapacity: capacity, reserve: 2 * WINDOW });
  prepare(machine);
  const expected = fill(machine.batch, name, seed);
  machine.run(capacity);
  check(machine.batch, expected);
  process.on("message", (ms: number) => {
    const start = performance.now();
    const cpu = cpuMs();
    let requests = 0;
    while (performance.now() - start < ms) {
      machine.run(capacity);
      requests += capacity;
    }
    process.send?.({ requests, ms: performance.now() - start, cpuMs: cpuMs() - cpu } satisfies Rate);
  });
  process.send?.("ready");
}

function word<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve) => child.once("message", (value) => resolve(value as T)));
}

/** Units work on both halves of their columns in turn, so that they never wait for this thread. */
async function runUnits(pool: TranslationPool<SmmuV3>, count: number, ms: number): Promise<Rate[]> {
  const start = performance.now();
  const cpu = cpuMs();
  const rates = await Promise.all(
    pool.units.slice(0, count).map(async (unit) => {
      const half = unit.batch.capacity / 2;
      let requests = 0;
      const repeat = async (first: number): Promise<void> => {
        while (performance.now() - start < ms) {
          await unit.run(half, first);
          requests += half;
        }
      };
      await Promise.all([repeat(0), repeat(half)]);
      return { requests, ms: performance.now() - start };
    }),
  );
  const perUnit = (cpuMs() - cpu) / count;
  return rates.map((rate) => ({ ...rate, cpuMs: perUnit }));
}

function total(rates: readonly Rate[]): Total {
  const sum = (of: (rate: Rate) => number): number => rates.reduce((all, rate) => all + of(rate), 0);
  return {
    perSecond: sum(({ requests, ms }) => (requests / ms) * 1000),
    perCpuSecond: (sum(({ requests }) => requests) / sum((rate) => rate.cpuMs)) * 1000,
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

function summary(values: readonly number[]): string {
  return `${median(values).toFixed(2)} (${Math.min(...values).toFixed(2)}-${Math.max(...values).toFixed(2)})`;
}

async function compare(name: WorkloadName, capacity: number, ms: number, rounds: number): Promise<string> {
  const pool = await TranslationPool.create(SmmuV3, {
    workers: SIDES,
    batchCapacity: capacity,
    reserve: 2 * WINDOW,
  });
  prepare(pool.machine);
  const expected = pool.units.map((unit, k) => fill(unit.batch, name, SEED + k));
  const file = fileURLToPath(import.meta.url);
  const children = Array.from({ length: SIDES }, (_, k) =>
    fork(file, ["--process", name, String(capacity), String(SEED + k)]),
  );
  await Promise.all(children.map((child) => word(child)));
  const processes = (): Promise<Rate[]> =>
    Promise.all(
      children.map((child) => {
        const rate = word<Rate>(child);
        child.send(ms);
        return rate;
      }),
    );
  await runUnits(pool, SIDES, ms);
  const rows = [];
  for (let round = 0; round < rounds; round++) {
    const two = total(await runUnits(pool, SIDES, ms));
    const independent = total(await processes());
    const one = total(await runUnits(pool, 1, ms));
    rows.push({ two, independent, one });
  }
  for (const [k, unit] of pool.units.entries()) {
    await unit.run(capacity);
    check(unit.batch, expected[k]!);
  }
  for (const child of children) child.kill();
  await pool.close();
  const millions = (values: readonly number[]): string =>
    `${(median(values) / 1e6).toFixed(0).padStart(5)} M/s`;
  return [
    name.padEnd(6),
    millions(rows.map(({ two }) => two.perSecond)),
    millions(rows.map(({ independent }) => independent.perSecond)),
    millions(rows.map(({ one }) => one.perSecond)),
    summary(rows.map(({ two, independent }) => two.perSecond / independent.perSecond)),
    summary(rows.map(({ two, one }) => two.perSecond / one.perSecond)),
    summary(rows.map(({ two, independent }) => two.perCpuSecond / independent.perCpuSecond)),
  ].join("  ");
}

const [mode, ...rest] = process.argv.slice(2);
if (mode === "--process") {
  beProcess(rest[0] as WorkloadName, Number(rest[1]), Number(rest[2]));
} else {
  const { values } = parseArgs({
    options: {
      ms: { type: "string", default: "200" },
      rounds: { type: "string", default: "7" },
      batch: { type: "string", default: "65536" },
      workload: { type: "string", multiple: true, default: ["hot", "seq", "multi", "miss"] },
    },
  });
  console.log(
    "        2 units    2 proc.   1 unit   2 units:2 proc.   2 units:1 unit    2 units:2 proc., CPU",
  );
  for (const name of values.workload) {
    console.log(
      await compare(name as WorkloadName, Number(values.batch), Number(values.ms), Number(values.rounds)),
    );
  }
}
