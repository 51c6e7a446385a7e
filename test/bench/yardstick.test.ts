// The yardstick of the benchmark on tables written by hand: no core, no page-table builder.
// Descriptor bits: Arm DDI 0487 M.a D8.3; STE and CD: Arm IHI 0070 G.b 5.2, 5.4.
import { describe, expect, it } from "vitest";
import { newAnswers, newRequests } from "../../bench/requests.js";
import { createYardstick, type Yardstick } from "../../bench/yardstick/yardstick.js";

const SIZE = 1 << 20;
const STRTAB = 0x1000;
const S2_TABLES = [0x2000, 0x3000, 0x4000, 0x5000]; // levels 0..3, one table each: IPA 0..2 MiB
const S1_TABLES = [0x10000, 0x11000, 0x12000, 0x13000]; // IPAs; PA = IPA + 0x10000
const CD = 0x14000;
const HOST = 0x10000;
const VA = 0x12_3456_0000n; // the first of 16 mapped pages
const AF = 1n << 10n;
const PAGE = 3n | AF;
const S2_RW = 3n << 6n;
const USER = 1n << 6n;
const READ_ONLY = 1n << 7n;

class Tables {
  readonly words = new BigUint64Array(SIZE / 8);
  set(address: number, value: bigint): void {
    this.words[address / 8] = value;
  }
  /** Descriptor of an address at a level of the stage-1 tables. */
  stage1(level: number, va: bigint, value: bigint): void {
    const index = Number((va >> BigInt(39 - 9 * level)) & 511n);
    this.set(S1_TABLES[level]! + HOST + index * 8, value);
  }
  stage2(level: number, ipa: bigint, value: bigint): void {
    const index = Number((ipa >> BigInt(39 - 9 * level)) & 511n);
    this.set(S2_TABLES[level]! + index * 8, value);
  }
}

/** Stream 1: VA page n of 16 → IPA 0x20000 + n pages → PA 0x5_6789_0000 + n pages. */
function handMade(): Tables {
  const tables = new Tables();
  for (let level = 0; level < 3; level++) {
    tables.stage2(level, 0n, BigInt(S2_TABLES[level + 1]!) | 3n);
    tables.stage1(level, VA, BigInt(S1_TABLES[level + 1]!) | 3n);
  }
  for (let ipa = 0x10000; ipa <= CD; ipa += 0x1000) {
    tables.stage2(3, BigInt(ipa), BigInt(ipa + HOST) | PAGE | S2_RW);
  }
  for (let n = 0n; n < 16n; n++) {
    tables.stage1(3, VA + (n << 12n), (0x20000n + (n << 12n)) | PAGE | USER);
    tables.stage2(3, 0x20000n + (n << 12n), (0x5_6789_0000n + (n << 12n)) | PAGE | S2_RW);
  }
  const ste = STRTAB + 64;
  tables.set(ste, BigInt(CD) | 0xfn);
  tables.set(ste + 16, 7n | (0x040d_3590n << 32n)); // VMID 7, S2T0SZ 16, S2SL0 2, S2PS 48 bits, S2AA64, S2R
  tables.set(ste + 24, BigInt(S2_TABLES[0]!));
  tables.set(STRTAB + 128, 1n); // stream 2: valid, Config 0b000
  tables.set(CD + HOST, (9n << 48n) | 0x6205_c000_3510n);
  tables.set(CD + HOST + 8, BigInt(S1_TABLES[0]!));
  return tables;
}

function yardstickOf(tables: Tables): Yardstick {
  return createYardstick({
    memory: new Int32Array(tables.words.buffer),
    streamTable: STRTAB,
    streamTableLg2: 2,
    entries: 16,
    walkCaches: { stage1: 4, stage2: 4, stage2Tlb: 4 },
  });
}

interface One {
  pa: bigint;
  status: number;
  leafLg2: number;
  fetches: number;
}

function ask(yardstick: Yardstick, iova: bigint, access = 0, stream = 1, pasid = 0): One {
  const requests = newRequests(1);
  requests.stream[0] = stream;
  requests.pasid[0] = pasid;
  requests.iova[0] = iova;
  requests.access[0] = access;
  const answers = newAnswers(1);
  const failed = yardstick.translate(requests, 0, 1, answers);
  const again = newAnswers(1);
  expect(yardstick.translateBranchless(requests, 0, 1, again)).toBe(failed);
  expect([again.pa[0], again.info[0]! & 0xffff]).toEqual([answers.pa[0], answers.info[0]! & 0xffff]);
  const info = answers.info[0]!;
  expect(failed).toBe((info & 0xff) === 0 ? 0 : 1);
  return { pa: answers.pa[0]!, status: info & 0xff, leafLg2: (info >>> 8) & 0xff, fetches: info >>> 16 };
}

describe.each([false, true])("yardstick with walk caches %s", (walkCaches) => {
  function made(change: (tables: Tables) => void = () => {}): Yardstick {
    const tables = handMade();
    change(tables);
    const yardstick = yardstickOf(tables);
    yardstick.useWalkCaches(walkCaches);
    return yardstick;
  }

  it("walks once and then hits", () => {
    const yardstick = made();
    expect(ask(yardstick, VA + 0x5123n)).toEqual({
      pa: 0x5_6789_5123n,
      status: 0,
      leafLg2: 12,
      fetches: walkCaches ? 12 : 24,
    });
    expect(ask(yardstick, VA + 0x5ff8n, 1)).toEqual({
      pa: 0x5_6789_5ff8n,
      status: 0,
      leafLg2: 12,
      fetches: 0,
    });
    expect(yardstick.misses()).toBe(1);
    yardstick.flush();
    expect(ask(yardstick, VA + 0x5123n).fetches).toBe(walkCaches ? 12 : 24);
  });

  it("keeps more pages than it has entries right", () => {
    const yardstick = made();
    for (let i = 0; i < 500; i++) {
      const page = BigInt((i * 7) % 16) << 12n;
      expect(ask(yardstick, VA + page + 8n).pa).toBe(0x5_6789_0008n + page);
    }
  });

  it("takes the smaller leaf of both stages", () => {
    const block = made((tables) => tables.stage1(2, VA, 1n | AF | USER)); // 2 MiB at IPA 0
    expect(ask(block, (VA & ~0x1fffffn) + 0x20010n)).toMatchObject({ pa: 0x5_6789_0010n, leafLg2: 12 });
    const both = made((tables) => {
      tables.stage1(1, VA, 1n | AF | USER | (1n << 30n)); // 1 GiB at IPA 1 GiB
      tables.stage2(1, 1n << 30n, (0x7_4000_0000n & ~0x3fffffffn) | 1n | AF | S2_RW);
    });
    expect(ask(both, VA)).toMatchObject({ pa: 0x7_4000_0000n | (VA & 0x3fffffffn), leafLg2: 30 });
    const run = made((tables) => {
      for (let n = 0n; n < 16n; n++) {
        tables.stage1(3, VA + (n << 12n), (0x20000n + (n << 12n)) | PAGE | USER | (1n << 52n));
        tables.stage2(3, 0x20000n + (n << 12n), (0x5_6789_0000n + (n << 12n)) | PAGE | S2_RW | (1n << 52n));
      }
    });
    expect(ask(run, VA + 0x1000n)).toMatchObject({ pa: 0x5_6789_1000n, leafLg2: 16 });
    expect(ask(run, VA + 0xf000n)).toMatchObject({ pa: 0x5_6789_f000n, leafLg2: 16, fetches: 0 });
  });

  const faults: [string, number, bigint, (tables: Tables) => void, number?][] = [
    ["an invalid stage-1 page", 0x90, VA, (t) => t.stage1(3, VA, 0n)],
    ["a reserved level-3 type", 0x90, VA, (t) => t.stage1(3, VA, 1n | AF)],
    ["a level-0 block", 0x90, VA, (t) => t.stage1(0, VA, 1n | AF)],
    ["an invalid stage-2 page under the output", 0x90, VA, (t) => t.stage2(3, 0x20000n, 0n)],
    ["an invalid stage-2 page under a table", 0x90, VA, (t) => t.stage2(3, 0x12000n, 0n)],
    ["an address beyond T0SZ", 0x90, VA + (1n << 48n), () => {}],
    ["a stage-1 access flag of 0", 0x92, VA, (t) => t.stage1(3, VA, 0x20000n | 3n | USER)],
    ["a stage-2 access flag of 0", 0x92, VA, (t) => t.stage2(3, 0x20000n, 0x1000n | 3n | S2_RW)],
    ["a write to a read-only page", 0x93, VA, (t) => t.stage1(3, VA, 0x20000n | PAGE | USER | READ_ONLY), 1],
    ["a write under APTable", 0x93, VA, (t) => t.stage1(1, VA, 0x12003n | (1n << 62n)), 1],
    ["an unprivileged read without AP[1]", 0x93, VA, (t) => t.stage1(3, VA, 0x20000n | PAGE)],
    ["a write that stage 2 forbids", 0x93, VA, (t) => t.stage2(3, 0x20000n, 0x1000n | PAGE | (1n << 6n)), 1],
    [
      "a table that stage 2 cannot read",
      0x93,
      VA,
      (t) => t.stage2(3, 0x12000n, 0x22000n | PAGE | (2n << 6n)),
    ],
    [
      "a stage-1 table outside the memory",
      0x8b,
      VA,
      (t) => t.stage2(3, 0x12000n, (1n << 40n) | PAGE | S2_RW),
    ],
    ["a stage-2 table outside the memory", 0x8b, VA, (t) => t.stage2(2, 0n, (1n << 40n) | 3n)],
  ];
  it.each(faults)("faults on %s", (_name, status, iova, change, access = 0) => {
    const tables = handMade();
    const yardstick = yardstickOf(tables);
    change(tables); // after the CD was decoded: its own address still goes through the whole tables
    yardstick.useWalkCaches(walkCaches);
    expect(ask(yardstick, iova, access)).toMatchObject({ status, pa: 0n, leafLg2: 0 });
  });

  it("faults on a stage-1 table beyond the IPA size", () => {
    const yardstick = made((tables) => tables.set(CD + HOST + 8, 1n << 50n));
    expect(ask(yardstick, VA)).toMatchObject({ status: 0x90, pa: 0n });
  });

  it("refuses streams and SubstreamIDs that have no context", () => {
    const yardstick = made();
    expect(ask(yardstick, VA, 0, 0).status).toBe(0x84); // STE.V = 0: C_BAD_STE
    expect(ask(yardstick, VA, 0, 2).status).toBe(3); // Config 0b000
    expect(ask(yardstick, VA, 0, 4).status).toBe(0x82); // beyond the table: C_BAD_STREAMID
    expect(ask(yardstick, VA, 0, 1, 0x8000_0001).status).toBe(0x88); // C_BAD_SUBSTREAMID
  });
});
