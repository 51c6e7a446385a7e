// What the random worlds have found, each in its smallest form: the reference model and the engine, with caches and
// without, must both give the manual's answer.

import { describe, expect, it } from "vitest";
import { SMMUV3_PRESETS, type SmmuFeatures, SmmuV3 } from "../../src/index.js";
import { isRefused, type Request } from "../reference/outcome.js";
import { ReferenceSmmu } from "../reference/smmu.js";

const BASE = 0x4000_0000n;
const SIZE = 0x1000_0000n;
const STE = BASE;
const CD = BASE + 0x3000n;
const TABLE = BASE + 0x1_0000n;

interface Setup {
  features?: SmmuFeatures;
  registers?: { strtabBase?: bigint; strtabBaseCfg?: bigint };
  memory: readonly (readonly [address: bigint, value: bigint])[];
}

/** Status, type of fault and address, by both models; caches must make no difference. */
function answers(
  { features = SMMUV3_PRESETS.full, registers, memory }: Setup,
  requests: readonly Request[],
): string[] {
  const { strtabBase = STE, strtabBaseCfg = 0n } = registers ?? {};
  const reference = new ReferenceSmmu({
    idr: {
      idr0: BigInt(features.idr0),
      idr1: BigInt(features.idr1),
      idr3: BigInt(features.idr3),
      idr5: BigInt(features.idr5),
    },
    ram: [[BASE, SIZE]],
  });
  reference.presetRegister("STRTAB_BASE", strtabBase);
  reference.presetRegister("STRTAB_BASE_CFG", strtabBaseCfg);
  reference.presetRegister("CR0", 0xdn);
  for (const [address, value] of memory) reference.memory.writeDoubleword(address, value);
  const expected = requests.map((request) => {
    const outcome = reference.access(request);
    return isRefused(outcome) ? (outcome.fault?.name ?? outcome.kind) : `0x${outcome.pa.toString(16)}`;
  });
  for (const caches of [{}, { iotlb: "off", walkCaches: "off", configCache: "off" }] as const) {
    const smmu = new SmmuV3({ ...caches, features, ram: [[BASE, SIZE]], eventSink: () => {} });
    smmu.write64(0x80, strtabBase);
    smmu.write32(0x88, Number(strtabBaseCfg));
    smmu.write32(0x20, 0xd);
    for (const [address, value] of memory) smmu.memory.writeU64(address, value);
    const actual = requests.map(({ sid, iova, write, exec, priv }) => {
      const answer = smmu.translate({ stream: sid, iova, write, execute: exec, privileged: priv });
      return answer.ok ? `0x${answer.pa.toString(16)}` : (answer.fault?.name ?? answer.status);
    });
    expect(actual).toEqual(expected);
  }
  return expected;
}

/** A stage 1 stream: CD with TTB0 only. T0SZ and everything else in `word0`; leaf at TABLE unless moved. */
function stage1(word0: bigint, word1 = TABLE): [bigint, bigint][] {
  // V, AA64, R, A, EPD1; IPS = 44 bits.
  const sound = (1n << 31n) | (1n << 41n) | (1n << 45n) | (1n << 46n) | (1n << 30n) | (4n << 32n);
  return [
    [STE, CD | 0xbn],
    [CD, sound | word0],
    [CD + 8n, word1],
  ];
}

/** T0SZ = 39 with 4KB: starts at level 2, whose first entry leads to TABLE + 0x1000. */
const SMALL = 39n;
const LEVEL2: [bigint, bigint] = [TABLE, TABLE + 0x1000n + 3n];
const page = (index: bigint, descriptor: bigint): [bigint, bigint] => [
  TABLE + 0x1000n + 8n * index,
  descriptor,
];
/** A readable and writable page for all, accessed. */
const OPEN = 0x443n;

describe("found by random worlds", () => {
  it("aligns a table of two entries to its 16 bytes when the output is below 52 bits (IHI 0070 5.4 TTB0)", () => {
    // 16KB, T0SZ = 38: level 2 with one index bit; the table lies at an address that is no multiple of 64.
    const table = TABLE + 0x10n;
    const memory = [...stage1(38n | (2n << 6n), table), [table, (BASE + 0x20_0000n) | 0x441n] as const];
    expect(answers({ memory }, [{ sid: 0, iova: 0x123n }])).toEqual(["0x40000123"]);
  });

  it("takes HD without HA as neither (IHI 0070 5.4 HA)", () => {
    // Read-only with DBM = 1: writable-clean only if hardware manages dirty state.
    const memory = [
      ...stage1(SMALL | (1n << 42n)),
      LEVEL2,
      page(0n, 0x5000n | OPEN | (1n << 7n) | (1n << 51n)),
    ];
    expect(answers({ memory }, [{ sid: 0, iova: 0n, write: true }])).toEqual(["F_PERMISSION"]);
  });

  it("takes S2HD without S2HA as neither (IHI 0070 5.2 S2HA)", () => {
    // Stage 2 only, T0SZ = 39, SL0 = 0, S2PS = 44 bits, S2AA64, S2R, S2HD.
    const word2 = (39n << 32n) | (4n << 48n) | (1n << 51n) | (1n << 58n) | (1n << 55n);
    const ste: [bigint, bigint][] = [
      [STE, 0xdn],
      [STE + 16n, word2],
      [STE + 24n, TABLE],
    ];
    const memory = [...ste, LEVEL2, page(0n, 0x5000n | 0x47fn | (1n << 51n))];
    expect(answers({ memory }, [{ sid: 0, iova: 0n, write: true }])).toEqual(["F_PERMISSION"]);
  });

  it("denies unprivileged access with E0PD also when the TLB holds the page (IHI 0070 5.4 E0PD0)", () => {
    const memory = [...stage1(SMALL, TABLE | 4n), LEVEL2, page(0n, 0x5000n | OPEN)];
    const requests = [
      { sid: 0, iova: 0x10n, priv: true },
      { sid: 0, iova: 0x20n, priv: false },
      { sid: 0, iova: 0x30n, priv: true },
    ];
    expect(answers({ memory }, requests)).toEqual(["0x5010", "F_TRANSLATION", "0x5030"]);
  });

  it("aligns STRTAB_BASE by the literal LOG2SIZE, above SIDSIZE too (IHI 0070 6.3.24)", () => {
    // SIDSIZE = 6, LOG2SIZE = 7: the table is aligned to 8 KiB.
    const features = { ...SMMUV3_PRESETS.full, idr1: (SMMUV3_PRESETS.full.idr1 & ~0x3f) | 6 };
    const memory = [[STE, 0x9n] as const];
    const registers = { strtabBase: STE | 0x1000n, strtabBaseCfg: 7n };
    expect(answers({ features, registers, memory }, [{ sid: 0, iova: 0x123n }])).toEqual(["0x123"]);
  });

  it("ignores low bits of TTB1 in every walk, cached or not (IHI 0070 5.4 TTB1)", () => {
    // T1SZ = 47, TG1 = 4KB, EPD0: one table of 32 pages, aligned to 256 bytes.
    const cd =
      (1n << 14n) | (47n << 16n) | (2n << 22n) | (1n << 31n) | (1n << 41n) | (3n << 45n) | (4n << 32n);
    const memory: [bigint, bigint][] = [
      [STE, CD | 0xbn],
      [CD, cd],
      [CD + 16n, TABLE | 0xb0n],
      [TABLE + 8n * 0x1dn, 0x5000n | OPEN],
      [TABLE + 8n * 0x12n, 0x9000n | OPEN],
    ];
    const requests = [
      { sid: 0, iova: 0xffff_ffff_ffff_d456n },
      { sid: 0, iova: 0xffff_ffff_ffff_2123n },
    ];
    expect(answers({ memory }, requests)).toEqual(["0x5456", "0x9123"]);
  });

  for (const [name, bits] of Object.entries({
    "INSTCFG = Data": 2n << 50n,
    "INSTCFG = Instruction": 3n << 50n,
    "PRIVCFG = Unprivileged": 2n << 48n,
    "PRIVCFG = Privileged": 3n << 48n,
  })) {
    it(`does not find page 0 in an empty TLB under ${name} (IHI 0070 5.2)`, () => {
      // Stage 2 only, nothing mapped.
      const word2 = (39n << 32n) | (4n << 48n) | (1n << 51n) | (1n << 58n);
      const memory = [
        [STE, 0xdn],
        [STE + 8n, bits],
        [STE + 16n, word2],
        [STE + 24n, TABLE],
      ] as const;
      const requests = [
        { sid: 0, iova: 0xc126n },
        { sid: 0, iova: 0x8dcn },
        { sid: 0, iova: 0x8dcn, write: true, priv: true },
        { sid: 0, iova: 0x8dcn, exec: true },
      ];
      const fault = "F_TRANSLATION";
      expect(answers({ memory }, requests)).toEqual([fault, fault, fault, fault]);
    });
  }
});
