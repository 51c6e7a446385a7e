// A machine for the tests of the core: a linear stream table, CDs and page tables at fixed places, written as raw
// words (IHI 0070 G.b 5.2, 5.4), and the commands that the tests issue (chapter 4). 4 KiB granule, 48 bits in and out.

import {
  PageTable,
  type PageTableOptions,
  SmmuV3,
  type SmmuV3Options,
  TableAllocator,
  type TableMemory,
} from "../../src/index.js";

export const STREAM_TABLE = 0x4000_0000n;
export const CDS = 0x4100_0000n;
export const TABLES = 0x4200_0000n;
/** What stage 2 adds to the IPAs of a nested stream's tables. */
export const IPA_OFFSET = 0x10_0000_0000n;

const bit = (n: number): bigint => 1n << BigInt(n);
/** CD: V, AA64, R, A, EPD1, IPS = 48 bits, T0SZ = 16. */
export const CD_WORD = bit(31) | bit(41) | bit(45) | bit(46) | bit(30) | (5n << 32n) | 16n;
/** CD: HA and HD. */
export const CD_HTTU = bit(43) | bit(42);
/** STE word 2: S2T0SZ = 16 from level 0 (S2SL0 = 2), S2PS = 48 bits, S2AA64, S2R. */
export const STAGE2_WORD = (16n << 32n) | (2n << 38n) | (5n << 48n) | bit(51) | bit(58);

/** The 16 bytes of a command. */
export function command(low: bigint, high = 0n): Uint8Array {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setBigUint64(0, low, true);
  new DataView(bytes.buffer).setBigUint64(8, high, true);
  return bytes;
}

const vmidAt = (vmid: number): bigint => BigInt(vmid) << 32n;
const asidAt = (asid: number): bigint => BigInt(asid) << 48n;
const streamAt = (stream: number): bigint => BigInt(stream) << 32n;

export const cfgiSte = (stream: number): Uint8Array => command(0x03n | streamAt(stream), 1n);
export const cfgiAll = (): Uint8Array => command(0x04n, 31n);
export const cfgiCdAll = (stream: number): Uint8Array => command(0x06n | streamAt(stream));
export const tlbiAll = (vmid = 0): Uint8Array => command(0x10n | vmidAt(vmid));
export const tlbiAsid = (asid: number, vmid = 0): Uint8Array => command(0x11n | vmidAt(vmid) | asidAt(asid));
export const tlbiVa = (asid: number, va: bigint, vmid = 0): Uint8Array =>
  command(0x12n | vmidAt(vmid) | asidAt(asid), va);
export const tlbiVaa = (va: bigint, vmid = 0): Uint8Array => command(0x13n | vmidAt(vmid), va);
export const tlbiVm = (vmid = 0): Uint8Array => command(0x28n | vmidAt(vmid));
export const tlbiIpa = (ipa: bigint, vmid = 0): Uint8Array => command(0x2an | vmidAt(vmid), ipa);
export const tlbiEverything = (): Uint8Array => command(0x30n);

/** A machine with translation on, and what its tests need to configure streams. */
export class Rig {
  readonly smmu: SmmuV3;
  tables = new TableAllocator(TABLES, 0x1000_0000n);
  readonly events: Uint8Array[] = [];
  #cds = 0n;

  constructor(options: SmmuV3Options = {}, streamsLg2 = 11) {
    this.smmu = new SmmuV3({ eventSink: (record) => this.events.push(record), ...options });
    this.enable(streamsLg2);
  }

  /** STRTAB_BASE, STRTAB_BASE_CFG (linear), CR0 = SMMUEN, EVENTQEN, CMDQEN. */
  enable(streamsLg2 = 11): void {
    this.smmu.write64(0x80, STREAM_TABLE);
    this.smmu.write32(0x88, streamsLg2);
    this.smmu.write32(0x20, 0xd);
  }

  /** Power-on, and nothing placed. */
  reset(streamsLg2 = 11): void {
    this.smmu.reset();
    this.tables = new TableAllocator(TABLES, 0x1000_0000n);
    this.events.length = 0;
    this.#cds = 0n;
    this.enable(streamsLg2);
  }

  words(address: bigint, ...values: bigint[]): void {
    values.forEach((value, i) => {
      this.smmu.memory.writeU64(address + BigInt(i) * 8n, value);
    });
  }

  ste(stream: number, ...words: bigint[]): void {
    this.words(STREAM_TABLE + BigInt(stream) * 64n, ...words);
  }

  /** Room for `n` CDs. */
  cdAddress(n = 1): bigint {
    const at = CDS + this.#cds;
    this.#cds += BigInt(n) * 64n;
    return at;
  }

  table(stage: 1 | 2, options: Partial<PageTableOptions> = {}): PageTable {
    return new PageTable({
      stage,
      granule: 4096,
      inputBits: 48,
      allocate: (bytes, align) => this.tables.allocate(bytes, align),
      release: (address, bytes) => this.tables.release(address, bytes),
      memory: this.smmu.memory,
      ...options,
    });
  }

  /** Stage 1 alone; the CD's address is returned with the table. */
  stage1(stream: number, asid: number, flags = 0n, table = this.table(1)): { table: PageTable; cd: bigint } {
    const cd = this.cdAddress();
    this.words(cd, CD_WORD | asidAt(asid) | flags, table.root);
    this.ste(stream, cd | 0xbn);
    return { table, cd };
  }

  /** Stage 2 alone. */
  stage2(stream: number, vmid: number, table = this.table(2)): PageTable {
    this.ste(stream, 0xdn, 0n, STAGE2_WORD | BigInt(vmid), table.root);
    return table;
  }

  /** Both stages; stage 2 maps the IPAs of CDs and stage-1 tables in 2 MiB blocks, IPA_OFFSET below their PAs. */
  nested(stream: number, asid: number, vmid: number, flags = 0n): { stage1: PageTable; stage2: PageTable } {
    const stage2 = this.table(2);
    const cd = this.cdAddress();
    stage2.map(CDS + IPA_OFFSET, CDS, 0x20_0000n);
    stage2.map(TABLES + IPA_OFFSET, TABLES, 0x1000_0000n);
    const { memory } = this.smmu;
    const guest: TableMemory = {
      readU64: (ipa) => memory.readU64(ipa - IPA_OFFSET),
      writeU64: (ipa, value) => memory.writeU64(ipa - IPA_OFFSET, value),
    };
    const stage1 = this.table(1, {
      memory: guest,
      allocate: (bytes, align) => this.tables.allocate(bytes, align) + IPA_OFFSET,
      release: (ipa, bytes) => this.tables.release(ipa - IPA_OFFSET, bytes),
    });
    this.words(cd, CD_WORD | asidAt(asid) | flags, stage1.root);
    this.ste(stream, (cd + IPA_OFFSET) | 0xfn, 0n, STAGE2_WORD | BigInt(vmid), stage2.root);
    return { stage1, stage2 };
  }

  /** Puts requests in the batch's columns and runs them; a request is [stream, iova, access = 0, pasid word = 0]. */
  run(
    requests: readonly (readonly [stream: number, iova: bigint, access?: number, pasid?: number])[],
  ): number {
    const { batch } = this.smmu;
    requests.forEach(([stream, iova, access = 0, pasid = 0], i) => {
      batch.stream[i] = stream;
      batch.pasid[i] = pasid;
      batch.iova[i] = iova;
      batch.access[i] = access;
    });
    return this.smmu.run(requests.length);
  }

  /** PAs of the first `n` answers, as hex; the status code where there is none. */
  answers(n: number): string[] {
    const { pa, status } = this.smmu.batch;
    return Array.from({ length: n }, (_, i) =>
      status[i]! <= 1 ? `0x${pa[i]!.toString(16)}` : `status 0x${status[i]!.toString(16)}`,
    );
  }
}

/** A small generator of 32-bit numbers (xorshift), the same on every run. */
export function random(seed: number): (below: number) => number {
  let x = seed | 1;
  return (below) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % below;
  };
}
