// Pools for the tests. The worker's script is the built one: there is no other way to load it.

import { readFileSync } from "node:fs";
import { SharedCore } from "../../src/core/shared-core.js";
import { SharedUnit, type UnitWord } from "../../src/core/shared-unit.js";
import {
  PageTable,
  SmmuV3,
  type SmmuV3Options,
  TableAllocator,
  TranslationPool,
  type TranslationUnit,
  VtdIommu,
  type VtdOptions,
} from "../../src/index.js";
import { CD_WORD, CDS, STREAM_TABLE, TABLES } from "../core/rig.js";

export const workerUrl = new URL("../../dist/pool/unit-worker.js", import.meta.url);

export const smmuPool = (options: SmmuV3Options = {}, workers = 2): Promise<TranslationPool<SmmuV3>> =>
  TranslationPool.create(SmmuV3, { batchCapacity: 4096, ...options, workers, workerUrl });

export const vtdPool = (options: VtdOptions = {}, workers = 2): Promise<TranslationPool<VtdIommu>> =>
  TranslationPool.create(VtdIommu, { batchCapacity: 4096, ...options, workers, workerUrl });

/** A request: stream, address, access code, PASID word. */
export type Request = readonly [stream: number, iova: bigint, access?: number, pasid?: number];

/** Fills requests in from column `first` on. */
export function fill({ batch }: Pick<SmmuV3, "batch">, requests: readonly Request[], first = 0): void {
  const { stream, pasid, iova, access } = batch;
  for (const [i, request] of requests.entries()) {
    stream[first + i] = request[0];
    iova[first + i] = request[1];
    access[first + i] = request[2] ?? 0;
    pasid[first + i] = request[3] ?? 0;
  }
}

/** PAs of `n` answers as hex; the status code where there is none. */
export function answers({ batch }: Pick<SmmuV3, "batch">, n: number, first = 0): string[] {
  const { pa, status } = batch;
  return Array.from({ length: n }, (_, i) =>
    status[first + i]! <= 1
      ? `0x${pa[first + i]!.toString(16)}`
      : `status 0x${status[first + i]!.toString(16)}`,
  );
}

/** Runs requests in a unit; what it answered. */
export async function run<F>(unit: TranslationUnit<F>, requests: readonly Request[]): Promise<string[]> {
  fill(unit, requests);
  await unit.run(requests.length);
  return answers(unit, requests.length);
}

/** Streams with stage 1 alone, tables and CDs at fixed places (IHI 0070 5.2, 5.4), on any machine. */
export class Streams {
  readonly #tables = new TableAllocator(TABLES, 0x1000_0000n);
  #cds = CDS;

  /** STRTAB_BASE, STRTAB_BASE_CFG (linear), CR0 = SMMUEN, EVENTQEN, CMDQEN. */
  constructor(readonly smmu: SmmuV3) {
    smmu.write64(0x80, STREAM_TABLE);
    smmu.write32(0x88, 11);
    smmu.write32(0x20, 0xd);
  }

  /** A stream with a table of its own, or one that is there. */
  stage1(stream: number, asid: number, flags = 0n, table = this.table()): PageTable {
    const { memory } = this.smmu;
    memory.writeU64(this.#cds, CD_WORD | (BigInt(asid) << 48n) | flags);
    memory.writeU64(this.#cds + 8n, table.root);
    memory.writeU64(STREAM_TABLE + BigInt(stream) * 64n, this.#cds | 0xbn);
    this.#cds += 64n;
    return table;
  }

  table(): PageTable {
    return new PageTable({
      stage: 1,
      granule: 4096,
      inputBits: 48,
      allocate: (bytes, align) => this.#tables.allocate(bytes, align),
      release: (address, bytes) => this.#tables.release(address, bytes),
      memory: this.smmu.memory,
    });
  }
}

const shared = new WebAssembly.Module(
  readFileSync(new URL("../../build/shared.wasm", import.meta.url)) as Uint8Array<ArrayBuffer>,
);

/** A machine and one unit on this thread, which does something only when it is told to take a turn. */
export function steppedUnit(options: SmmuV3Options = {}) {
  let made: SharedCore | undefined;
  const smmu = new SmmuV3({
    batchCapacity: 1024,
    ...options,
    makeCore: (plan, ranges) => {
      made = SharedCore.make(plan, ranges, 1, shared);
      return made;
    },
  });
  const core = made!;
  const words: UnitWord[] = [];
  const unit = new SharedUnit(core.startOf(0), (word) => words.push(word));
  return { smmu, core, arena: core.units[0]!, unit, words };
}
