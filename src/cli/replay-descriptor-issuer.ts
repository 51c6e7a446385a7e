// Invalidation events of a trace carried out as VT-d descriptors (Intel VT-d Rev 5.10, 6.5.2). Those that traces are full of
// (a domain, pages of a domain or of a PASID, wait) are composed in place, in one buffer; replay-descriptors.ts encodes all of
// them, and says what a line means.
import { vtdInvalidation as I, INVALIDATION_ROWS, invalidationArgs, type TraceEvents } from "../index.js";
import { type DescriptorRule, encodeDescriptors } from "./replay-descriptors.js";

/** A descriptor whose numbers are DID, then PASID, then ADDR AM IH, as far as it has them. */
interface Shape {
  readonly type: number;
  readonly granularity: number;
  readonly pasid?: boolean;
  readonly pages?: boolean;
  /** Confined to a guest, it means something else. */
  readonly unconfined?: boolean;
}

const { INV_IOTLB, INV_PASID_IOTLB } = I;
const NAMED: ReadonlyMap<string, Shape> = new Map<string, Shape>([
  ["iotlb domain", { type: INV_IOTLB, granularity: I.IOTLB_DOMAIN }],
  ["iotlb page", { type: INV_IOTLB, granularity: I.IOTLB_PAGE, pages: true, unconfined: true }],
  ["piotlb pasid", { type: INV_PASID_IOTLB, granularity: I.PIOTLB_PASID, pasid: true }],
  ["piotlb page", { type: INV_PASID_IOTLB, granularity: I.PIOTLB_PAGE, pasid: true, pages: true }],
]);
const SHAPES: readonly (Shape | undefined)[] = INVALIDATION_ROWS.map(({ kind }) => NAMED.get(kind));
const WAIT = INVALIDATION_ROWS.findIndex(({ kind }) => kind === "wait");

/** What carries out a descriptor: VtdIommu. */
interface Vtd {
  issue(descriptor: Uint8Array | Uint32Array): number;
}

/** Turns INVALIDATE events into descriptors and has them carried out. */
export class DescriptorIssuer {
  readonly #vtd: Vtd;
  readonly #rule: DescriptorRule;
  readonly #words: Uint32Array;
  readonly #wait: Uint32Array | undefined;

  constructor(vtd: Vtd, rule: DescriptorRule) {
    this.#vtd = vtd;
    this.#rule = rule;
    this.#words = new Uint32Array(rule.bytes / 4);
    const [wait] = encodeDescriptors("wait", [], rule);
    this.#wait = wait && new Uint32Array(wait.buffer);
  }

  /** Carries out an event. Throws RangeError for one that is not VT-d's, or that the unit refuses. */
  run(events: TraceEvents, at: number): void {
    const words = this.compose(events, at);
    if (words !== undefined) {
      this.issue(words);
      return;
    }
    const row = INVALIDATION_ROWS[events.code[at] as number];
    if (row === undefined) return;
    for (const one of encodeDescriptors(row.kind, invalidationArgs(events, at), this.#rule)) this.issue(one);
  }

  /** Carries out one descriptor. Throws RangeError when the unit refuses it. */
  issue(bytes: Uint8Array | Uint32Array): void {
    const code = this.#vtd.issue(bytes);
    if (code !== 0) throw new RangeError(`the unit refused a descriptor (IQERCD.IQEI = ${code})`);
  }

  /** The one descriptor of a frequent event as words, good until the next call; undefined for any other. */
  compose(events: TraceEvents, at: number): Uint32Array | undefined {
    const code = events.code[at] as number;
    if (code === WAIT) return this.#wait;
    const shape = SHAPES[code];
    const { guest } = this.#rule;
    if (shape === undefined || (shape.unconfined && guest !== undefined)) return undefined;
    const { args } = events;
    const first = 2 * (events.index[at] as number);
    const recorded = args[first] as number;
    const did = guest === undefined ? recorded : guest.get(recorded);
    if (did === undefined) return undefined;
    const words = this.#words;
    words[0] = shape.type | (shape.granularity << I.INV_G_LSB) | (did << I.INV_DID_LSB);
    const from = shape.pasid ? first + 2 : first;
    words[1] = shape.pasid ? (args[from] as number) : 0;
    words[2] = 0;
    words[3] = 0;
    if (shape.pages) {
      const address = (args[from + 2] as number) & (-1 << (I.INV_ADDR_LSB - 64));
      const hint = (args[from + 6] as number) << (I.INV_IH_LSB - 64);
      words[2] = address | (args[from + 4] as number) | hint;
      words[3] = args[from + 3] as number;
    }
    return words;
  }
}
