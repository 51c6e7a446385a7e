// Yardsticks with a Map: the contexts as objects, found by stream and SubstreamID, and what they share: numbers for
// (ASID, VMID) as in context-ids.ts. Arm IHI 0070 G.b 5.2 (STE) and 5.4 (CD).
import {
  CTX_LG2,
  CTX_MODE,
  CTX_PASID_COUNT,
  CTX_PASIDS,
  CTX_S1_HI,
  CTX_S1_LO,
  CTX_S1_OVER,
  CTX_S2_OVER,
  CTX_S2_WORD,
  CTX_STATUS,
  CTX_TAG,
} from "./context-record.js";
import { decodeContexts } from "./contexts.js";
import type { YardstickOptions } from "./translator.js";

/** A stream, or one of its SubstreamIDs. */
export interface MapContext {
  /** Stands for (ASID, VMID) in keys. */
  id: number;
  /** Log2 of the leaf sizes that have been cached, the last first. */
  sizes: number[];
  /** 0, or what a request ends with. */
  readonly status: number;
  /** 1 stage 1, 2 stage 2, 3 both. */
  readonly mode: number;
  readonly stage1Root: number;
  readonly stage2Root: number;
  /** Bits of OA[47:32] that are out of range. */
  readonly stage1Over: number;
  readonly stage2Over: number;
}

/** Everything that requests and invalidations are looked up in. */
export class MapContexts {
  readonly #streams = new Map<number, MapContext>();
  readonly #pasids = new Map<number, MapContext>();
  readonly #byAsid = new Map<number, MapContext[]>();
  readonly #byVmid = new Map<number, MapContext[]>();
  #next = 0;

  /** @param options tables and sizes */
  constructor({ memory, streamTable, streamTableLg2 }: YardstickOptions) {
    const { records, ids } = decodeContexts(memory, streamTable, streamTableLg2);
    const of = new Map<number, MapContext>();
    const contextAt = (at: number): MapContext => {
      const context = contextOf(records, at, this.#next++);
      of.set(at, context);
      return context;
    };
    for (let stream = 0; stream < 1 << streamTableLg2; stream++) {
      const at = stream << CTX_LG2;
      this.#streams.set(stream, contextAt(at));
      for (let pasid = 0; pasid < records[at + CTX_PASID_COUNT]!; pasid++) {
        const own = contextAt((records[at + CTX_PASIDS]! + pasid) << CTX_LG2);
        this.#pasids.set(stream * 2 ** 20 + pasid, own);
      }
    }
    for (const { vmid, asid, records: list } of ids.spaces()) {
      const contexts = list.map((at) => of.get(at)!);
      this.#byAsid.set(vmid * 65536 + asid, contexts);
      this.#byVmid.set(vmid, [...(this.#byVmid.get(vmid) ?? []), ...contexts]);
      for (const context of contexts) context.id = contexts[0]!.id;
    }
  }

  /** The context of a request, or the status that it ends with for want of one. */
  find(stream: number, pasid: number): MapContext | number {
    const own = this.#streams.get(stream);
    if (own === undefined) return 0x82; // C_BAD_STREAMID
    if (pasid === 0) return own.status === 0 ? own : own.status;
    const context = this.#pasids.get(stream * 2 ** 20 + (pasid & 0xfffff));
    if (context !== undefined) return context;
    const isOpen = own.status === 0 || own.status === 0x86; // F_STREAM_DISABLED: only without a SubstreamID
    return isOpen ? 0x88 : own.status; // C_BAD_SUBSTREAMID
  }

  /** The contexts of an address space. */
  ofAsid(vmid: number, asid: number): readonly MapContext[] {
    return this.#byAsid.get(vmid * 65536 + asid) ?? [];
  }

  /** A new number for an address space. */
  retire(vmid: number, asid: number): void {
    const id = this.#next++;
    for (const context of this.ofAsid(vmid, asid)) context.id = id;
  }

  /** New numbers for all that a guest has. */
  retireGuest(vmid: number): void {
    for (const context of this.#byVmid.get(vmid) ?? []) context.id = this.#next++;
  }

  /** Whether the numbers have run out: keys hold `limit`. */
  hasRunOut(limit: number): boolean {
    return this.#next >= limit;
  }

  /** Numbers every address space from 0 on. */
  renumber(): void {
    this.#next = 0;
    for (const contexts of this.#byAsid.values()) {
      const id = this.#next++;
      for (const context of contexts) context.id = id;
    }
  }
}

function contextOf(records: Int32Array, at: number, id: number): MapContext {
  const word = (offset: number): number => records[at + offset]!;
  return {
    id,
    sizes: [],
    status: word(CTX_TAG) === -1 ? word(CTX_STATUS) : 0,
    mode: word(CTX_MODE),
    stage1Root: (word(CTX_S1_LO) >>> 0) + word(CTX_S1_HI) * 2 ** 32,
    stage2Root: word(CTX_S2_WORD) * 4,
    stage1Over: word(CTX_S1_OVER),
    stage2Over: word(CTX_S2_OVER),
  };
}

/**
 * Notes that a leaf size is in use, the last one first.
 *
 * @param context whose
 * @param lg2 log2 of the size
 */
export function noteSize(context: MapContext, lg2: number): void {
  if (context.sizes[0] !== lg2) context.sizes = [lg2, ...context.sizes.filter((size) => size !== lg2)];
}
