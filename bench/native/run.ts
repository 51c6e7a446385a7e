// bench --native: the same release.wasm through wasm2c and a C compiler, as the limit of what this algorithm can do on the
// machine. Both sides start from the same linear memory and take the same requests, made from the seed and written to a
// file; they run alternately, and every round both must leave the same PAs and statuses.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Bench } from "tinybench";
import { OWN_LIBRARY } from "../library.js";
import { describeMachine } from "../machine-info.js";
import { flushMachine, IOTLB_ENTRIES, MACHINES, type Machine, startMachine } from "../machines.js";
import { BenchMismatchError, checkSide, spread } from "../measure.js";
import { inPlaceSide } from "../model-sides.js";
import { type BenchResult, type BenchRow, RESULT_VERSION } from "../result.js";
import { type BenchOptions, type Settings, settingsOf } from "../settings.js";
import type { Side } from "../side.js";
import { checkTargets } from "../targets.js";
import { makeWorkload, STAGES, WORKLOAD_TITLES, type Workload, type WorkloadName } from "../workloads.js";
import { buildNative } from "./build.js";
import { NativeChild } from "./child.js";

/** Name of the other side. */
export const WASM2C = "wasm2c";

const WORKLOADS = ["seq", "hot", "tlb", "multi", "mseq", "pasids", "mixed", "stride", "miss"] as const;
const VTD_WORKLOADS = ["seq", "tlb", "stride"] as const;

interface NativePlan {
  readonly name: string;
  readonly vendor: "SMMUv3" | "VT-d";
  readonly workload: WorkloadName;
  readonly stream: number;
}

/** The VT-d stream of nested tables (vtd-machine.ts). */
const VTD_NESTED = 3;

function plans(): NativePlan[] {
  const smmu = WORKLOADS.map((workload) => ({
    name: `translate | vmsa nested ${workload === "mixed" ? "4K to 1G" : "4K"} | ${WORKLOAD_TITLES[workload]} | in place`,
    vendor: "SMMUv3" as const,
    workload,
    stream: STAGES.nested,
  }));
  const vtd = VTD_WORKLOADS.map((workload) => ({
    name: `translate | vtd nested 4K | ${WORKLOAD_TITLES[workload]}, VT-d | in place`,
    vendor: "VT-d" as const,
    workload,
    stream: VTD_NESTED,
  }));
  return [...smmu, ...vtd];
}

/** One vendor's machine and the same core as C. */
interface Pair {
  readonly machine: Machine;
  readonly child: NativeChild;
}

/**
 * Runs the comparison.
 *
 * @param options as for runBench
 * @returns rows with the ratio to "wasm2c" and the targets that they answer
 * @throws MissingToolError without wasm2c or a C compiler; BenchMismatchError when the two disagree
 */
export async function runNative(options: BenchOptions = {}): Promise<BenchResult> {
  const settings = settingsOf(options);
  const { requests, seed, effort } = settings;
  const folder = mkdtempSync(join(tmpdir(), "nested-iommu-native-"));
  const pairs = new Map<string, Pair>();
  try {
    const { program, tools } = buildNative(folder);
    const wanted = plans().filter(({ name }) => name.includes(options.only ?? ""));
    const rows: BenchRow[] = [];
    for (const [done, plan] of wanted.entries()) {
      options.onProgress?.(done, wanted.length, plan.name);
      let pair = pairs.get(plan.vendor);
      if (pair === undefined) {
        pair = await startPair(program, folder, plan.vendor, requests);
        pairs.set(plan.vendor, pair);
      }
      rows.push(await runRow(plan, pair, folder, settings));
    }
    options.onProgress?.(wanted.length, wanted.length, "");
    return {
      version: RESULT_VERSION,
      machine: describeMachine(seed, requests, effort),
      rows,
      skipped: [],
      targets: checkTargets({ rows }),
      notes: notes(tools),
    };
  } finally {
    for (const { child } of pairs.values()) await child.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startPair(
  program: string,
  folder: string,
  vendor: NativePlan["vendor"],
  requests: number,
): Promise<Pair> {
  const machine = startMachine(OWN_LIBRARY, MACHINES[vendor], requests);
  const image = join(folder, `${vendor}.bin`);
  writeFileSync(image, new Uint8Array(machine.batch.stream.buffer));
  const child = new NativeChild(program, image);
  await child.columns(machine.batch);
  return { machine, child };
}

async function runRow(
  plan: NativePlan,
  { machine, child }: Pair,
  folder: string,
  { requests, seed, effort }: Settings,
): Promise<BenchRow> {
  const shape = { count: requests, entries: IOTLB_ENTRIES, seed, stream: plan.stream };
  const workload = makeWorkload(plan.workload, shape);
  const file = join(folder, "requests.bin");
  writeRequests(file, workload);
  await child.load(file, requests);
  await child.flush();
  flushMachine(machine, plan.vendor);
  const side = inPlaceSide(machine, workload);
  checkSide(plan.name, "the model", side);
  // As many passes as the check has made, so that both replace the same entries from here on.
  await child.pass(0, 1);
  const ns: number[] = [];
  const ratios: number[] = [];
  for (let round = 0; round < effort.rounds; round++) {
    const warmup = round === 0 ? effort.firstWarmup : effort.warmup;
    const [own, other] = round % 2 === 0 ? await ownFirst() : await childFirst();
    if (other.checksum !== checksumOf(machine, requests) || other.faults !== 0) {
      throw new BenchMismatchError(`${plan.name}: WASM and C left different answers`);
    }
    ns.push(own / requests);
    ratios.push(other.ns / own);

    async function ownFirst() {
      const own = ownPass(side, warmup, effort.time, effort.passes);
      return [own, await child.pass(effort.time, effort.passes)] as const;
    }
    async function childFirst() {
      const other = await child.pass(effort.time, effort.passes);
      return [ownPass(side, warmup, effort.time, effort.passes), other] as const;
    }
  }
  machine.resetCounters();
  side.pass();
  const { iotlbHits, iotlbMisses } = machine.counters();
  return {
    name: plan.name,
    section: "native",
    ns: spread(ns),
    ratio: { [WASM2C]: spread(ratios) },
    hitRate: iotlbHits / (iotlbHits + iotlbMisses),
    leaves: workload.leaves,
    entries: IOTLB_ENTRIES,
  };
}

/** The model's passes; median of one in nanoseconds. */
function ownPass(side: Side, warmupTime: number, time: number, iterations: number): number {
  const bench = new Bench({
    warmup: warmupTime > 0,
    warmupTime,
    warmupIterations: 1,
    time,
    iterations,
    throws: true,
  });
  bench.add("model", () => void side.pass(), { beforeAll: () => side.prepare?.() });
  const [task] = bench.runSync();
  const result = task?.result;
  if (result === undefined || !("latency" in result)) throw new Error("a pass did not complete");
  return result.latency.p50 * 1e6;
}

function writeRequests(file: string, { requests }: Workload): void {
  const { stream, pasid, iova, access } = requests;
  writeFileSync(
    file,
    Buffer.concat(
      [stream, pasid, iova, access].map(({ buffer, byteOffset, byteLength }) =>
        Buffer.from(buffer, byteOffset, byteLength),
      ),
    ),
  );
}

/** As runtime/driver.c: the PAs as 32-bit words, then the statuses. */
function checksumOf({ batch }: Machine, count: number): number {
  const { pa32, status } = batch;
  let sum = 0;
  for (let i = 0; i < 2 * count; i++) sum = (Math.imul(sum, 31) + pa32[i]!) >>> 0;
  for (let i = 0; i < count; i++) sum = (Math.imul(sum, 31) + status[i]!) >>> 0;
  return sum;
}

function notes(tools: string): string[] {
  return [
    `the same release.wasm as C: ${tools}, guard pages instead of bounds checks as V8 has them.`,
    "ratio: the C program's time over the model's in the same round, median (minimum-maximum); below 1 C is faster. The two " +
      "run alternately, in the opposite order every other round, each over the same requests in place.",
    "Every PA of the model was compared with the layout of the tables before timing; after each round both must have " +
      "left the same PAs and statuses.",
  ];
}
