// The VT-d unit under the model test: the machine of the public API behind its registers and in-memory queues, and the
// reference's tables and fault log beside it. Descriptors go through the invalidation queue. Numbers by hand from Rev 5.10
// chapter 11.

import { type CacheOptions, type PageResponse, VTD_PRESETS, VtdIommu } from "../../../src/index.js";
import { FaultLog } from "../../reference/vtd/fault-log.js";
import { type Outcome, ReferenceVtd, type Request } from "../../reference/vtd/iommu.js";
import { same } from "../script.js";
import { mixtures } from "../slot.js";
import { type Invalidation, wait } from "./invalidation.js";
import { ROOT, Tables } from "./tables.js";

export const REG = {
  GCMD: 0x18,
  RTADDR: 0x20,
  FSTS: 0x34,
  FECTL: 0x38,
  IQH: 0x80,
  IQT: 0x88,
  IQA: 0x90,
  IQERCD: 0xb0,
  PQH: 0xc0,
  PQT: 0xc8,
  PQA: 0xd0,
  PRS: 0xdc,
  PECTL: 0xe0,
  FRCD: 0x220,
} as const;
const [TE, SRTP, QIE] = [0x8000_0000, 0x4000_0000, 0x400_0000];
const SCALABLE = 1n << 10n;
const INVALIDATIONS = 0x1_0000n;
const STATUS = 0x3_0000n;
const IQE = 0x10;
const ENTRIES = 128;
const HOST_WIDTH = 46;

export interface WorldOptions {
  readonly caches: "default" | "tiny" | "off";
  /** Fault recording registers. */
  readonly records: number;
}

const CACHES: Record<WorldOptions["caches"], CacheOptions> = {
  default: {},
  tiny: {
    iotlb: { entries: 4, ways: 2 },
    walkCaches: { stage1: 4, stage2: 4, stage2Tlb: 4 },
    configCache: { contexts: 2 },
  },
  off: { iotlb: "off", walkCaches: "off", configCache: "off" },
};

/** What a request ends in. */
export interface Answer {
  readonly key: string;
  readonly status: "translated" | "bypassed" | "aborted";
  readonly pa: bigint;
  readonly reason?: number;
  /** The doublewords of its fault record; absent: not reported. */
  readonly record?: { low: bigint; high: bigint };
}

const words = (record: Uint8Array): { low: bigint; high: bigint } => {
  const view = new DataView(record.buffer);
  return { low: view.getBigUint64(0, true), high: view.getBigUint64(8, true) };
};

export function answerOf(outcome: Outcome): Answer {
  if (outcome.kind === "blocked") {
    const { reason, record } = outcome;
    const key = `${reason} ${record !== undefined}`;
    return {
      key,
      status: "aborted",
      pa: 0n,
      reason,
      ...(record === undefined ? {} : { record: words(record) }),
    };
  }
  const status = outcome.kind === "translated" ? "translated" : "bypassed";
  return { key: `${status} ${outcome.pa}`, status, pa: outcome.pa };
}

export class Unit {
  readonly vtd: VtdIommu;
  readonly tables: Tables;
  readonly log: FaultLog;
  readonly #reference: ReferenceVtd;
  readonly #cached: boolean;
  responses: PageResponse[] = [];
  irqs: string[] = [];
  #tail = 0;
  #waits = 0;

  constructor({ caches, records }: WorldOptions) {
    const cap = (VTD_PRESETS.full.cap & ~(0xffn << 40n)) | (BigInt(records - 1) << 40n);
    const { ecap } = VTD_PRESETS.full;
    this.#cached = caches !== "off";
    this.vtd = new VtdIommu({
      ...CACHES[caches],
      features: { cap, ecap, hostWidth: HOST_WIDTH },
      memoryLimit: 2 ** 25,
      batchCapacity: 64,
      onIrq: (irq) => this.irqs.push(irq),
      onPageResponse: (response) => this.responses.push(response),
    });
    const ram = [[0n, 1n << 40n]] as const;
    this.#reference = new ReferenceVtd({ cap, ecap, version: 0x10, haw: HOST_WIDTH, ram });
    this.#reference.presetRegister("RTADDR", ROOT | SCALABLE);
    this.log = new FaultLog(records);
    this.tables = new Tables(this.vtd, this.#reference);
    const { vtd } = this;
    vtd.write64(REG.IQA, INVALIDATIONS | 0x800n);
    vtd.write64(REG.RTADDR, ROOT | SCALABLE);
    vtd.write32(REG.GCMD, SRTP);
    this.enable(true);
  }

  enable(on: boolean): void {
    this.vtd.write32(REG.GCMD, (QIE | (on ? TE : 0)) >>> 0);
    this.#reference.presetRegister("GSTS", on ? 1n << 31n : 0n);
  }

  #put(bytes: Uint8Array): void {
    this.vtd.memory.write(INVALIDATIONS + BigInt(32 * this.#tail), bytes);
    this.#tail = (this.#tail + 1) % ENTRIES;
  }

  /** Descriptors, and a wait that writes a number of its own. */
  submit(...list: Uint8Array[]): void {
    const { vtd } = this;
    for (const bytes of list) this.#put(bytes);
    this.#waits++;
    this.#put(wait(this.#waits, STATUS));
    vtd.write64(REG.IQT, BigInt(32 * this.#tail));
    same("IQH", vtd.read64(REG.IQH), BigInt(32 * this.#tail));
    same("the wait's status", vtd.memory.readU64(STATUS) & 0xffff_ffffn, BigInt(this.#waits));
  }

  /** A descriptor of a type that there is none of: IQE, and nothing goes on until software has mended it (6.5.2.11). */
  illegalDescriptor(low: bigint): void {
    const { vtd } = this;
    const at = 32 * this.#tail;
    const bytes = new Uint8Array(32);
    new DataView(bytes.buffer).setBigUint64(0, low, true);
    this.#put(bytes);
    vtd.write64(REG.IQT, BigInt(32 * this.#tail));
    this.log.raiseQueueError();
    same("IQH in error", vtd.read64(REG.IQH), BigInt(at));
    same("IQERCD.IQEI", vtd.read32(REG.IQERCD) & 15, 3);
    vtd.memory.write(INVALIDATIONS + BigInt(at), wait(0, STATUS + 8n));
    this.log.writeStatus(BigInt(IQE));
    vtd.write32(REG.FSTS, IQE);
    same("IQH again", vtd.read64(REG.IQH), BigInt(32 * this.#tail));
  }

  invalidate(...list: Invalidation[]): void {
    const bytes = list.flatMap((one) => one.bytes ?? []);
    if (bytes.length > 0) this.submit(...bytes);
    for (const { drops } of list) {
      for (const slot of this.tables.slots) {
        if (slot.old.length > 0) slot.invalidate((remembered) => drops(slot.place, remembered));
      }
    }
  }

  /** Every answer that a request may get, where `pasid` is the one that its tables are chosen by. */
  answers(request: Request, pasid: number): Answer[] {
    const ask = (): Answer => answerOf(this.#reference.access(request));
    if (!this.#cached) return [ask()];
    const slots = this.tables.slots.filter(
      ({ place, old }) => old.length > 0 && place.pasids.includes(pasid),
    );
    if (slots.length === 0) return [ask()];
    const relevant = slots.map(({ address, current, old }) => ({
      address,
      current,
      // Nested entries are none of a second stage's own.
      old: old.filter(({ caches }) => pasid !== 2 || caches.has("second")),
    }));
    return mixtures(this.#reference.memory, relevant, ask);
  }

  /** What the tables say to a page request: the record of the fault that refuses it, "silent" with FPD, or undefined. */
  pageFault(request: Request): { low: bigint; high: bigint } | "silent" | undefined {
    const blocked = this.#reference.pageRequest(request);
    if (blocked === undefined) return undefined;
    return blocked.record === undefined ? "silent" : words(blocked.record);
  }

  remembers(): number {
    return this.#cached ? this.tables.slots.reduce((sum, { old }) => sum + old.length, 0) : 0;
  }
}
