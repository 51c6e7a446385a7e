// Fault records and counts of translation requests, and requests that wait for external memory (Intel VT-d Rev 5.10, 7.2,
// 11.4.7.6).

import { describe, expect, it } from "vitest";
import { decodeFaultRecord } from "../../src/index.js";
import { AtsRig, short } from "./ats-rig.js";
import { CONTEXT, REG, SID } from "./rig.js";

const context = CONTEXT + BigInt(SID & 0x7f) * 32n;

describe("the record of a translation request", () => {
  it("is a read with AT = 01 and the PASID, PRIV and EXE of the request (11.4.7.6)", () => {
    const rig = new AtsRig();
    // Without DTE and PRE.
    rig.words(context, rig.word(context) & ~0x14n);
    rig.askWith(1, 0x5678n, { privileged: true, execute: true });
    const record = rig.vtd.read64(REG.FRCD + 8);
    // F, T1 = 1, AT = 01, PV = 1, FR = 0x44, PP, EXE, PRIV, SID.
    expect(record).toBe((0xdn << 60n) | (1n << 40n) | (0x44n << 32n) | (7n << 29n) | BigInt(SID));
    expect(rig.vtd.read64(REG.FRCD)).toBe(0x5000n);
    const bytes = new Uint8Array(16);
    new DataView(bytes.buffer).setBigUint64(8, record, true);
    expect(decodeFaultRecord(bytes)).toMatchObject({ access: "read", addressType: "translation", pasid: 1 });
  });

  it("is counted like others, a denial among the faults by name", () => {
    const rig = new AtsRig();
    rig.askWith(1, 0x8000n);
    rig.askWith(1, 0x5000n);
    rig.askWith(0, 0x5000n);
    expect(rig.vtd.counters()).toMatchObject({
      requests: 3,
      translationsGranted: 1,
      translationsDenied: 1,
      translationsUnsupported: 1,
      translationsAborted: 0,
      faults: { FS_NOT_PRESENT: 1, PASID_IS_RID_PASID: 1 },
    });
  });
});

it("external memory: a request waits for its frames, structures and tables, and ends as with RAM", () => {
  const inside = new AtsRig();
  const image = inside.vtd.memory.read(0n, 0x30_0000);
  const filled: bigint[] = [];
  const outside = new AtsRig({
    ram: [[0x100_0000n, 0x1000n]],
    external: [
      {
        base: 0n,
        size: 0x30_0000n,
        fill: (pa, into) => {
          filled.push(pa);
          into.set(image.subarray(Number(pa), Number(pa) + into.length));
        },
      },
    ],
  });
  outside.vtd.memory.drop(0n, 0x30_0000n);
  filled.length = 0;
  for (const [pasid, iova] of [
    [1, 0x6000n],
    [3, 0x5000n],
    [2, 0x4000_1000n],
  ] as const) {
    expect(outside.askWith(pasid, iova)).toBe(inside.askWith(pasid, iova));
  }
  expect(short(outside.vtd.requestTranslation({ stream: SID + 1, iova: 0n }))).toBe("UR");
  expect(outside.vtd.translate({ stream: SID, iova: 0x5000n, translated: true }).ok).toBe(true);
  expect(filled.length).toBeGreaterThan(1);
});
