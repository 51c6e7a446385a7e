// An embedder whose memory holds everything that the rig places, and a stage-1 stream in it.

import { PageTable, type SmmuV3Options } from "../../src/index.js";
import { CD_WORD, Rig, STREAM_TABLE } from "./rig.js";

export const FRAME = 0x1_0000;
/** The embedder's memory: everything that the rig places. */
export const BASE = 0x4000_0000n;
export const SIZE = 0x1000_0000n;

/** An embedder: its own frames, what it was asked for and what it got back. */
export class Embedder {
  readonly frames = new Map<bigint, Uint8Array>();
  readonly fills: string[] = [];
  readonly stores: string[] = [];
  /** Called before a fill is answered. */
  before: (pa: bigint) => void = () => {};
  refuseStore = false;

  frame(pa: bigint): Uint8Array {
    const base = pa & ~0xffffn;
    let frame = this.frames.get(base);
    if (!frame) {
      frame = new Uint8Array(FRAME);
      this.frames.set(base, frame);
    }
    return frame;
  }

  readU64(pa: bigint): bigint {
    return new DataView(this.frame(pa).buffer).getBigUint64(Number(pa & 0xffffn), true);
  }

  writeU64(pa: bigint, value: bigint): void {
    new DataView(this.frame(pa).buffer).setBigUint64(Number(pa & 0xffffn), value, true);
  }

  get range() {
    return {
      base: BASE,
      size: SIZE,
      fill: (pa: bigint, into: Uint8Array): void => {
        this.before(pa);
        this.fills.push(`0x${pa.toString(16)}+${into.length}`);
        into.set(this.frame(pa));
      },
      store: (pa: bigint, from: Uint8Array): void => {
        if (this.refuseStore) throw new Error("store refused");
        this.stores.push(`0x${pa.toString(16)}+${from.length}`);
        this.frame(pa).set(from, Number(pa & 0xffffn));
      },
    };
  }
}

/** Stream 0 with its STE, CD and tables in the embedder's memory, which the machine has not seen yet. */
export function world(options: SmmuV3Options = {}, flags = 0n) {
  const embedder = new Embedder();
  const rig = new Rig({ external: [embedder.range], ...options });
  const table = new PageTable({
    stage: 1,
    granule: 4096,
    inputBits: 48,
    memory: embedder,
    allocate: (bytes, align) => rig.tables.allocate(bytes, align),
  });
  const cd = rig.cdAddress();
  embedder.writeU64(STREAM_TABLE, cd | 0xbn);
  embedder.writeU64(cd, CD_WORD | flags | (1n << 48n));
  embedder.writeU64(cd + 8n, table.root);
  return { embedder, rig, table, cd };
}
