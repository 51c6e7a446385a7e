// Each command as bytes → what the core is asked to drop, or CERROR_ILL. Bytes derived by hand from chapter 4.

import { describe, expect, it } from "vitest";
import { wordsOf } from "../../src/machine/bit-fields.js";
import { CommandExecutor } from "../../src/smmuv3/command-executor.js";
import { commandName } from "../../src/smmuv3/commands.js";
import {
  buildFeatures,
  decodeFeatures,
  SMMUV3_PRESETS,
  type SmmuFeatures,
} from "../../src/smmuv3/features.js";
import { bytes, FakeCore, FakeOutputs } from "./machine.js";

const { qemuNested, qemuStage1, qemuStage2, full } = SMMUV3_PRESETS;
const ILL = 1;

function run(hex: string, features: SmmuFeatures = qemuNested): unknown {
  const core = new FakeCore();
  const executor = new CommandExecutor(decodeFeatures(features), core, new FakeOutputs());
  const code = executor.execute(wordsOf(bytes(hex)));
  if (code !== 0) expect(core.calls).toEqual([]);
  return code === 0 ? core.calls : code;
}

const at = (first: bigint, last: bigint, leafOnly = false, leafLg2 = 0) => ({
  first,
  last,
  leafOnly,
  leafLg2,
});

describe("configuration (IHI 0070 4.3)", () => {
  const cases: readonly (readonly [string, string, unknown])[] = [
    ["CFGI_STE", "0300000008000000 0000000000000000", ["cfgiSte", 8, 0]],
    ["CFGI_STE, Leaf", "03000000ffffffff 0100000000000000", ["cfgiSte", 0xffffffff, 0]],
    ["CFGI_STE_RANGE of 2^12, aligned down", "040000000a0c0000 0b00000000000000", ["cfgiSte", 0, 12]],
    ["CFGI_STE_RANGE of 2", "0400000009000000 0000000000000000", ["cfgiSte", 8, 1]],
    ["CFGI_STE_RANGE of 2^31", "04000000000000c0 1e00000000000000", ["cfgiSte", 0x80000000, 31]],
    ["CFGI_ALL", "0400000008000000 1f00000000000000", ["cfgiSte", 0, 32]],
    ["CFGI_CD, SubstreamID in bits 31:12", "0550341208000000 0000000000000000", ["cfgiCd", 8, 0x12345]],
    ["CFGI_CD_ALL", "0600000017000000 0000000000000000", ["cfgiCd", 0x17, -1]],
  ];
  for (const [title, hex, call] of cases) {
    it(title, () => expect(run(hex)).toEqual([call]));
  }

  it("CFGI_CD and CFGI_CD_ALL are illegal without stage 1", () => {
    expect(run("0500000008000000 0000000000000000", qemuStage2)).toBe(ILL);
    expect(run("0600000008000000 0000000000000000", qemuStage2)).toBe(ILL);
    expect(run("0300000008000000 0000000000000000", qemuStage2)).toEqual([["cfgiSte", 8, 0]]);
  });

  it("SSec = 1 is illegal on this queue (4.1.6)", () => {
    for (const opcode of ["01", "02", "03", "04", "05", "06"]) {
      expect(run(`${opcode}04000008000000 0000000000000000`), opcode).toBe(ILL);
    }
  });

  it("prefetches have no effect (4.2)", () => {
    expect(run("0100000008000000 0000000000000000")).toEqual([]);
    expect(run("0200000008000000 0010000000000000")).toEqual([]);
  });
});

describe("TLB invalidation without range (IHI 0070 4.4)", () => {
  const cases: readonly (readonly [string, string, unknown])[] = [
    ["NH_ALL", "10000000 5c0a 0000 0000000000000000", ["tlbi", 1, 0xa5c, -1]],
    ["NH_ASID", "11000000 5c0a 3412 0000000000000000", ["tlbi", 1, 0xa5c, 0x1234]],
    [
      "NH_VA",
      "12000000 5c0a 3412 00c050ea75190000",
      ["tlbi", 1, 0xa5c, 0x1234, at(0x1975ea50c000n, 0x1975ea50cfffn)],
    ],
    [
      "NH_VAA, Leaf, upper half",
      "13000000 5c0a 3412 01c050ea7519ffff",
      ["tlbi", 1, 0xa5c, -1, at(0xffff1975ea50c000n, 0xffff1975ea50cfffn, true)],
    ],
    ["S12_VMALL", "28000000 0700 0000 0000000000000000", ["tlbi", 3, 7, -1]],
    [
      "S2_IPA",
      "2a000000 9faf 0000 0050756267090000",
      ["tlbi", 2, 0xaf9f, -1, at(0x96762755000n, 0x96762755fffn)],
    ],
    ["NSNH_ALL", "30000000 5c0a 3412 0000000000000000", ["tlbi", 3, -1, -1]],
  ];
  for (const [title, hex, call] of cases) it(title, () => expect(run(hex)).toEqual([call]));

  it("stage 1 commands are illegal without stage 1, stage 2 commands without stage 2", () => {
    for (const opcode of ["10", "11", "12", "13"]) {
      expect(run(`${opcode}0000000000000000000000000000 00`, qemuStage2)).toBe(ILL);
      expect(run(`${opcode}0000000000000000000000000000 00`, qemuStage1)).toHaveLength(1);
    }
    for (const opcode of ["28", "2a"]) {
      expect(run(`${opcode}0000000000000000000000000000 00`, qemuStage1)).toBe(ILL);
      expect(run(`${opcode}0000000000000000000000000000 00`, qemuStage2)).toHaveLength(1);
    }
    expect(run("30000000000000000000000000000000", qemuStage1)).toHaveLength(1);
    expect(run("30000000000000000000000000000000", qemuStage2)).toHaveLength(1);
  });

  it("VMID counts as 0 without stage 2 (4.4.2)", () => {
    expect(run("10000000 5c0a 0000 0000000000000000", qemuStage1)).toEqual([["tlbi", 1, 0, -1]]);
  });

  it("VMID and ASID have 8 bits without VMID16 and ASID16 (4.4)", () => {
    const small = buildFeatures({ asid16: false, vmid16: false });
    expect(run("11000000 5c0a 3412 0000000000000000", small)).toEqual([["tlbi", 1, 0x5c, 0x34]]);
  });

  it("an IPA has 52 bits, the rest counts as 0 (4.1.6)", () => {
    expect(run("2a000000 0000 0000 00f0ffffffffffff", full)).toEqual([
      ["tlbi", 2, 0, -1, at(0xffffffffff000n, 0xfffffffffffffn)],
    ]);
  });
});

describe("TLB invalidation by range and level (IHI 0070 4.4.1.1)", () => {
  /** TLBI_NH_VAA with the given fields. */
  function range(
    fields: { tg: number; num?: number; scale?: number; ttl?: number; leaf?: number; address?: bigint },
    features: SmmuFeatures = qemuNested,
  ): unknown {
    const { tg, num = 0, scale = 0, ttl = 0, leaf = 0, address = 0n } = fields;
    const low = 0x13n | (BigInt(num) << 12n) | (BigInt(scale) << 20n);
    const high = BigInt(leaf) | (BigInt(ttl) << 8n) | (BigInt(tg) << 10n) | address;
    const command = new Uint8Array(16);
    const view = new DataView(command.buffer);
    view.setBigUint64(0, low, true);
    view.setBigUint64(8, high, true);
    const result = run(Buffer.from(command).toString("hex"), features);
    return Array.isArray(result) ? (result[0] as unknown[])[4] : result;
  }

  it("a vector of a real driver: 1024 pages of 64K", () => {
    expect(run("12308000ad4259d0 000c58988d7d0000")).toEqual([
      ["tlbi", 1, 0x42ad, 0xd059, at(0x7d8d98580000n, 0x7d8d9c57ffffn)],
    ]);
  });

  it("covers (NUM + 1) · 2^SCALE granules", () => {
    expect(range({ tg: 1, num: 0, scale: 1 })).toEqual(at(0n, 0x1fffn));
    expect(range({ tg: 1, num: 31, scale: 0 })).toEqual(at(0n, 0x1ffffn));
    expect(range({ tg: 2, num: 2, scale: 3, address: 0x10000n })).toEqual(at(0x10000n, 0x6ffffn));
    expect(range({ tg: 3, num: 1, scale: 0, leaf: 1 })).toEqual(at(0n, 0x1ffffn, true));
  });

  it("does not wrap past the top", () => {
    expect(range({ tg: 1, num: 31, scale: 31, address: 0xffff_ffff_ffff_f000n })).toEqual(
      at(0xffff_ffff_ffff_f000n, 0xffff_ffff_ffff_ffffn),
    );
  });

  it("SCALE has 5 bits, with DS 6 bits and at most 39", () => {
    expect(range({ tg: 1, scale: 32, num: 1 })).toEqual(at(0n, 0x1fffn));
    expect(range({ tg: 1, scale: 32 }, full)).toEqual(at(0n, (1n << 44n) - 1n));
    expect(range({ tg: 1, scale: 63 }, full)).toEqual(at(0n, (1n << 51n) - 1n));
  });

  it("TTL names the leaf size of a level", () => {
    const leafLg2 = (tg: number, ttl: number, features: SmmuFeatures): number =>
      (range({ tg, ttl, num: 1 }, features) as { leafLg2: number }).leafLg2;
    expect([1, 2, 3].map((ttl) => leafLg2(1, ttl, qemuNested))).toEqual([30, 21, 12]);
    expect([2, 3].map((ttl) => leafLg2(2, ttl, qemuNested))).toEqual([25, 14]);
    expect([1, 2, 3].map((ttl) => leafLg2(2, ttl, full))).toEqual([36, 25, 14]);
    expect([1, 2, 3].map((ttl) => leafLg2(3, ttl, full))).toEqual([42, 29, 16]);
  });

  it("begins a misaligned range at the aligned address below", () => {
    expect(range({ tg: 3, ttl: 3, address: 0x13000n })).toEqual(at(0x10000n, 0x22fffn, false, 16));
    expect(range({ tg: 1, ttl: 2, address: 0x201000n })).toEqual(at(0x200000n, 0x201fffn, false, 21));
  });

  it("TG without NUM, SCALE and TTL is illegal, and TTL = 1 for 16K without DS", () => {
    for (const tg of [1, 2, 3]) expect(range({ tg })).toBe(ILL);
    expect(range({ tg: 2, ttl: 1 })).toBe(ILL);
    expect(range({ tg: 2, ttl: 1, num: 1 })).toBe(ILL);
    expect(range({ tg: 2, ttl: 1 }, full)).toEqual(at(0n, 0x3fffn, false, 36));
    expect(range({ tg: 1, ttl: 3 })).toEqual(at(0n, 0xfffn, false, 12));
  });

  it("without TG or without RIL the fields don't exist", () => {
    const single = at(0x5000n, 0x5fffn);
    expect(range({ tg: 0, num: 5, scale: 5, ttl: 2, address: 0x5000n })).toEqual(single);
    const noRil = buildFeatures({ rangeInvalidation: false });
    expect(range({ tg: 1, num: 5, scale: 5, ttl: 2, address: 0x5000n }, noRil)).toEqual(single);
    expect(range({ tg: 1, address: 0x5000n }, noRil)).toEqual(single);
  });
});

describe("CMD_SYNC (IHI 0070 4.7.3)", () => {
  const signals = (cs: number): [number, ...unknown[]] => {
    const outputs = new FakeOutputs();
    const executor = new CommandExecutor(decodeFeatures(full), new FakeCore(), outputs);
    const code = executor.execute(Uint32Array.of(0x46 | (cs << 12), 0, 0, 0));
    expect(outputs.effects).toEqual([]);
    executor.complete();
    executor.complete();
    return [code, ...outputs.effects];
  };

  it("CS 0 says nothing, 1 wants the interrupt once when it is consumed, 2 has no effect, 3 is illegal", () => {
    expect(signals(0)).toEqual([0]);
    expect(signals(1)).toEqual([0, "cmd-sync"]);
    expect(signals(2)).toEqual([0]);
    expect(signals(3)).toEqual([ILL]);
  });
});

describe("illegal commands (IHI 0070 4.1.3)", () => {
  const LEGAL = [1, 2, 3, 4, 5, 6, 0x10, 0x11, 0x12, 0x13, 0x28, 0x2a, 0x30, 0x44, 0x45, 0x46];

  it("every opcode but those of modelled features", () => {
    const legal = [];
    for (let opcode = 0; opcode < 256; opcode++) {
      const result = run(`${opcode.toString(16).padStart(2, "0")}000000000000000000000000000000`, full);
      if (result !== ILL) legal.push(opcode);
    }
    expect(legal).toEqual(LEGAL);
  });

  it("names reserved opcodes as nothing and the others as the manual does", () => {
    expect(commandName(0x2a)).toBe("TLBI_S2_IPA");
    expect(commandName(0x44)).toBe("RESUME");
    for (const reserved of [0x00, 0x08, 0x14, 0x19, 0x29, 0x42, 0x72, 0x80, 0xff]) {
      expect(commandName(reserved)).toBeUndefined();
    }
  });

  it("reserved bits are ignored", () => {
    expect(run("30ffffff ffffffff ffffffffffffffff")).toEqual([["tlbi", 3, -1, -1]]);
  });
});
