// A VT-d unit with one endpoint and a device TLB, as the test of stale use drives it (rigs.ts): tables of one stage change,
// the other, if there is one, leads everything to itself. Bits are restated from Intel VT-d Rev 5.10, 6.5.2 and 9.3 to 9.8.

import { type AtcInvalidation, type AtcResponse, DeviceTlb, type DeviceTlbOptions } from "../../src/index.js";
import { Queue } from "../vtd/queue-rig.js";
import {
  CONTEXT,
  FIRST_STAGE,
  FS,
  INVALIDATIONS,
  LEGACY,
  NESTED,
  QIE,
  REG,
  ROOT,
  SCALABLE,
  SECOND_STAGE,
  SID,
  SRTP,
  SS,
  TE,
} from "../vtd/rig.js";

/** Which stage changes, and what else there is. */
export type VtdKind = "first" | "second" | "first over a second" | "second under a first" | "legacy";

const PASIDS = [1, 2] as const;
const DID = 7n;
const WRITABLE = 2n;
const PS = 0x80n;
const WIDE = 0x800n;
/** Pages of the lowest 2 MiB from here on hold tables. */
const TABLE_PAGES = 256;
const STATUS = 0x6_0000n;

/** An endpoint of a VT-d unit. */
export class VtdRig {
  readonly tlb: DeviceTlb;
  readonly pasids: readonly (number | undefined)[];
  readonly #queue: Queue;
  readonly #kind: VtdKind;
  /** The tables of the stage that changes: of pages, and of 2 MiB. */
  readonly #pages: bigint;
  readonly #ranges: bigint;
  #waits = 0;

  constructor(kind: VtdKind, geometry: Omit<DeviceTlbOptions, "stream">) {
    this.#kind = kind;
    let take: (request: AtcInvalidation) => AtcResponse = () => "completed";
    this.#queue = new Queue({ onAtcInvalidation: (request) => take(request) });
    this.tlb = new DeviceTlb(this.#queue.vtd, { stream: SID, ...geometry });
    take = (request) => this.tlb.invalidate(request);
    this.pasids = kind === "legacy" ? [undefined] : [undefined, ...PASIDS];
    const root = this.#queue.table();
    const [, , range, page] = this.#queue.map({
      root,
      input: 0n,
      output: 0n,
      flags: this.#isFirst ? FS : SS,
    });
    this.#pages = page!;
    this.#ranges = range!;
    this.#queue.words(page!, 0n);
    this.#configure(root);
  }

  get #isFirst(): boolean {
    return this.#kind === "first" || this.#kind === "first over a second";
  }

  #configure(root: bigint): void {
    const { vtd } = this.#queue;
    if (this.#kind === "legacy") {
      this.#queue.words(ROOT + BigInt(SID >> 8) * 16n, CONTEXT | 1n, 0n);
      // TT = 01, AW = 2: 48 bits.
      this.#queue.words(CONTEXT + BigInt(SID & 0xff) * 16n, root | 5n, 2n | (DID << 8n));
    } else {
      this.#queue.structures();
      for (const pasid of [0, ...PASIDS]) this.#entry(pasid, root);
    }
    vtd.write64(REG.IQA, INVALIDATIONS | (this.#kind === "legacy" ? 0n : WIDE));
    vtd.write64(REG.RTADDR, ROOT | (this.#kind === "legacy" ? LEGACY : SCALABLE));
    vtd.write32(REG.GCMD, SRTP);
    vtd.write32(REG.GCMD, (TE | QIE) >>> 0);
  }

  #entry(pasid: number, root: bigint): void {
    const did = Number(DID);
    if (this.#kind === "first") this.#queue.pasid(pasid, FIRST_STAGE, did, { first: root });
    if (this.#kind === "second") this.#queue.pasid(pasid, SECOND_STAGE, did, { second: root });
    if (this.#kind === "first over a second") {
      const second = this.#queue.table();
      this.#queue.map({ root: second, leafLevel: 3, input: 0n, output: 0n, flags: SS });
      this.#queue.pasid(pasid, NESTED, did, { first: root, second });
    }
    if (this.#kind === "second under a first") {
      const first = this.#queue.table();
      for (let at = 0n; at < 0x80_0000n; at += 0x20_0000n) {
        this.#queue.map({ root: first, leafLevel: 2, input: at, output: at, flags: FS });
      }
      for (let page = TABLE_PAGES; page < 512; page++) this.#put(page, 1, BigInt(page * 0x1000) | SS);
      this.#queue.pasid(pasid, NESTED, did, { first, second: root });
    }
  }

  map(page: number, pages: number, pa: number, write: boolean): void {
    const leaf = this.#isFirst ? FS : SS;
    this.#put(page, pages, BigInt(pa * 0x1000) | (write ? leaf : leaf & ~WRITABLE));
  }

  unmap(page: number, pages: number): void {
    this.#put(page, pages, 0n);
  }

  #put(page: number, pages: number, leaf: bigint): void {
    if (pages === 1) this.#queue.words(this.#pages + BigInt(page * 8), leaf);
    else this.#queue.words(this.#ranges + BigInt((page / 512) * 8), leaf === 0n ? 0n : leaf | PS);
  }

  invalidateIommu(page: number, pages: number): void {
    const block = BigInt(page * 0x1000) | BigInt(Math.log2(pages));
    // Page-selective: by PASID (type 6), or by domain (type 2).
    const common = (3n << 4n) | (DID << 16n);
    if (this.#isFirst)
      this.#submit(...[0n, 1n, 2n].map((pasid) => [6n | common | (pasid << 32n), block] as const));
    else this.#submit([2n | common, block]);
  }

  invalidateDevice(page: number, pages: number): void {
    const address = BigInt(page * 0x1000);
    const isRange = pages > 1;
    // 2 MiB: S, and bit 20 the lowest that is clear.
    const ones = isRange ? 0xf_f000n : 0n;
    const all = [
      [3n | (BigInt(SID) << 32n), address | ones | (isRange ? 1n : 0n)],
      // GI
      [8n | (BigInt(SID) << 16n), address | ones | (isRange ? 0x800n : 0n) | 1n],
    ] as const;
    this.#submit(...all.slice(0, this.pasids.length));
  }

  /** Submits descriptors and a wait, which must complete. */
  #submit(...descriptors: readonly (readonly [bigint, bigint])[]): void {
    this.#waits += 1;
    this.#queue.submit(...descriptors, this.#queue.wait(this.#waits, STATUS));
    if (this.#queue.status(STATUS) !== this.#waits) throw new Error("an invalidation has not completed");
  }
}
