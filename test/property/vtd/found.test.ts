// What the random VT-d worlds have found, each in its smallest form: the reference model and the engine, with caches and
// without, must both give the manual's answer.

import { describe, expect, it } from "vitest";
import { VTD_PRESETS, VtdIommu } from "../../../src/index.js";
import * as inv from "./descriptor-bytes.js";
import {
  AW48,
  AW57,
  answers,
  CONTEXT,
  DID,
  DIRECTORY,
  entry,
  FIRST,
  FIRST_ROOT,
  FIVE_LEVEL,
  FS,
  GUEST,
  GUEST_ROOT,
  identity,
  leafOf,
  NESTED,
  PASID,
  PASS,
  PWSNP,
  ROOT,
  request,
  SCALABLE,
  SECOND,
  SECOND_ROOT,
  SS,
  SS_FLAGS,
  SSADE,
  STRUCTURES,
  type Step,
  type Word,
} from "./small-unit.js";

describe("found by random VT-d worlds", () => {
  it("wants reading and writing of a first-stage table's page with SSADE, not writing alone (3.8: 0x75, 0x76)", () => {
    const memory = [...STRUCTURES, ...identity(SS_FLAGS), ...GUEST];
    const nested = entry(PASID, NESTED | AW48 | SSADE | SECOND_ROOT, PWSNP, GUEST_ROOT);
    const writeOnly = (gpa: bigint): Word => [leafOf(gpa), gpa | 2n | SS_FLAGS];
    const ask = [request(0x123n, { pasid: PASID })];
    expect(answers({ memory: [...memory, ...nested] }, ask)).toEqual(["5123"]);
    expect(answers({ memory: [...memory, ...nested, writeOnly(GUEST_ROOT)] }, ask)).toEqual(["fault 75"]);
    const deeper = [...memory, ...nested, writeOnly(GUEST_ROOT + 0x2000n)];
    expect(answers({ memory: deeper }, ask)).toEqual(["fault 76"]);
  });

  it("tells a second-stage table that cannot be read from the second stage's root (Table 30: 0x78, 0x7B)", () => {
    // While the first stage's root is fetched: the second of the second stage's tables lies outside RAM.
    const memory = [...STRUCTURES, ...identity(0n), ...GUEST];
    const nested = entry(PASID, NESTED | AW48 | SECOND_ROOT, PWSNP, GUEST_ROOT);
    const away: Word = [SECOND_ROOT, (1n << 40n) | SS];
    const ask = [request(0x123n, { pasid: PASID })];
    expect(answers({ memory: [...memory, ...nested, away] }, ask)).toEqual(["fault 78"]);
    const rootless = entry(PASID, NESTED | AW48 | (1n << 40n), PWSNP, GUEST_ROOT);
    expect(answers({ memory: [...memory, ...rootless] }, ask)).toEqual(["fault 7b"]);
  });

  it("refuses execute requests with PASID whatever the PGTT, also when the page is cached (Table 30: 0x5C)", () => {
    const second = [...STRUCTURES, ...identity(0n), ...entry(PASID, SECOND | AW48 | SECOND_ROOT)];
    const passes = [...STRUCTURES, ...entry(PASID, PASS)];
    const first = [...STRUCTURES, ...GUEST, ...entry(PASID, FIRST, PWSNP, GUEST_ROOT)];
    const steps = (iova: bigint) => [
      request(iova, { pasid: PASID }),
      request(iova, { pasid: PASID, exec: true }),
      request(iova + 1n, { pasid: PASID, exec: true, priv: true }),
      request(iova + 2n, { pasid: PASID }),
    ];
    expect(answers({ memory: second }, steps(0x1234n))).toEqual(["1234", "fault 5c", "fault 5c", "1236"]);
    expect(answers({ memory: passes }, steps(0x1234n))).toEqual(["1234", "fault 5c", "fault 5c", "1236"]);
    expect(answers({ memory: first }, steps(0x234n))).toEqual(["5234", "fault 5c", "fault 5c", "5236"]);
  });

  it("takes the execute attribute of requests without PASID for nothing (3.6.1)", () => {
    const memory = [...STRUCTURES, ...identity(0n), ...entry(0, SECOND | AW48 | SECOND_ROOT)];
    expect(answers({ memory }, [request(0x1234n, { exec: true })])).toEqual(["1234"]);
  });

  it("shares no cached second-stage page between requests with and without PASID that hides the 0x5C (Table 30)", () => {
    const both = [...entry(0, SECOND | AW48 | SECOND_ROOT), ...entry(PASID, SECOND | AW48 | SECOND_ROOT)];
    const steps = [request(0x1234n, { exec: true }), request(0x1234n, { pasid: PASID, exec: true })];
    expect(answers({ memory: [...STRUCTURES, ...identity(0n), ...both] }, steps)).toEqual([
      "1234",
      "fault 5c",
    ]);
  });

  it("lets no request with PASID pass through to the interrupt range (3.14, Table 30: 0x87)", () => {
    const memory = [...STRUCTURES, ...entry(PASID, PASS)];
    const steps = [request(0xfee0_0000n, { pasid: PASID }), request(0xfed0_0000n, { pasid: PASID })];
    expect(answers({ memory }, steps)).toEqual(["fault 87", "fed00000"]);
  });

  it("takes requests without PASID to FEEx_xxxx for interrupts, whatever the tables say (3.14)", () => {
    expect(answers({ memory: [] }, [request(0xfee0_1234n), request(0xfed0_1234n)])).toEqual([
      "fee01234",
      "fault 39",
    ]);
    // A leaf of 1 GiB around the range, cached: the same address with PASID is translated.
    const large: Word[] = [
      [SECOND_ROOT, (SECOND_ROOT + 0x1000n) | SS],
      [SECOND_ROOT + 0x1018n, 0x4000_0000n | 0x80n | SS],
    ];
    const both = [...entry(0, SECOND | AW48 | SECOND_ROOT), ...entry(PASID, SECOND | AW48 | SECOND_ROOT)];
    const steps = [
      request(0xfec0_0000n),
      request(0xfee0_0000n),
      request(0xfef0_0000n),
      request(0xfee0_0000n),
      request(0xfee0_0000n, { pasid: PASID }),
      request(0xfee0_0000n),
    ];
    const [a, b, c] = ["7ec00000", "fee00000", "7ef00000"];
    expect(answers({ memory: [...STRUCTURES, ...large, ...both] }, steps)).toEqual([
      a,
      b,
      c,
      b,
      "7ee00000",
      b,
    ]);
  });

  it("asks for SRE and for ERS before it looks at the address (Table 30: 0x5D, 0x5C, then 0x80)", () => {
    const memory = [...STRUCTURES, ...GUEST, ...entry(PASID, FIRST, PWSNP, GUEST_ROOT)];
    const steps = [
      request(1n << 60n, { pasid: PASID, priv: true }),
      request(1n << 60n, { pasid: PASID, exec: true }),
      request(1n << 60n, { pasid: PASID }),
    ];
    expect(answers({ memory }, steps)).toEqual(["fault 5d", "fault 5c", "fault 80"]);
  });

  it("asks for PASIDE before it looks at the PASID (Table 30: 0x45, then 0x89)", () => {
    const { cap, ecap, hostWidth } = VTD_PRESETS.full;
    const features = { cap, ecap: (ecap & ~(31n << 35n)) | (7n << 35n), hostWidth };
    const closed: Word = [CONTEXT + 8n * 32n, DIRECTORY | 1n];
    const steps = [request(0n, { pasid: 256 })];
    expect(answers({ features, memory: [...STRUCTURES, closed] }, steps)).toEqual(["fault 45"]);
    expect(answers({ features, memory: STRUCTURES }, steps)).toEqual(["fault 89"]);
  });

  it("walks five levels below a narrow MGAW (3.7)", () => {
    // HAW and MGAW 42, five levels: the root table's one entry in use is its first.
    const { cap, ecap } = VTD_PRESETS.full;
    const features = { cap: (cap & ~(0x3fn << 16n)) | (41n << 16n), ecap, hostWidth: 42 };
    const tables: Word[] = [0n, 1n, 2n].map((n) => [
      SECOND_ROOT + 0x4000n + n * 0x1000n,
      (SECOND_ROOT + 0x4000n + (n + 1n) * 0x1000n) | SS,
    ]);
    const memory = [
      ...STRUCTURES,
      ...entry(0, SECOND | AW57 | (SECOND_ROOT + 0x4000n)),
      ...tables,
      [SECOND_ROOT + 0x7000n, 0x8000_0000n | 0x80n | SS] as const,
    ];
    expect(answers({ features, memory }, [request(0x12_3456n), request(1n << 42n)])).toEqual([
      "80123456",
      "fault 84",
    ]);
  });

  it("drops table pointers of addresses beyond 2^52, too (6.5.2.4; five levels)", () => {
    // First stage, bits 56:52 = 5: entry 0x50 of the root. The last table but one moves.
    const iova = 5n << 52n;
    const table = (n: bigint): bigint => FIRST_ROOT + n * 0x1000n;
    const memory: Word[] = [
      ...STRUCTURES,
      ...entry(PASID, FIRST, PWSNP, FIRST_ROOT | FIVE_LEVEL),
      [table(0n) + 8n * 0x50n, table(1n) | FS],
      [table(1n), table(2n) | FS],
      [table(2n), table(3n) | FS],
      [table(3n), table(4n) | FS],
      [table(4n), 0x5000n | FS],
      [table(5n), 0x6000n | FS],
    ];
    const steps: Step[] = [
      request(iova, { pasid: PASID }),
      { write: [[table(3n), table(5n) | FS]] },
      { issue: inv.piotlbPage(DID, PASID, { address: iova, am: 9, hint: false }) },
      request(iova, { pasid: PASID }),
    ];
    expect(answers({ memory }, steps)).toEqual(["5000", "6000"]);
  });

  it("drops second-stage table pointers of addresses beyond 2^52, too (6.5.2.3; 57 bits)", () => {
    const iova = 5n << 52n;
    const table = (n: bigint): bigint => SECOND_ROOT + n * 0x1000n;
    const memory: Word[] = [
      ...STRUCTURES,
      ...entry(0, SECOND | AW57 | SECOND_ROOT),
      [table(0n) + 8n * 0x50n, table(1n) | SS],
      [table(1n), table(2n) | SS],
      [table(2n), table(3n) | SS],
      [table(3n), table(4n) | SS],
      [table(4n), 0x5000n | SS],
      [table(5n), 0x6000n | SS],
    ];
    const steps: Step[] = [
      request(iova),
      { write: [[table(3n), table(5n) | SS]] },
      { issue: inv.iotlbPage(DID, { address: iova, am: 9, hint: false }) },
      request(iova),
    ];
    expect(answers({ memory }, steps)).toEqual(["5000", "6000"]);
  });

  it("has no root entry for source-ids of more than 16 bits, in either mode (9.1: 0x39, 0x1)", () => {
    const read = (iommu: VtdIommu): number | undefined => {
      iommu.batch.stream[0] = 0x1_0108;
      iommu.batch.iova[0] = 0n;
      iommu.run(1);
      return iommu.faults()[0]?.reason;
    };
    for (const [rtaddr, reason] of [
      [ROOT | SCALABLE, 0x39],
      [ROOT, 0x1],
    ] as const) {
      const iommu = new VtdIommu();
      iommu.write64(0x20, rtaddr);
      iommu.write32(0x18, 0xc000_0000);
      expect(read(iommu)).toBe(reason);
    }
  });
});
