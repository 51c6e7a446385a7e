// Yardstick: IOTLB in a Map whose keys are bigints, addresses as bigints: the program that follows the manual most
// closely. The same function and the same IOTLB size as the others; the oldest entry makes room. No walk
// caches. Arm DDI 0487 M.a D8.2-D8.4, Arm IHI 0070 G.b 7.3.
import type { Answers, Requests } from "../requests.js";
import { BigintWalk } from "./bigint-walk.js";
import { type MapContext, MapContexts, noteSize } from "./map-contexts.js";
import type { TagColumns } from "./tag-columns.js";
import type { Translator, YardstickOptions } from "./translator.js";

const TRANSLATION = 0x90;
const ADDR_SIZE = 0x91; // without stage 1, of an input beyond 52 bits (IHI 0070 3.4)
/** Numbers of contexts before they are dealt out again: keys have room for more, small bigints are faster. */
const IDS = 2 ** 14;

interface Entry {
  readonly base: bigint;
  readonly mask: bigint;
  readonly lg2: number;
  readonly rights: number;
}

function keyOf(context: MapContext, iova: bigint, lg2: number): bigint {
  return (((BigInt(context.id) << 36n) | (iova >> BigInt(lg2))) << 6n) | BigInt(lg2);
}

/** A Map keyed by bigint and a walker over bigints. */
export class BigintMapYardstick implements Translator {
  readonly #contexts: MapContexts;
  readonly #walk: BigintWalk;
  readonly #entries = new Map<bigint, Entry>();
  readonly #size: number;

  /** @param options tables and sizes */
  constructor(options: YardstickOptions) {
    this.#contexts = new MapContexts(options);
    this.#walk = new BigintWalk(options.memory);
    this.#size = options.entries;
  }

  translate(requests: Requests, from: number, to: number, answers: Answers): number {
    let failed = 0;
    for (let i = from; i < to; i++) {
      const o = i - from;
      const context = this.#contexts.find(requests.stream[i]!, requests.pasid[i]!);
      const iova = requests.iova[i]!;
      const access = requests.access[i]!;
      const entry = typeof context === "number" ? context : this.#entry(context, iova, access);
      if (typeof entry === "number") {
        failed++;
        answers.pa[o] = 0n;
        answers.info[o] = entry;
      } else {
        answers.pa[o] = entry.base | (iova & entry.mask);
        answers.info[o] = entry.lg2 << 8;
      }
    }
    return failed;
  }

  /** The entry of an address, or the status of a fault. */
  #entry(context: MapContext, iova: bigint, access: number): Entry | number {
    if (iova >> 48n !== 0n) return context.mode === 2 && iova >> 52n !== 0n ? ADDR_SIZE : TRANSLATION;
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
    const mask = (1n << BigInt(lg2)) - 1n;
    const entry = { base: walk.pa & ~mask, mask, lg2, rights };
    const key = keyOf(context, iova, lg2);
    const entries = this.#entries;
    entries.delete(key);
    if (entries.size >= this.#size) entries.delete(entries.keys().next().value!);
    entries.set(key, entry);
    noteSize(context, lg2);
    return entry;
  }

  invalidateAddress({ vmid, asid, iova }: TagColumns, index: number): void {
    for (const context of this.#contexts.ofAsid(vmid[index]!, asid[index]!)) {
      for (const lg2 of context.sizes) this.#entries.delete(keyOf(context, iova[index]!, lg2));
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
