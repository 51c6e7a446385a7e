// A unit that caches whatever the architecture lets it cache, for good, and forgets only what a descriptor must make it
// forget: whoever drives it too sloppily gets stale answers. Four levels in both stages, no rights, no flags.
// Tags and scopes from Intel VT-d Rev 5.10, 6.2.1 (Table 17) and 6.5.2 (Tables 23 and 24).

import type { Rig } from "./rig.js";

const ADDRESS = 0xf_ffff_ffff_f000n;
const LARGE = 0x80n;
const SECOND_STAGE = 2n;

interface Page {
  readonly did: number;
  readonly pasid: number;
  readonly nested: boolean;
  readonly page: bigint;
  readonly pa: bigint;
}

/** A pointer to a table, known by what leads to it. */
interface Table {
  readonly did: number;
  /** Of a first stage. */
  readonly pasid: number | undefined;
  /** First address of what the table translates, and its size. */
  readonly first: bigint;
  readonly bytes: bigint;
  readonly at: bigint;
}

interface Entry {
  readonly did: number;
  readonly pasid: number;
  readonly words: readonly bigint[];
}

const field = (word: bigint, lsb: number, bits: number): number =>
  Number((word >> BigInt(lsb)) & ((1n << BigInt(bits)) - 1n));

function forget<T>(cache: Map<string, T>, isNamed: (value: T) => boolean): void {
  for (const [key, value] of cache) if (isNamed(value)) cache.delete(key);
}

export class StrictUnit {
  readonly #rig: Rig;
  readonly #contexts = new Map<number, bigint>();
  readonly #entries = new Map<string, Entry>();
  readonly #tables = new Map<string, Table>();
  readonly #pages = new Map<string, Page>();
  /** How many answers came from the IOTLB, and how many walks began below the root. */
  hits = 0;
  shortcuts = 0;

  constructor(rig: Rig) {
    this.#rig = rig;
  }

  /** The physical address, or undefined where there is no translation. */
  translate(sid: number, pasid: number | undefined, iova: bigint): bigint | undefined {
    const known = this.#pages.get(`${sid} ${pasid} ${iova >> 12n}`);
    if (known) {
      this.hits++;
      return known.pa + (iova & 0xfffn);
    }
    const entry = this.#entry(sid, pasid ?? 0);
    if (!entry) return undefined;
    const [word0, , word2] = entry.words as [bigint, bigint, bigint];
    const nested = ((word0 >> 6n) & 7n) !== SECOND_STAGE;
    const root = word0 & ADDRESS;
    const pa = nested
      ? this.#nested(entry, root, word2 & ADDRESS, iova)
      : this.#walk(entry.did, undefined, iova, root, (gpa) => gpa);
    if (pa === undefined) return undefined;
    const tags = { did: entry.did, pasid: entry.pasid, nested, page: iova >> 12n };
    this.#pages.set(`${sid} ${pasid} ${iova >> 12n}`, { ...tags, pa: pa & ~0xfffn });
    return pa;
  }

  #entry(sid: number, pasid: number): Entry | undefined {
    const key = `${sid} ${pasid}`;
    const known = this.#entries.get(key);
    if (known) return known;
    const context = this.#contexts.get(sid) ?? this.#rig.context(sid)[0]!;
    if ((context & 1n) === 0n) return undefined;
    this.#contexts.set(sid, context);
    const slot = this.#read((context & ADDRESS) + BigInt((pasid >> 6) * 8));
    if ((slot & 1n) === 0n) return undefined;
    const words = this.#rig.words((slot & ADDRESS) + BigInt((pasid & 63) * 64), 3);
    if ((words[0]! & 1n) === 0n) return undefined;
    const entry = { did: field(words[1]!, 0, 16), pasid, words };
    this.#entries.set(key, entry);
    return entry;
  }

  /** Pointers of first-stage tables are kept as they are after the second stage. */
  #nested({ did, pasid }: Entry, second: bigint, first: bigint, iova: bigint): bigint | undefined {
    const through = (gpa: bigint) => this.#walk(did, undefined, gpa, second, (address) => address);
    const gpa = this.#walk(did, pasid, BigInt.asUintN(48, iova), first, through);
    return gpa === undefined ? undefined : through(gpa);
  }

  #walk(
    did: number,
    pasid: number | undefined,
    input: bigint,
    root: bigint,
    place: (table: bigint) => bigint | undefined,
  ): bigint | undefined {
    const keyOf = (level: number) => `${did} ${pasid} ${level} ${input >> BigInt(12 + 9 * level)}`;
    let level = 1;
    while (level < 4 && !this.#tables.has(keyOf(level))) level++;
    if (level < 4) this.shortcuts++;
    let table = this.#tables.get(keyOf(level))?.at ?? place(root);
    for (; table !== undefined; level--) {
      const bytes = 1n << BigInt(12 + 9 * level);
      this.#tables.set(keyOf(level), { did, pasid, first: input & -bytes, bytes, at: table });
      const step = bytes >> 9n;
      const entry = this.#read(table + ((input / step) % 512n) * 8n);
      if ((entry & 3n) === 0n) return undefined;
      if (level === 1 || (entry & LARGE) !== 0n) return (entry & ADDRESS & -step) | (input % step);
      table = place(entry & ADDRESS);
    }
    return undefined;
  }

  #read(address: bigint): bigint {
    return this.#rig.driver.memory.readU64(address);
  }

  /** Forgets what a descriptor must make a unit forget. */
  apply([low, high]: readonly [bigint, bigint]): void {
    const type = field(low, 0, 4);
    const granularity = field(low, 4, 2);
    const did = field(low, 16, 16);
    const pasid = field(low, 32, 20);
    const bytes = 1n << BigInt(12 + field(high, 0, 6));
    const first = high & ~0xfffn & -bytes;
    const inBlock = (address: bigint, size: bigint) => address < first + bytes && first < address + size;
    const leafOnly = (high & 0x40n) !== 0n;
    if (type === 1) {
      if (granularity === 3) this.#contexts.delete(field(low, 32, 16));
      else this.#contexts.clear();
    } else if (type === 7) {
      forget(
        this.#entries,
        (each) => granularity === 3 || (each.did === did && (granularity === 0 || each.pasid === pasid)),
      );
    } else if (type === 2 && granularity !== 3) {
      forget(this.#pages, (each) => granularity === 1 || each.did === did);
      forget(this.#tables, (each) => granularity === 1 || each.did === did);
    } else if (type === 2) {
      forget(this.#pages, (each) => each.did === did && (each.nested || inBlock(each.page << 12n, 4096n)));
      forget(this.#tables, (each) => {
        if (each.did !== did) return false;
        return each.pasid !== undefined || (!leafOnly && inBlock(each.first, each.bytes));
      });
    } else if (type === 6 && granularity === 2) {
      forget(this.#pages, (each) => each.did === did && each.pasid === pasid);
      forget(this.#tables, (each) => each.did === did && each.pasid === pasid);
    } else if (type === 6) {
      const isTagged = (each: Page | Table) => each.did === did && each.pasid === pasid;
      forget(this.#pages, (each) => isTagged(each) && each.nested && inBlock(each.page << 12n, 4096n));
      forget(this.#tables, (each) => isTagged(each) && !leafOnly && inBlock(each.first, each.bytes));
    } else if (type !== 3 && type !== 8) {
      throw new Error(`descriptor of type ${type}`);
    }
  }
}
