// Yardstick: IOTLB in a Map whose keys are numbers, addresses as numbers: the program that one writes first when BigInt seems
// slow. The same function and the same IOTLB size as the others; the oldest entry makes
// room, which is what a Map's order gives for nothing. No walk caches. Arm DDI 0487 M.a D8.2-D8.4, Arm IHI 0070 G.b 7.3.
import type { Answers, Requests } from "../requests.js";
import { type MapContext, MapContexts, noteSize } from "./map-contexts.js";
import { NumberWalk } from "./number-walk.js";
import type { TagColumns } from "./tag-columns.js";
import type { Translator, YardstickOptions } from "./translator.js";

const TWO_32 = 2 ** 32;
const TRANSLATION = 0x90;
const ADDR_SIZE = 0x91; // without stage 1, of an input beyond 52 bits (IHI 0070 3.4)
/** Numbers of contexts that a key has room for: 14 bits above 3 for the size and 36 for the page. */
const IDS = 2 ** 14;

interface Entry {
  readonly base: number;
  readonly lg2: number;
  readonly rights: number;
}

/** By log2 of a leaf: its bytes, and its size as a digit of a key. */
const BYTES = Array.from({ length: 31 }, (_, lg2) => 2 ** lg2);
const DIGITS = new Uint8Array(31);
for (const [digit, lg2] of [12, 16, 21, 25, 30].entries()) DIGITS[lg2] = digit;
const PAGES = 2 ** 36;

function keyOf(context: MapContext, iova: number, lg2: number): number {
  return (context.id * 8 + DIGITS[lg2]!) * PAGES + Math.floor(iova / BYTES[lg2]!);
}

/** A Map keyed by number and a walker over numbers. */
export class NumberMapYardstick implements Translator {
  readonly #contexts: MapContexts;
  readonly #walk: NumberWalk;
  readonly #entries = new Map<number, Entry>();
  readonly #size: number;

  /** @param options tables and sizes */
  constructor(options: YardstickOptions) {
    this.#contexts = new MapContexts(options);
    this.#walk = new NumberWalk(options.memory);
    this.#size = options.entries;
  }

  translate(requests: Requests, from: number, to: number, answers: Answers): number {
    let failed = 0;
    for (let i = from; i < to; i++) {
      const o = i - from;
      const context = this.#contexts.find(requests.stream[i]!, requests.pasid[i]!);
      const iova = requests.iova32[2 * i]! + requests.iova32[2 * i + 1]! * TWO_32;
      const access = requests.access[i]!;
      const entry = typeof context === "number" ? context : this.#entry(context, iova, access);
      if (typeof entry === "number") {
        failed++;
        answers.pa32[2 * o] = 0;
        answers.pa32[2 * o + 1] = 0;
        answers.info[o] = entry;
      } else {
        const pa = entry.base + (iova % BYTES[entry.lg2]!);
        answers.pa32[2 * o] = pa;
        answers.pa32[2 * o + 1] = pa / TWO_32;
        answers.info[o] = entry.lg2 << 8;
      }
    }
    return failed;
  }

  /** The entry of an address, or the status of a fault. */
  #entry(context: MapContext, iova: number, access: number): Entry | number {
    if (iova >= 2 ** 48) return context.mode === 2 && iova >= 2 ** 52 ? ADDR_SIZE : TRANSLATION;
    for (const lg2 of context.sizes) {
      const entry = this.#entries.get(keyOf(context, iova, lg2));
      if (entry === undefined) continue;
      if (((entry.rights >>> access) & 1) === 0) break;
      noteSize(context, lg2);
      return entry;
    }
    const walk = this.#walk;
    const status = walk.translate(context, iova, access);
    if (status !== 0) return status;
    const { lg2, rights } = walk;
    const entry = { base: walk.pa - (walk.pa % BYTES[lg2]!), lg2, rights };
    const key = keyOf(context, iova, lg2);
    const entries = this.#entries;
    entries.delete(key);
    if (entries.size >= this.#size) entries.delete(entries.keys().next().value!);
    entries.set(key, entry);
    noteSize(context, lg2);
    return entry;
  }

  invalidateAddress({ vmid, asid, iova32 }: TagColumns, index: number): void {
    const iova = iova32[2 * index]! + iova32[2 * index + 1]! * TWO_32;
    for (const context of this.#contexts.ofAsid(vmid[index]!, asid[index]!)) {
      for (const lg2 of context.sizes) this.#entries.delete(keyOf(context, iova, lg2));
    }
  }

  invalidateAsid({ vmid, asid }: TagColumns, index: number): void {
    this.#contexts.retire(vmid[index]!, asid[index]!);
    this.#recycle();
  }

  invalidateVmid({ vmid }: TagColumns, index: number): void {
    this.#contexts.retireGuest(vmid[index]!);
    this.#recycle();
  }

  #recycle(): void {
    if (!this.#contexts.hasRunOut(IDS - 1)) return;
    this.flush();
    this.#contexts.renumber();
  }

  flush(): void {
    this.#entries.clear();
  }
}
