// The SMMUv3 under the model test: the machine of the public API behind its registers and in-memory queues, and the
// reference beside it. Commands go through the Command queue. Numbers by hand from IHI 0070 G.b chapter 6.

import { type CacheOptions, type PageResponse, type ResumeOutcome, SmmuV3 } from "../../../src/index.js";
import { ReferenceSmmu } from "../../reference/smmu.js";
import { same } from "../script.js";
import { mixtures } from "../slot.js";
import { type Answer, answerOf, type Request } from "./answer.js";
import type { Invalidation } from "./invalidation.js";
import { STREAM_TABLE, Tables } from "./tables.js";

export const [CR0, IRQ_CTRL, GERROR, GERRORN, GBPA] = [0x20, 0x50, 0x60, 0x64, 0x44];
const [CMDQ_BASE, CMDQ_PROD, CMDQ_CONS] = [0x90, 0x98, 0x9c];
const COMMANDS = 0x4000_2000n;
const COMMANDS_LG2 = 3;
const CMDQ_ERR = 1;
const CERROR_ILL = 1;

/** How a world differs from others. */
export interface WorldOptions {
  readonly caches: "default" | "tiny" | "off";
  readonly stallMax: number;
  readonly maxStalled: number;
  /** IDR0.TERM_MODEL: no RAZ/WI. */
  readonly abortOnly: boolean;
  /** IDR1.SSIDSIZE is not 0. */
  readonly substreams: boolean;
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

/**
 * IDR0: S2P, S1P, TTF 2, COHACC, ATS, ASID16, PRI, VMID16, CD2L, TTENDIAN 2, STALL_MODEL 0, TERM_MODEL. IDR1: SIDSIZE 6,
 * SSIDSIZE 20 or 0, PRIQS 4, EVENTQS 19, CMDQS 19. IDR3: RIL. IDR5: OAS 40 bits, 4 KiB, STALL_MAX.
 */
function idRegisters({ stallMax, abortOnly, substreams }: WorldOptions) {
  return {
    idr0: (0x004d_141b | (abortOnly ? 1 << 26 : 0)) >>> 0,
    idr1: 0x0273_2006 | (substreams ? 0x500 : 0),
    idr3: 0x400,
    idr5: 0x12 + stallMax * 0x1_0000,
  };
}

export class Unit {
  readonly smmu: SmmuV3;
  readonly tables: Tables;
  readonly #reference: ReferenceSmmu;
  readonly #cached: boolean;
  /** What came out since it was last emptied. */
  outcomes: ResumeOutcome[] = [];
  responses: PageResponse[] = [];
  irqs: string[] = [];
  #produced = 0;

  constructor(options: WorldOptions) {
    const id = idRegisters(options);
    this.#cached = options.caches !== "off";
    this.smmu = new SmmuV3({
      ...CACHES[options.caches],
      features: id,
      ram: [[STREAM_TABLE, 0x1000_0000n]],
      memoryLimit: 2 ** 25,
      batchCapacity: 64,
      maxStalled: options.maxStalled,
      onResume: (outcome) => this.outcomes.push(outcome),
      onPageResponse: (response) => this.responses.push(response),
      onIrq: (irq) => this.irqs.push(irq),
    });
    this.#reference = new ReferenceSmmu({
      idr: {
        idr0: BigInt(id.idr0),
        idr1: BigInt(id.idr1),
        idr3: BigInt(id.idr3),
        idr5: BigInt(id.idr5),
      },
      ram: [[STREAM_TABLE, 0x1000_0000n]],
    });
    this.tables = new Tables(this.smmu, this.#reference);
    for (const [name, value] of [
      ["STRTAB_BASE", STREAM_TABLE],
      ["STRTAB_BASE_CFG", 4n],
      ["CR2", 2n],
      // SMMUEN, EVENTQEN: whether a record finds room is the model's matter.
      ["CR0", 5n],
    ] as const) {
      this.#reference.presetRegister(name, value);
    }
    const { smmu } = this;
    smmu.write64(0x80, STREAM_TABLE);
    smmu.write32(0x88, 4);
    // RECINVSID.
    smmu.write32(0x2c, 2);
    smmu.write64(CMDQ_BASE, COMMANDS | BigInt(COMMANDS_LG2));
    smmu.write32(IRQ_CTRL, 7);
  }

  /** Writes commands into the queue, and PROD. */
  command(...commands: Uint8Array[]): void {
    const { smmu } = this;
    const size = 2 ** COMMANDS_LG2;
    for (const bytes of commands) {
      smmu.memory.write(COMMANDS + BigInt(16 * (this.#produced % size)), bytes);
      this.#produced++;
      smmu.write32(CMDQ_PROD, this.#produced % (2 * size));
      // ERR is UNKNOWN but in error (6.3.28).
      same("CMDQ_CONS", smmu.read32(CMDQ_CONS) & 0xff_ffff, this.#produced % (2 * size));
    }
  }

  /** A command that there is none of: CERROR_ILL, CMDQ_ERR; software puts a SYNC in its place (7.1). */
  illegalCommand(opcode: number): void {
    const { smmu } = this;
    const size = 2 ** COMMANDS_LG2;
    const at = COMMANDS + BigInt(16 * (this.#produced % size));
    smmu.memory.writeU64(at, BigInt(opcode));
    const stopped = this.#produced % (2 * size);
    this.#produced++;
    smmu.write32(CMDQ_PROD, this.#produced % (2 * size));
    same("CMDQ_CONS with ERR", smmu.read32(CMDQ_CONS), stopped + CERROR_ILL * 0x100_0000);
    same("GERROR.CMDQ_ERR", (smmu.read32(GERROR) ^ smmu.read32(GERRORN)) & CMDQ_ERR, CMDQ_ERR);
    smmu.memory.writeU64(at, 0x46n);
    smmu.memory.writeU64(at + 8n, 0n);
    smmu.write32(GERRORN, smmu.read32(GERRORN) ^ CMDQ_ERR);
    same("CMDQ_CONS again", smmu.read32(CMDQ_CONS) & 0xff_ffff, this.#produced % (2 * size));
  }

  invalidate(...list: Invalidation[]): void {
    this.command(...list.map(({ bytes }) => bytes));
    for (const { drops } of list) {
      for (const slot of this.tables.slots) {
        if (slot.old.length > 0) slot.invalidate((remembered) => drops(slot.place, remembered));
      }
    }
  }

  /** Every answer that a request may get; without caches it is one. */
  answers(request: Request): Answer[] {
    const { memory } = this.#reference;
    const ask = (): Answer => answerOf(this.#reference.access(request));
    if (!this.#cached) return [ask()];
    const slots = this.tables.slots.filter(
      ({ place, old }) => old.length > 0 && place.streams.includes(request.sid),
    );
    if (slots.length === 0) return [ask()];
    // Stage 2 alone: entries that combine stages are none of its.
    const only2 = request.sid === 2;
    const relevant = slots.map((slot) => ({
      address: slot.address,
      current: slot.current,
      old: slot.old.filter(({ caches }) => !only2 || caches.has("stage2")),
    }));
    return mixtures(memory, relevant, ask);
  }

  /** Remembered values that a request of these streams may meet. */
  remembers(): number {
    return this.#cached ? this.tables.slots.reduce((sum, { old }) => sum + old.length, 0) : 0;
  }
}
