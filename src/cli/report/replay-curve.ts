// The miss-ratio curve of a replay: what its machine looks up and drops, told to a MissCurve, which then knows the misses of LRU
// IOTLBs of every size with the same set index; and what makes them differ from those of separate runs, if anything does.
//
// The core numbers its translation spaces in the order in which requests first need them, and keeps them until there is room
// for no more; that number decides where a space's pages begin among the sets.
import {
  type Batch,
  MissCurve,
  type TranslationCounters,
  type TranslationInvalidation,
} from "../../index.js";
import type { Table } from "../replay-memory.js";
import type { ReplayObserver, TaggedSpace } from "../replay-observer.js";
import { count } from "../text.js";

const MOST_ENTRIES = 16_384;
const LEAST_ENTRIES = 16;
const MOST_WAYS = 16;
const TRANSLATED = 0;
const BYPASSED = 1;
const UNUSED = -1;
/** In place of a VMID or ASID. */
const ANY = -1;
/** In the upper word of an address: what tags hold, and the bit that selects the half. */
const ADDRESS_HIGH = 0xfffff;
const UPPER_HALF = 1 << 23;

/** A space as the curve has it. */
interface CurveSpace {
  readonly space: TaggedSpace;
  /** Number of the space that has the entries; UNUSED: no request has needed it. */
  number: number;
}

/** Columns of the curve; "all": fully associative. */
export const CURVE_WAYS = [1, 2, 4, 8, MOST_WAYS, "all"] as const;
/** Its rows, in entries. */
export const CURVE_SIZES: readonly number[] = Array.from(
  { length: Math.log2(MOST_ENTRIES / LEAST_ENTRIES) + 1 },
  (_, n) => LEAST_ENTRIES * 2 ** n,
);

/** What came of a curve. */
export interface CurveResult {
  readonly lookups: number;
  /** Misses by size, then by ways; undefined where there are more ways than entries. */
  readonly misses: readonly (readonly (number | undefined)[])[];
  /** Why separate runs may find something else; none: they find the same. */
  readonly doubts: readonly string[];
}

/** Gathers the curve of a replay. */
export class ReplayCurve implements Omit<ReplayObserver, "batch" | "command"> {
  readonly #curve = new MissCurve(MOST_ENTRIES, MOST_WAYS);
  readonly #nested: boolean;
  readonly #mostSpaces: number;
  /** By stream and PASID. */
  readonly #attached = new Map<number, CurveSpace>();
  readonly #byName = new Map<string, CurveSpace>();
  /** By table, by VMID, by VMID and ASID (see tagOf). */
  readonly #groups = new Map<Table | number, CurveSpace[]>();
  /** Numbers of the core's spaces by name. */
  readonly #numbers = new Map<string, number>();
  #upper = 0;
  #isCrowded = false;

  /**
   * @param nested whether entries may be pieces of the tables' leaves
   * @param contexts stream and PASID pairs that the machine has room for
   */
  constructor(nested: boolean, contexts: number) {
    this.#nested = nested;
    // src/core/layout.ts: room for spaces comes with that for contexts
    this.#mostSpaces = Math.ceil(contexts * 1.5) + 64;
  }

  powerOn(): void {
    this.#curve.clear();
    for (const map of [this.#attached, this.#byName, this.#groups, this.#numbers]) map.clear();
  }

  attached(stream: number, pasid: number, space: TaggedSpace | undefined): void {
    const key = keyOf(stream, pasid);
    if (space) this.#attached.set(key, this.#known(space));
    else this.#attached.delete(key);
  }

  unmapped(table: Table, first: number, size: number): void {
    for (const { number } of this.#groups.get(table) ?? []) {
      if (number !== UNUSED) this.#curve.unmap(number, first, first + size - 1);
    }
  }

  invalidated({ stage1, stage2, vmid, asid, range }: TranslationInvalidation): void {
    const named = stage2 ? ANY : asid;
    const group = vmid === ANY ? this.#byName.values() : (this.#groups.get(tagOf(vmid, named)) ?? []);
    for (const { space, number } of group) {
      if (number === UNUSED || !(space.stage === 1 ? stage1 : stage2)) continue;
      if (asid !== ANY && space.stage === 1 && space.asid !== asid) continue;
      if (range === undefined) this.#curve.invalidate(number);
      else this.#curve.invalidate(number, Number(range.first), Number(range.last), range.leafLg2);
    }
  }

  /** Takes the first `requests` requests of a batch that has just run. */
  take({ stream, pasid, iova32, status, leafLg2 }: Batch, requests: number): void {
    let lastKey = -1;
    let known: CurveSpace | undefined;
    for (let i = 0; i < requests; i++) {
      const key = keyOf(stream[i] as number, pasid[i] as number);
      if (key !== lastKey) known = this.#attached.get(key);
      lastKey = key;
      if (known === undefined || status[i] === BYPASSED) continue;
      if (known.number === UNUSED) this.#number(known);
      const high = iova32[2 * i + 1] as number;
      const address = (iova32[2 * i] as number) + (high & ADDRESS_HIGH) * 2 ** 32;
      if (status[i] !== TRANSLATED) this.#curve.fault(known.number, address);
      else if ((high & UPPER_HALF) !== 0) this.#upper++;
      else this.#lookUp(known, address, leafLg2[i] as number);
    }
  }

  /** The curve, when the machine's own counters say how many lookups there were that found no page at all. */
  finish({ iotlbHits, iotlbMisses }: TranslationCounters): CurveResult {
    const curve = this.#curve;
    curve.missAll(Math.max(0, iotlbHits + iotlbMisses - curve.lookups));
    const doubts: [number | boolean, string][] = [
      [
        curve.staleLookups,
        "lookups met pages that were unmapped and not yet invalidated, which a smaller IOTLB walks for",
      ],
      [this.#upper, "lookups of the upper half of the addresses, which count as misses"],
      [
        this.#isCrowded,
        "more address spaces than the configuration cache keeps: entries of the others go with them",
      ],
    ];
    return {
      lookups: curve.lookups,
      misses: CURVE_SIZES.map((entries) =>
        CURVE_WAYS.map((ways) => {
          if (ways === "all") return curve.misses(entries);
          return ways > entries ? undefined : curve.misses(entries, ways);
        }),
      ),
      doubts: doubts
        .filter(([times]) => times !== 0 && times !== false)
        .map(([times, text]) => (times === true ? text : `${count(Number(times))} ${text}`)),
    };
  }

  #known(space: TaggedSpace): CurveSpace {
    const name = space.makes[space.holder] as string;
    const before = this.#byName.get(name);
    if (before) return before;
    const known: CurveSpace = { space, number: UNUSED };
    this.#byName.set(name, known);
    const tags = space.stage === 1 ? [tagOf(space.vmid, space.asid)] : [];
    for (const key of [space.table, tagOf(space.vmid, ANY), ...tags]) {
      const group = this.#groups.get(key);
      if (group) group.push(known);
      else this.#groups.set(key, [known]);
    }
    return known;
  }

  /** The core meets a space, and those that go with it. */
  #number(known: CurveSpace): void {
    const { makes, holder } = known.space;
    for (const name of makes) if (!this.#numbers.has(name)) this.#numbers.set(name, this.#numbers.size);
    known.number = this.#numbers.get(makes[holder] as string) as number;
    if (this.#numbers.size > this.#mostSpaces) this.#isCrowded = true;
  }

  #lookUp({ space, number }: CurveSpace, address: number, leafLg2: number): void {
    const mayBePiece = this.#nested && space.stage === 1 && !this.#curve.holds(number, address, leafLg2);
    const leaf = mayBePiece ? space.table.lookup(BigInt(address)) : undefined;
    this.#curve.lookUp(number, address, leafLg2, leaf?.leafLg2);
  }
}

/** A stream and, as in the columns of a batch, its PASID as one number. */
function keyOf(stream: number, pasid: number): number {
  return stream + (pasid === 0 ? 0 : 2 ** 32 * ((pasid & 0xfffff) + 1));
}

/** VMID and ASID, or ANY, as one number. */
function tagOf(vmid: number, asid: number): number {
  return vmid * 2 ** 21 + asid + 1;
}
