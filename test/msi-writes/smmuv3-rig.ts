// An SMMU with MSIs for tests by hand: all three queues on, RAM below 1 MiB only, and a list of what happened in order.
// Positions and bits are restated from IHI 0070 G.b, 6.2 and 6.3, not read from the model.

import { buildFeatures, type FeatureSet, type SmmuMsi, SmmuV3 } from "../../src/index.js";

export const REG = {
  IDR0: 0x0,
  CR0: 0x20,
  IRQ_CTRL: 0x50,
  IRQ_CTRLACK: 0x54,
  GERROR: 0x60,
  GERRORN: 0x64,
  GERROR_IRQ: 0x68,
  STRTAB_BASE: 0x80,
  STRTAB_BASE_CFG: 0x88,
  CMDQ_BASE: 0x90,
  CMDQ_PROD: 0x98,
  CMDQ_CONS: 0x9c,
  EVENTQ_BASE: 0xa0,
  EVENTQ_IRQ: 0xb0,
  PRIQ_BASE: 0xc0,
  PRIQ_IRQ: 0xd0,
  EVENTQ_PROD: 0x100a8,
  EVENTQ_CONS: 0x100ac,
  PRIQ_PROD: 0x100c8,
  PRIQ_CONS: 0x100cc,
} as const;

/** Enables of IRQ_CTRL. */
export const [GERROR_ON, PRIQ_ON, EVENTQ_ON] = [1, 2, 4];
/** Bits of GERROR. */
export const [CMDQ_ERR, MSI_CMDQ, MSI_EVENTQ, MSI_PRIQ, MSI_GERROR] = [1, 0x10, 0x20, 0x40, 0x80];

/** RAM ends here; nothing answers above. */
const RAM_BYTES = 0x10_0000n;
const [STREAMS, COMMANDS, EVENTS, PAGES] = [0x1_0000n, 0x2_0000n, 0x3_0000n, 0x4_0000n];
/** Doorbells in RAM, and one where no RAM is. */
export const BELL = 0x5_0000n;
export const NOWHERE = 0x1234_5678_0000n;

/** Bytes of a little-endian value of 128 bits. */
function wide(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 16 }, (_, n) => Number((value >> BigInt(8 * n)) & 0xffn));
}

/** CMD_SYNC: opcode 0x46, CS 13:12, MSH 23:22, MSIAttr 27:24, MSIData 63:32, MSIAddress[55:2] 119:66. */
export function sync(cs: number, address = 0n, data = 0, attributes = 0): Uint8Array {
  const low = 0x46n | (BigInt(cs) << 12n) | (BigInt(attributes) << 22n) | (BigInt(data) << 32n);
  return wide(low | (address << 64n));
}

export class Rig {
  readonly smmu: SmmuV3;
  /** "msi eventq 50000 aa" for a message, "irq eventq" for an edge. */
  readonly log: string[] = [];
  readonly messages: SmmuMsi[] = [];
  /** What the listener answers: whether a device takes the write. */
  taken = false;
  /** Looks at the machine during a message or an edge. */
  onEach: (what: string) => void = () => {};

  constructor(changes: Partial<FeatureSet> = {}) {
    this.smmu = new SmmuV3({
      features: buildFeatures({ msi: true, ats: true, pri: true, priQueueLg2: 4, ...changes }),
      ram: [[0n, RAM_BYTES]],
      onMsi: (msi) => {
        this.messages.push(msi);
        this.#note(`msi ${msi.irq} ${msi.address.toString(16)} ${msi.data.toString(16)}`);
        return this.taken;
      },
      onIrq: (irq) => this.#note(`irq ${irq}`),
      onWakeEvent: () => this.#note("wake-up"),
    });
    const { smmu } = this;
    smmu.write64(REG.STRTAB_BASE, STREAMS);
    smmu.write32(REG.STRTAB_BASE_CFG, 4);
    smmu.write64(REG.CMDQ_BASE, COMMANDS | 3n);
    smmu.write64(REG.EVENTQ_BASE, EVENTS | 3n);
    smmu.write64(REG.PRIQ_BASE, PAGES | 3n);
    // SMMUEN, PRIQEN, EVENTQEN, CMDQEN
    smmu.write32(REG.CR0, 0xf);
  }

  #note(what: string): void {
    this.log.push(what);
    this.onEach(what);
  }

  /** Writes *_IRQ_CFG0, 1 and 2 of a source. */
  configure(source: number, address: bigint, data: number, attributes = 0): this {
    this.smmu.write64(source, address);
    this.smmu.write32(source + 8, data);
    this.smmu.write32(source + 12, attributes);
    return this;
  }

  enable(bits: number): this {
    this.smmu.write32(REG.IRQ_CTRL, bits);
    return this;
  }

  /** One C_BAD_STE: the stream table is all zeros. */
  fault(): void {
    this.smmu.translate({ stream: 1, iova: 0x1000n });
  }

  /** A page request, the last of its group. */
  ask(): void {
    this.smmu.requestPage({ stream: 1, group: 1, address: 0x1000n, read: true, last: true });
  }

  /** Puts commands into the queue and rings its doorbell. */
  submit(...commands: Uint8Array[]): void {
    const { smmu } = this;
    let prod = smmu.read32(REG.CMDQ_PROD);
    for (const command of commands) {
      smmu.memory.write(COMMANDS + BigInt(16 * (prod & 7)), command);
      prod = (prod + 1) & 0xf;
    }
    smmu.write32(REG.CMDQ_PROD, prod);
  }

  /** The 32 bits at an address. */
  word(address: bigint): number {
    return new DataView(this.smmu.memory.read(address, 4).buffer).getUint32(0, true);
  }

  /** Errors that are active. */
  errors(): number {
    return (this.smmu.read32(REG.GERROR) ^ this.smmu.read32(REG.GERRORN)) >>> 0;
  }
}
