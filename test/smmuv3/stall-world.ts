// What the tests of stalled transactions share: a machine whose streams have stage 1 tables and stall, its queues, and
// short forms. Numbers by hand from IHI 0070 G.b.
//
//   0x4000_0000 stream table, 16 linear STEs    0x4000_1000 a CD a stream    0x4001_0000 Event queue
//   0x4010_0000 + 64 KiB a stream: tables of levels 1, 2, 3 (T0SZ = 25), so that page n of the input has one descriptor

import { expect } from "vitest";
import { type ResumeOutcome, SmmuV3, type SmmuV3Options, type StalledTransaction } from "../../src/index.js";
import { bytes, hex } from "./machine.js";

export const [CR0, GERROR, GERRORN, IRQ_CTRL] = [0x20, 0x60, 0x64, 0x50];
export const [EVENTQ_BASE, EVENTQ_PROD, EVENTQ_CONS] = [0xa0, 0x100a8, 0x100ac];
/** SMMUEN and EVENTQEN. */
export const ON = 5;
export const OVERFLOW = 0x8000_0000;
const QUEUE = 0x4001_0000n;
const STREAMS = 16;

/**
 * S1P, S2P, AArch64, COHACC, ASID16, little-endian, STALL_MODEL = 0b00; SIDSIZE 6, SSIDSIZE 20, ATTR_PERMS_OVR; 48-bit
 * OAS, 4 KiB, STALL_MAX.
 */
export const features = (stallMax: number, idr0 = 0): NonNullable<SmmuV3Options["features"]> => ({
  idr0: (0x0040_101b | idr0) >>> 0,
  idr1: 0x0673_0506,
  idr3: 0,
  idr5: 0x15 + stallMax * 0x1_0000,
});

/** CD word 0: T0SZ = 25, EPD1, V, 48-bit IPS, AA64, S, R, A. */
export const CD = {
  S: 1n << 44n,
  R: 1n << 45n,
  A: 1n << 46n,
  base: 25n | (1n << 30n) | (1n << 31n) | (5n << 32n) | (1n << 41n),
};

/** A machine with streams 0..15; all stall unless told otherwise. */
export class StallWorld {
  readonly smmu: SmmuV3;
  readonly outcomes: ResumeOutcome[] = [];
  readonly irqs: string[] = [];
  /** Called at each outcome, after it was written down. */
  onResume: (outcome: ResumeOutcome) => void = () => {};
  onIrq: (irq: string) => void = () => {};

  constructor({
    stallMax = 4,
    sizeLg2 = 4,
    idr0 = 0,
    ...options
  }: { stallMax?: number; sizeLg2?: number; idr0?: number } & SmmuV3Options = {}) {
    this.smmu = new SmmuV3({
      features: features(stallMax, idr0),
      ram: [[0x4000_0000n, 0x1000_0000n]],
      memoryLimit: 2 ** 25,
      onResume: (outcome) => {
        this.outcomes.push(outcome);
        this.onResume(outcome);
      },
      onIrq: (irq) => {
        this.irqs.push(irq);
        this.onIrq(irq);
      },
      ...options,
    });
    this.start(sizeLg2);
  }

  /** Tables and queues from nothing, SMMUEN and EVENTQEN on. */
  start(sizeLg2: number): void {
    const { smmu } = this;
    for (let stream = 0; stream < STREAMS; stream++) {
      const table = 0x4010_0000n + BigInt(stream * 0x1_0000);
      const cd = this.#cd(stream);
      // V, Config = 0b101.
      smmu.memory.writeU64(this.#ste(stream), 0xbn | cd);
      this.configure(stream, CD.S | CD.R | CD.A);
      smmu.memory.writeU64(cd + 8n, table);
      smmu.memory.writeU64(table, (table + 0x1000n) | 3n);
      smmu.memory.writeU64(table + 0x1000n, (table + 0x2000n) | 3n);
    }
    smmu.write64(0x80, 0x4000_0000n);
    smmu.write32(0x88, 4);
    smmu.write64(EVENTQ_BASE, QUEUE | BigInt(sizeLg2));
    smmu.write32(IRQ_CTRL, 5);
    smmu.write32(CR0, ON);
  }

  #ste(stream: number): bigint {
    return 0x4000_0000n + BigInt(64 * stream);
  }

  #cd(stream: number): bigint {
    return 0x4000_1000n + BigInt(64 * stream);
  }

  /** Writes the A, R and S bits of a stream's CD, and CFGI_ALL. */
  configure(stream: number, ars: bigint): void {
    this.smmu.memory.writeU64(this.#cd(stream), CD.base | ars);
    this.issue("0400000000000000 1f00000000000000");
  }

  /** Writes an STE's words 0 and 1, and CFGI_ALL; undefined leaves the CD pointer and Config. */
  writeSte(stream: number, word0: bigint | undefined, word1: bigint): void {
    this.smmu.memory.writeU64(this.#ste(stream), word0 ?? 0xbn | this.#cd(stream));
    this.smmu.memory.writeU64(this.#ste(stream) + 8n, word1);
    this.issue("0400000000000000 1f00000000000000");
  }

  /** Maps input page `page` to `pa` (AF, AP = 0b01), or unmaps it; and TLBI_NSNH_ALL. */
  map(stream: number, page: number, pa: bigint | undefined): void {
    const table = 0x4010_2000n + BigInt(stream * 0x1_0000);
    this.smmu.memory.writeU64(table + BigInt(8 * page), pa === undefined ? 0n : pa | 0x443n);
    this.issue("3000000000000000 0000000000000000");
  }

  issue(command: string, code = 0): void {
    expect(this.smmu.issue(bytes(command))).toBe(code);
  }

  /** CMD_RESUME: bytes 0x44, Ac = bit 12, Ab = bit 13; StreamID from byte 4, STAG from byte 8. */
  resume(stream: number, stag: number, action: "retry" | "abort" | "raz-wi"): void {
    const flags = { retry: "10", abort: "20", "raz-wi": "00" }[action];
    this.issue(`44${flags}0000 ${word32(stream)} ${word32(stag)} 00000000`);
  }

  /** CMD_STALL_TERM. */
  terminate(stream: number): void {
    this.issue(`45000000 ${word32(stream)} 0000000000000000`);
  }

  /** A read of byte 0x123 of an input page. */
  read(stream: number, page: number): ReturnType<SmmuV3["translate"]> {
    return this.smmu.translate({ stream, iova: BigInt(page) * 0x1000n + 0x123n });
  }

  /** Entry `index` of the Event queue. */
  event(index: number): string {
    return hex(this.smmu.memory.read(QUEUE + BigInt(32 * index), 32));
  }

  /** PROD with its flags. */
  get produced(): number {
    return this.smmu.read32(EVENTQ_PROD);
  }

  /** Software has read everything up to this pointer. */
  consume(pointer: number): void {
    this.smmu.write32(EVENTQ_CONS, pointer);
  }

  /** [transaction, STAG] of what is held. */
  get held(): (readonly [number, number | undefined])[] {
    return this.smmu.stalled().map(({ transaction, stag }: StalledTransaction) => [transaction, stag]);
  }

  /** [transaction, status] of what has ended, and forgets it. */
  take(): (readonly [number, string])[] {
    return this.outcomes.splice(0).map(({ transaction, status }) => [transaction, status]);
  }
}

/** Four bytes, little-endian. */
export function word32(value: number): string {
  const data = new Uint8Array(4);
  new DataView(data.buffer).setUint32(0, value, true);
  return hex(data);
}

/**
 * F_TRANSLATION of a read of byte 0x123 of a page, stage 1, CLASS = IN: bytes 8 and 9 STAG, bit 7 of byte 11 Stall, byte
 * 12 RnW, byte 13 CLASS, then InputAddr.
 */
export function translationFault(stream: number, page: number, stag: number | undefined): string {
  const stall = stag === undefined ? "00000000" : word32((0x8000_0000 | stag) >>> 0);
  return `10000000${word32(stream)}${stall}08020000${word32(page * 0x1000 + 0x123)}00000000${"00".repeat(8)}`;
}
