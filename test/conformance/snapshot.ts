// A snapshot of a running Linux as a guest sees it: its memory, its translations, and where its streams' context
// descriptors are. Bit positions are restated from Arm IHI 0070 G.b: 5.1, 5.2, 5.4, 6.3.24, 6.3.25.
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { fixture } from "../cli/run.js";

/** One DMA of the capture. */
export interface CapturedAccess {
  sid: number;
  iova: bigint;
  size: number;
  write: boolean;
  pa: bigint;
}

interface JsonAccess {
  sid: number;
  iova: string;
  size: number;
  write: boolean;
  expect: { pa: string };
}

interface Json {
  regs: Record<string, string>;
  memory: [string, string][];
  steps: JsonAccess[];
  mapped: JsonAccess[];
  stale: JsonAccess[];
}

/** Bits msb..lsb of a doubleword. */
const bits = (word: bigint, msb: number, lsb: number): bigint =>
  (word >> BigInt(lsb)) & ((1n << BigInt(msb - lsb + 1)) - 1n);

/** A stage-1 snapshot. */
export class Snapshot {
  /** Guest-physical pages of 4 KiB: stream table, context descriptors, stage-1 tables. */
  readonly pages = new Map<bigint, Uint8Array>();
  /** What must translate. */
  readonly live: readonly CapturedAccess[];
  /** What must not, with cold caches. */
  readonly stale: readonly CapturedAccess[];
  readonly #streamTable: bigint;
  readonly #split: bigint;

  /** @param name of a file below captures/snapshots */
  constructor(name: string) {
    const text = gunzipSync(readFileSync(fixture(`captures/snapshots/${name}.json.gz`))).toString("utf8");
    const { regs, memory, steps, mapped, stale } = JSON.parse(text) as Json;
    for (const [address, bytes] of memory) this.pages.set(BigInt(address), Buffer.from(bytes, "hex"));
    this.live = [...steps, ...mapped].map(accessOf);
    this.stale = stale.map(accessOf);
    this.#streamTable = BigInt(regs.STRTAB_BASE as string) & 0xf_ffff_ffff_ffc0n;
    const config = BigInt(regs.STRTAB_BASE_CFG as string);
    if (bits(config, 17, 16) !== 1n) throw new Error(`${name}: expected a two-level stream table`);
    this.#split = bits(config, 10, 6);
  }

  /** Streams of the captured accesses. */
  get streams(): number[] {
    const all = [...this.live, ...this.stale].map(({ sid }) => sid);
    return [...new Set(all)].sort((a, b) => a - b);
  }

  /** Guest-physical address of a stream's only CD. */
  contextOf(sid: number): bigint {
    const level1 = this.#word(this.#streamTable + 8n * (BigInt(sid) >> this.#split));
    const index = BigInt(sid) & ((1n << this.#split) - 1n);
    const entry = this.#word((level1 & 0xf_ffff_ffff_ffc0n) + 64n * index);
    // V, Config: stage 1 only; S1CDMax 0: one CD
    if (bits(entry, 3, 0) !== 0b1011n || bits(entry, 63, 59) !== 0n) throw new Error(`STE of stream ${sid}`);
    return bits(entry, 51, 6) << 6n;
  }

  /** Guest-physical address of the root table of a stream's lower half. */
  rootOf(sid: number): bigint {
    return bits(this.#word(this.contextOf(sid) + 8n), 51, 4) << 4n;
  }

  #word(address: bigint): bigint {
    const page = this.pages.get(address & ~0xfffn);
    if (page === undefined) throw new Error(`the snapshot has no page of 0x${address.toString(16)}`);
    return new DataView(page.buffer, page.byteOffset).getBigUint64(Number(address & 0xfffn), true);
  }
}

function accessOf({ sid, iova, size, write, expect }: JsonAccess): CapturedAccess {
  return { sid, iova: BigInt(iova), size, write, pa: BigInt(expect.pa) };
}
