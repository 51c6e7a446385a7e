// What a translation request is granted: rights (IHI 0070 13.7, 13.7.1), size (13.6.3, 3.9.1.2), hardware updates (3.13.7),
// substreams (13.6.4, 13.6.5), split-stage (13.6.3). Descriptors by hand from DDI 0487 D8.3 and D8.4.

import { describe, expect, it } from "vitest";
import {
  AF,
  AP,
  type AtsWorld,
  CD,
  CONT,
  DBM,
  EATS,
  INSTCFG,
  PAGE1,
  PAGE2,
  PRIVCFG,
  RW1,
  RW2,
  S1DSS,
  S2,
  S2AP,
  STE2,
  STREAM,
  XN,
} from "./ats-world.js";
import { mapped, NW, P7, tagged, W, world } from "./rights-world.js";

describe("rights of requests (13.7)", () => {
  const RWX2 = RW2;
  const userRo = PAGE1 | AP.user | AP.readOnly;
  const rw = RW1;
  const privileged = PAGE1 | AP.privileged;
  it.each<[string, object, bigint, bigint, string]>([
    // The rows of the manual's table that a VMSAv8-64 table can say. User-RO, Priv-RW has no encoding: both read-only.
    ["NW, user read-only", NW, userRo, RWX2, `r-- ${P7}`],
    ["write, user read-write", W, rw, RWX2, `rw- ${P7}`],
    ["write, user read-only", W, userRo, RWX2, `r-- ${P7}`],
    ["NW, user read-write: a write that needs no update is granted too", NW, rw, RWX2, `rw- ${P7}`],
    ["write, Exe, user read-write, UXN = 0", tagged({ ...W, execute: true }), rw, RWX2, `rwx ${P7}`],
    ["NW, Exe, UXN = 1", tagged({ execute: true }), rw | XN.user, RWX2, `rw- ${P7}`],
    ["Exe is granted only if asked for", tagged(W), rw, RWX2, `rw- ${P7}`],
    ["Exe without a PASID counts as not asked", { execute: true }, rw, RWX2, `rw- ${P7}`],
    ["user execute-only: nothing", tagged({ ...W, execute: true }), privileged, RWX2, "--- 0x0+12"],
    ["Priv, privileged read-write", tagged({ ...W, privileged: true }), privileged, RWX2, `rw- priv ${P7}`],
    ["Priv without a PASID counts as not asked", { ...W, privileged: true }, privileged, RWX2, "--- 0x0+12"],
    [
      "Priv, Exe, PXN = 1",
      tagged({ privileged: true, execute: true }),
      privileged | XN.privileged,
      RWX2,
      `rw- priv ${P7}`,
    ],
    ["Priv, nothing there: Priv as asked", tagged({ privileged: true }), 0n, RWX2, "--- priv 0x0+12"],
    ["stage 2 read-only", W, rw, PAGE2 | S2AP.read, `r-- ${P7}`],
    ["stage 2 write-only, a write", W, rw, PAGE2 | S2AP.write, `-w- ${P7}`],
    ["stage 2 write-only, NW", NW, rw, PAGE2 | S2AP.write, "--- 0x0+12"],
    ["stage 2 XN = 0b10", tagged({ execute: true }), rw, RW2 | (1n << 54n), `rw- ${P7}`],
    ["stage 1 read-only and stage 2 write-only", W, userRo, PAGE2 | S2AP.write, "--- 0x0+12"],
  ])("%s", (_, request, leaf1, leaf2, expected) => {
    const cold = mapped(leaf1, leaf2);
    expect(cold.answer(5, request)).toBe(expected);
    // Again, from the IOTLB; and after ordinary accesses of every kind have filled it.
    expect(cold.answer(5, request)).toBe(expected);
    const warm = mapped(leaf1, leaf2);
    const tag = "pasid" in request ? { pasid: 1 } : {};
    for (const access of [{}, { write: true }, { execute: true }, { privileged: true }]) {
      warm.smmu.translate({ stream: STREAM, iova: 0x5000n, ...tag, ...access });
    }
    expect(warm.answer(5, request)).toBe(expected);
    for (const off of [{ iotlb: "off" }, { walkCaches: "off" }, { configCache: "off" }] as const) {
      expect(mapped(leaf1, leaf2, off).answer(5, request)).toBe(expected);
    }
  });

  it.each<[string, bigint, object, bigint, string]>([
    [
      "PRIVCFG = Unprivileged, Priv asked",
      PRIVCFG.unprivileged,
      tagged({ ...W, privileged: true }),
      privileged,
      "--- priv 0x0+12",
    ],
    ["PRIVCFG = Privileged, no Priv", PRIVCFG.privileged, W, privileged, `rw- ${P7}`],
    [
      "INSTCFG = Instruction, execute-only",
      INSTCFG.instruction,
      tagged({ execute: true }),
      privileged,
      `r-x ${P7}`,
    ],
    [
      "INSTCFG = Instruction, UXN = 1",
      INSTCFG.instruction,
      tagged({ ...W, execute: true }),
      rw | XN.user,
      `-w- ${P7}`,
    ],
    ["INSTCFG = Data, UXN = 1", INSTCFG.data, tagged({ execute: true }), rw | XN.user, `rwx ${P7}`],
  ])("overrides: %s (13.7.1)", (_, override, request, leaf1, expected) => {
    const smmu = mapped(leaf1, RWX2, { word1: EATS.full | S1DSS.ssid0 | override });
    expect(smmu.answer(5, request)).toBe(expected);
    expect(smmu.answer(5, request)).toBe(expected);
  });
});

describe("size of the answer: the smaller leaf of both stages (13.6.3)", () => {
  const BLOCK1 = 0xc41n;
  const BLOCK2 = RW2 & ~2n;
  it.each<[string, (w: AtsWorld) => AtsWorld, number, string]>([
    ["a page of each", (w) => w.map(5, 6, 0x4_0007), 5, `rw- ${P7}`],
    [
      "a block over a page",
      (w) => w.block(1, 1, BLOCK1).page(2, 5, 0x4000_7000n | RW2),
      512 + 5,
      `rw- ${P7}`,
    ],
    [
      "a page over a block",
      (w) => w.page(1, 5, 0x20_6000n | RW1).block(2, 1, 0x4040_0000n | BLOCK2),
      5,
      "rw- 0x40406000+12",
    ],
    [
      "a block over a block: one answer for 2 MiB",
      (w) => w.block(1, 1, 0x20_0000n | BLOCK1).block(2, 1, 0x4040_0000n | BLOCK2),
      512 + 5,
      "rw- 0x40400000+21",
    ],
    [
      "contiguous runs of both stages: 64 KiB",
      (w) => {
        for (let n = 16; n < 32; n++) w.map(n, n, 0x4_0000 + n, RW1 | CONT, RW2 | CONT);
        return w;
      },
      17,
      "rw- 0x40010000+16",
    ],
  ])("%s", (_, prepare, page, expected) => {
    const smmu = prepare(world());
    expect(smmu.answer(page, W)).toBe(expected);
    expect(smmu.answer(page, W)).toBe(expected);
  });

  it("one stage: its leaf", () => {
    const one = world({ config: 5n, word1: EATS.full, cdMax: 0n });
    one.block(1, 1, 0x4020_0000n | 0xc41n);
    expect(one.answer(512 + 5, W)).toBe("rw- 0x40200000+21");
    const two = world({ config: 6n, cdMax: 0n });
    two.block(2, 1, 0x4020_0000n | (RW2 & ~2n));
    expect(two.answer(512 + 5, W)).toBe("rw- 0x40200000+21");
  });
});

describe("hardware updates at the time of the request (3.13.7)", () => {
  const both = { cd: CD.HA | CD.HD, word2: STE2 | S2.HA | S2.HD };
  const clean1 = PAGE1 | AP.user | AP.readOnly | DBM;
  const clean2 = PAGE2 | S2AP.read | DBM;

  it("sets the Access flag of every descriptor on the way when rights are given", () => {
    const smmu = mapped(RW1 & ~AF, RW2 & ~AF, both);
    expect(smmu.answer(5)).toBe(`rw- ${P7}`);
    expect(smmu.readDescriptor(1, 5) & AF).toBe(AF);
    expect(smmu.readDescriptor(2, 6) & AF).toBe(AF);
  });

  it("makes a writable-clean page dirty for NW = 0 and grants the write; not for NW = 1", () => {
    const smmu = mapped(clean1, clean2, both);
    expect(smmu.answer(5, NW)).toBe(`r-- ${P7}`);
    expect(smmu.readDescriptor(1, 5)).toBe(0x6000n | clean1);
    expect(smmu.readDescriptor(2, 6)).toBe(0x4000_7000n | clean2);
    expect(smmu.answer(5, W)).toBe(`rw- ${P7}`);
    expect(smmu.readDescriptor(1, 5)).toBe(0x6000n | (clean1 & ~AP.readOnly));
    expect(smmu.readDescriptor(2, 6)).toBe(0x4000_7000n | clean2 | S2AP.write);
    // Dirty now: NW = 1 may have it, too.
    expect(smmu.answer(5, NW)).toBe(`rw- ${P7}`);
  });

  it("a read-only stage 1 leaves dirty state of stage 2 alone (3.13.7.1)", () => {
    const readOnly = PAGE1 | AP.user | AP.readOnly;
    const smmu = mapped(readOnly, clean2, both);
    expect(smmu.answer(5, W)).toBe(`r-- ${P7}`);
    expect(smmu.readDescriptor(1, 5)).toBe(0x6000n | readOnly);
    expect(smmu.readDescriptor(2, 6)).toBe(0x4000_7000n | clean2);
  });

  it("with updates of the Access flag alone a clean page is read-only", () => {
    const smmu = mapped(clean1 & ~AF, RW2, { cd: CD.HA });
    expect(smmu.answer(5, W)).toBe(`r-- ${P7}`);
    expect(smmu.readDescriptor(1, 5)).toBe(0x6000n | clean1);
  });

  it("without updates: AF = 0 gives nothing, unless AFFD; a clean page is read-only (3.13.7.2)", () => {
    expect(mapped(RW1 & ~AF, RW2).answer(5, W)).toBe("--- 0x0+12");
    expect(mapped(RW1 & ~AF, RW2, { cd: CD.AFFD }).answer(5, W)).toBe(`rw- ${P7}`);
    expect(mapped(clean1, RW2).answer(5, W)).toBe(`r-- ${P7}`);
  });

  it("an update that stage 2 does not let through gives nothing (3.9.1.2: F_PERMISSION of a walk)", () => {
    // The table of stage 1 at IPA page 9, read-only there.
    const smmu = mapped(clean1, RW2, { cd: CD.HA | CD.HD });
    smmu.block(1, 0, 0x9003n).page(2, 9, 0x4010_2000n | PAGE2 | S2AP.read);
    expect(smmu.answer(5, W)).toBe("--- 0x0+12");
    expect(smmu.answer(5, NW)).toBe(`r-- ${P7}`);
  });
});
