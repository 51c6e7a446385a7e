// Simulated physical memory of the reference model: RAM ranges, sparse 4 KiB pages, unwritten bytes read 0.
// An access outside RAM is an external abort (IHI 0070 7.3.4, 7.3.10, 7.3.12) and answers undefined or false.
// Not modelled: memory types, coherency, partial aborts inside one structure.

const PAGE_BYTES = 4096n;

export type RamRange = readonly [base: bigint, size: bigint];

export class ReferenceMemory {
  readonly #ram: readonly RamRange[];
  readonly #pages = new Map<bigint, DataView>();
  /** Where doublewords and structures were read, in order, if somebody has put a list here. */
  log: bigint[] | undefined;

  constructor(ram: readonly RamRange[]) {
    this.#ram = ram;
  }

  isRam(address: bigint, length = 1n): boolean {
    return this.#ram.some(([base, size]) => address >= base && address + length <= base + size);
  }

  #page(address: bigint): DataView | undefined {
    return this.#pages.get(address / PAGE_BYTES);
  }

  #pageForWrite(address: bigint): DataView {
    let page = this.#page(address);
    if (page === undefined) {
      page = new DataView(new ArrayBuffer(Number(PAGE_BYTES)));
      this.#pages.set(address / PAGE_BYTES, page);
    }
    return page;
  }

  /** The little-endian doubleword at an 8-byte aligned address; undefined = external abort. */
  readDoubleword(address: bigint): bigint | undefined {
    this.log?.push(address);
    if (!this.isRam(address, 8n)) return undefined;
    return this.#page(address)?.getBigUint64(Number(address % PAGE_BYTES), true) ?? 0n;
  }

  writeDoubleword(address: bigint, value: bigint): boolean {
    if (!this.isRam(address, 8n)) return false;
    this.#pageForWrite(address).setBigUint64(Number(address % PAGE_BYTES), value, true);
    return true;
  }

  /** `count` doublewords (a structure in memory); undefined = external abort. */
  readStructure(address: bigint, count: number): bigint[] | undefined {
    const words: bigint[] = [];
    for (let i = 0; i < count; i++) {
      const word = this.readDoubleword(address + 8n * BigInt(i));
      if (word === undefined) return undefined;
      words.push(word);
    }
    return words;
  }

  read(address: bigint, length: number): Uint8Array | undefined {
    if (!this.isRam(address, BigInt(length))) return undefined;
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) {
      const at = address + BigInt(i);
      bytes[i] = this.#page(at)?.getUint8(Number(at % PAGE_BYTES)) ?? 0;
    }
    return bytes;
  }

  write(address: bigint, bytes: Uint8Array): boolean {
    if (!this.isRam(address, BigInt(bytes.length))) return false;
    for (let i = 0; i < bytes.length; i++) {
      const at = address + BigInt(i);
      this.#pageForWrite(at).setUint8(Number(at % PAGE_BYTES), bytes[i]!);
    }
    return true;
  }

  /** Base addresses of all pages ever written, ascending. */
  writtenPages(): bigint[] {
    return [...this.#pages.keys()]
      .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
      .map((page) => page * PAGE_BYTES);
  }
}
