// An invalidation queue in memory for tests by hand: positions and bits as in Intel VT-d Rev 5.10, 6.5.2 and 11.4.9.

import { descriptor, INVALIDATIONS, IQE, QIE, REG, Rig, ROOT, SCALABLE, SRTP } from "./rig.js";

/** A wait, and its flags: status write (bit 5), interrupt (bit 4). */
export const WAIT = 5n;
export const STATUS = 1n << 5n;
export const INTERRUPT = 1n << 4n;
export const IOTLB_GLOBAL = 0x12n;
export const BAD_TYPE = 0xfn;
/** IQA: 32-byte descriptors. */
export const WIDE = 0x800n;
export const STATUS_AT = 0x30000n;

/** A rig with a queue. */
export class Queue extends Rig {
  #at = 0;

  /** A queue of one page, on. */
  start({ mode = SCALABLE, iqa = INVALIDATIONS | WIDE } = {}): this {
    const { vtd } = this;
    vtd.write64(REG.IQA, iqa);
    vtd.write64(REG.RTADDR, ROOT | mode);
    vtd.write32(REG.GCMD, SRTP);
    vtd.write32(REG.GCMD, QIE);
    return this;
  }

  get stride(): number {
    return this.vtd.read32(REG.IQA) & 0x800 ? 32 : 16;
  }

  /** Writes descriptors behind those written before, and the tail. */
  submit(...list: (readonly [bigint, bigint?])[]): void {
    for (const [low, high = 0n] of list) {
      this.vtd.memory.write(INVALIDATIONS + BigInt(this.#at), descriptor(low, high, this.stride));
      this.#at = (this.#at + this.stride) % 4096;
    }
    this.vtd.write64(REG.IQT, BigInt(this.#at));
  }

  /** A wait that writes `data` to `to`. */
  wait(data: number, to = STATUS_AT, more = 0n): readonly [bigint, bigint] {
    return [WAIT | STATUS | more | (BigInt(data) << 32n), to];
  }

  get state(): { head: number; iqe: boolean; code: number } {
    const { vtd } = this;
    return {
      head: vtd.read32(REG.IQH),
      iqe: (vtd.read32(REG.FSTS) & IQE) !== 0,
      code: vtd.read32(REG.IQERCD),
    };
  }

  status(at = STATUS_AT): number {
    return Number(this.word(at) & 0xffff_ffffn);
  }
}

/** No error, beside the head. */
export const RUNNING = { iqe: false, code: 0 };
