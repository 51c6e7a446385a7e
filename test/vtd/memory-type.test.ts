// Effective memory types (Intel VT-d Rev 5.10, 3.10): one device, PASID 5, tables and entries as bytes by hand.

import { describe, expect, it } from "vitest";
import { VTD_PRESETS, VtdIommu, type VtdOptions } from "../../src/index.js";

const ROOT = 0x10_0000n;
const CONTEXT = 0x10_1000n;
const DIRECTORY = 0x10_2000n;
const PASIDS = 0x10_3000n;
const FIRST = 0x20_0000n;
const SECOND = 0x30_0000n;
const SID = 8;
const PASID = 5;
/** PAT of the reset value of IA32_PAT: WB, WT, UC-, UC, twice; entry 5 made WP, entry 1 WC. */
const PAT = 0x0750_0716n;

interface Entries {
  /** PASIDE.PGTT: 1 first stage, 2 second, 3 nested, 4 pass-through. */
  pgtt: bigint;
  /** PASIDE.CD and EMTE. */
  cd?: boolean;
  emte?: boolean;
  /** Bits of the first-stage leaf beside address and P, R/W, U/S, A, D: PWT 3, PCD 4, PAT 7. */
  first?: bigint;
  /** Bits of the second-stage leaf beside address and R, W: EMT 5:3, IPAT 6. */
  second?: bigint;
}

/** IOVA 0x5000 to 0x7000 by the first stage, 0x7000 (and all tables) to themselves by the second. */
function machine(entries: Entries, options: VtdOptions = {}): VtdIommu {
  const vtd = new VtdIommu(options);
  const { memory } = vtd;
  const put = (at: bigint, ...words: bigint[]) => {
    for (const [n, word] of words.entries()) memory.writeU64(at + BigInt(8 * n), word);
  };
  put(ROOT, CONTEXT | 1n);
  // P, PASIDE, PDTS 0; RID_PASID 0.
  put(CONTEXT + BigInt(SID * 32), DIRECTORY | 9n, 0n, 0n, 0n);
  put(DIRECTORY, PASIDS | 1n);
  const flags = (entries.cd ? 1n << 25n : 0n) | (entries.emte ? 1n << 26n : 0n);
  put(
    PASIDS + BigInt(PASID * 64),
    SECOND | (entries.pgtt << 6n) | (2n << 2n) | 1n,
    (PAT << 32n) | flags | (1n << 23n) | 3n,
    FIRST | 1n,
    ...[0n, 0n, 0n, 0n, 0n],
  );
  put(FIRST, (FIRST + 0x1000n) | 7n);
  put(FIRST + 0x1000n, (FIRST + 0x2000n) | 7n);
  put(FIRST + 0x2000n, (FIRST + 0x3000n) | 7n);
  put(FIRST + 0x3000n + 5n * 8n, 0x7000n | 0x67n | (entries.first ?? 0n));
  put(SECOND, (SECOND + 0x1000n) | 3n);
  put(SECOND + 0x1000n, (SECOND + 0x2000n) | 3n);
  put(SECOND + 0x2000n, (SECOND + 0x3000n) | 3n, 0x20_0000n | 0x83n);
  put(SECOND + 0x3000n + 7n * 8n, 0x7000n | 3n | (entries.second ?? 0n));
  // RTADDR with TTM = 01, then SRTP, then TE.
  vtd.write64(0x20, ROOT | 0x400n);
  vtd.write32(0x18, 0x4000_0000);
  vtd.write32(0x18, 0x8000_0000);
  return vtd;
}

const dma = (vtd: VtdIommu, iova: bigint) => vtd.translate({ stream: SID, pasid: PASID, iova });

const PWT = 1n << 3n;
const PCD = 1n << 4n;
const PAT_BIT = 1n << 7n;
const emt = (type: bigint, ipat = 0n) => (type << 3n) | (ipat << 6n);

/** [title, entries, IOVA, range type, expected]. PAT index 0 WB, 1 WC, 2 UC-... is what PAT above says. */
const ROWS: [string, Entries, "UC" | "WC" | "WT" | "WP" | "WB", string][] = [
  ["first stage: PAT index 0 is WB, in WB memory", { pgtt: 1n }, "WB", "WB"],
  ["first stage: PAT index 1 (PWT) is WC", { pgtt: 1n, first: PWT }, "WB", "WC"],
  ["first stage: PAT index 2 (PCD) is UC-, in WB memory UC", { pgtt: 1n, first: PCD }, "WB", "UC"],
  ["first stage: PAT index 3 is UC", { pgtt: 1n, first: PCD | PWT }, "WB", "UC"],
  ["first stage: PAT index 5 is WP", { pgtt: 1n, first: PAT_BIT | PWT }, "WB", "WP"],
  ["first stage: WB in UC memory is UC (Table 7)", { pgtt: 1n }, "UC", "UC"],
  ["first stage: WC in UC memory is WC (Table 7)", { pgtt: 1n, first: PWT }, "UC", "WC"],
  ["first stage: WB in WT memory is WT", { pgtt: 1n }, "WT", "WT"],
  ["first stage: CD = 1 is UC whatever the leaf says", { pgtt: 1n, cd: true }, "WB", "UC"],
  ["second stage: WB without EMTE, whatever EMT says", { pgtt: 2n, second: emt(1n) }, "UC", "WB"],
  ["second stage: EMT with EMTE", { pgtt: 2n, emte: true, second: emt(4n) }, "UC", "WT"],
  ["second stage: CD = 1 is UC", { pgtt: 2n, cd: true }, "WB", "UC"],
  ["nested: without EMTE as the first stage", { pgtt: 3n, first: PWT, second: emt(4n) }, "WB", "WC"],
  ["nested: EMT in place of the range's type", { pgtt: 3n, emte: true, second: emt(0n) }, "WB", "UC"],
  ["nested: WC over EMT = UC is WC", { pgtt: 3n, emte: true, first: PWT, second: emt(0n) }, "WB", "WC"],
  ["nested: IPAT = 1: EMT alone", { pgtt: 3n, emte: true, first: PCD, second: emt(6n, 1n) }, "UC", "WB"],
  ["pass-through is WB", { pgtt: 4n }, "UC", "WB"],
];

describe("memory type", () => {
  it.each(ROWS)("%s", (_, entries, range, expected) => {
    const iova = entries.pgtt === 1n || entries.pgtt === 3n ? 0x5000n : 0x7000n;
    for (const caches of [{}, { iotlb: "off", walkCaches: "off" }] as const) {
      const vtd = machine(entries, { ...caches, rangeType: () => range });
      const answers = [0n, 8n, 16n].map((offset) => dma(vtd, iova + offset));
      expect(answers.map(({ pa }) => pa)).toEqual([0x7000n, 0x7008n, 0x7010n]);
      // From a walk, and from the IOTLB, alike.
      expect(answers.map(({ memoryType }) => memoryType)).toEqual([expected, expected, expected]);
    }
  });

  it("of Rev 3.x: the entry's own EMT (93:91) with EMTE stands in for the range; PWT and PCD (95:94) are there", () => {
    const withEntry = (revision: 3 | 5, bits: bigint) => {
      const vtd = machine({ pgtt: 1n, emte: true }, { revision, rangeType: () => "WB" });
      const at = PASIDS + BigInt(PASID * 64) + 8n;
      vtd.memory.writeU64(at, vtd.memory.readU64(at) | (bits << 27n));
      return dma(vtd, 0x5000n);
    };
    expect(withEntry(3, 0b11_000n).memoryType).toBe("UC");
    expect(withEntry(3, 0b100n).memoryType).toBe("WT");
    expect(withEntry(5, 0n).memoryType).toBe("WB");
    // Rev 5 reserves all of them: 0x5A.
    for (const bits of [1n, 2n, 4n, 8n, 16n]) expect(withEntry(5, bits).fault?.reason).toBe(0x5a);
  });

  it("is asked of the range by the physical address, and counts no fetch", () => {
    const asked: bigint[] = [];
    const rangeType = (pa: bigint) => {
      asked.push(pa);
      return "WB" as const;
    };
    const vtd = machine({ pgtt: 1n }, { rangeType });
    dma(vtd, 0x5123n);
    const { steFetches, cdFetches } = vtd.counters();
    expect([asked, steFetches, cdFetches]).toEqual([[0x7123n], 2, 2]);
  });

  it("is absent without ECAP.MTS, where CD and EMTE are reserved (9.6)", () => {
    const features = VTD_PRESETS.host;
    expect((features.ecap >> 25n) & 1n).toBe(0n);
    expect(dma(machine({ pgtt: 1n }, { features }), 0x5000n)).toMatchObject({ ok: true });
    expect(dma(machine({ pgtt: 1n }, { features }), 0x5000n).memoryType).toBeUndefined();
    expect(dma(machine({ pgtt: 1n, cd: true }, { features }), 0x5000n).fault?.reason).toBe(0x5a);
  });

  it("is absent for a request that faults, and while translation is off", () => {
    expect(dma(machine({ pgtt: 1n }), 0x6000n).memoryType).toBeUndefined();
    expect(new VtdIommu().translate({ stream: SID, iova: 0n }).memoryType).toBeUndefined();
    // An interrupt: nothing of it passes a table.
    const vtd = machine({ pgtt: 1n });
    expect(vtd.translate({ stream: SID, iova: 0xfee0_0000n, write: true })).toEqual(
      expect.objectContaining({ status: "bypassed" }),
    );
    expect(vtd.translate({ stream: SID, iova: 0xfee0_0000n, write: true }).memoryType).toBeUndefined();
  });
});
