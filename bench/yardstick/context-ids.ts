// Yardstick: the dense numbers that stand for (ASID, VMID) in IOTLB tags and for a VMID in the stage-2 walk caches. An
// invalidation by ASID or VMID gives the contexts a new number, as the model does: O(1), and the old entries fade away.
// Arm IHI 0070 G.b 4.4.2 (TLBI_NH_ASID), 4.4.3 (TLBI_S12_VMALL).
import { CTX_SEED, CTX_SEED2, CTX_TAG, CTX_TAG2 } from "./context-record.js";

/** Numbers that fit beside VA[47:32] in a tag; -1 is taken. */
const LIMIT = 0xffff;

/** Who has which number. */
export class ContextIds {
  readonly #records: Int32Array;
  readonly #byAsid = new Map<number, { tag: number; records: number[] }>();
  readonly #byVmid = new Map<number, { tag: number; records: number[]; asids: Set<number> }>();
  #next = 0;
  #next2 = 0;

  /** @param records the context records */
  constructor(records: Int32Array) {
    this.#records = records;
  }

  /**
   * Gives a context its numbers.
   *
   * @param at its record
   * @param vmid VMID, 0..65535; 0 without stage 2
   * @param asid ASID, 0..65535; 0 without stage 1
   */
  add(at: number, vmid: number, asid: number): void {
    const key = vmid * 65536 + asid;
    const space = this.#byAsid.get(key) ?? { tag: this.#next++, records: [] };
    this.#byAsid.set(key, space);
    const guest = this.#byVmid.get(vmid) ?? { tag: this.#next2++, records: [], asids: new Set<number>() };
    this.#byVmid.set(vmid, guest);
    guest.asids.add(asid);
    space.records.push(at);
    guest.records.push(at);
    this.#write(at + CTX_TAG, at + CTX_SEED, space.tag);
    this.#write(at + CTX_TAG2, at + CTX_SEED2, guest.tag);
  }

  #write(tagAt: number, seedAt: number, tag: number): void {
    this.#records[tagAt] = tag << 16;
    this.#records[seedAt] = Math.imul(tag, 0x9e3779b1) >>> 16;
  }

  /** Every address space and the records of its contexts. */
  *spaces(): Generator<{ vmid: number; asid: number; records: readonly number[] }> {
    for (const [key, { records }] of this.#byAsid) yield { vmid: key >>> 16, asid: key & 0xffff, records };
  }

  /** The records of an address space; none when nobody has it. */
  recordsOf(vmid: number, asid: number): readonly number[] {
    return this.#byAsid.get(vmid * 65536 + asid)?.records ?? [];
  }

  /**
   * A new number for an address space.
   *
   * @returns false when the numbers have run out: `renumber` and forget every entry
   */
  retire(vmid: number, asid: number): boolean {
    const space = this.#byAsid.get(vmid * 65536 + asid);
    if (space === undefined) return true;
    if (this.#next >= LIMIT) return false;
    space.tag = this.#next++;
    for (const at of space.records) this.#write(at + CTX_TAG, at + CTX_SEED, space.tag);
    return true;
  }

  /**
   * New numbers for all that a guest has.
   *
   * @returns false when the numbers have run out: `renumber` and forget every entry
   */
  retireGuest(vmid: number): boolean {
    const guest = this.#byVmid.get(vmid);
    if (guest === undefined) return true;
    if (this.#next2 >= LIMIT) return false;
    guest.tag = this.#next2++;
    for (const at of guest.records) this.#write(at + CTX_TAG2, at + CTX_SEED2, guest.tag);
    for (const asid of guest.asids) if (!this.retire(vmid, asid)) return false;
    return true;
  }

  /** Numbers everybody from 0 on. */
  renumber(): void {
    this.#next = 0;
    this.#next2 = 0;
    for (const space of this.#byAsid.values()) {
      space.tag = this.#next++;
      for (const at of space.records) this.#write(at + CTX_TAG, at + CTX_SEED, space.tag);
    }
    for (const guest of this.#byVmid.values()) {
      guest.tag = this.#next2++;
      for (const at of guest.records) this.#write(at + CTX_TAG2, at + CTX_SEED2, guest.tag);
    }
  }
}
