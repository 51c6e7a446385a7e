// Accesses with an address that the endpoint's device-TLB has translated (Intel VT-d Rev 5.10, 4.2.1, 4.2.5; Table 30,
// columns "translated request").

import { describe, expect, it } from "vitest";
import { AtsRig, FPD } from "./ats-rig.js";
import { CONTEXT, DIRECTORY, full, LEGACY, REG, Rig, ROOT, SCALABLE, SID, SRTP, TE } from "./rig.js";

const NOWHERE = 0x8000_0000n;
const context = CONTEXT + BigInt(SID & 0x7f) * 32n;
const root = ROOT + BigInt(SID >> 8) * 16n;

/** "pa" for one that passes, else the fault's name with " recorded", or the status. */
function access(rig: Rig, iova: bigint, more = {}): string {
  const answer = rig.vtd.translate({ stream: SID, iova, translated: true, ...more });
  if (answer.ok) return answer.pa.toString(16);
  const { fault } = answer;
  return fault ? `${fault.name}${fault.recorded ? " recorded" : ""}` : answer.status;
}

describe("a translated request", () => {
  it("passes as it is, reads and writes, whatever the tables say of the address", () => {
    const rig = new AtsRig();
    expect(access(rig, 0x1234_5678n)).toBe("12345678");
    expect(access(rig, 0xf_ffff_ffff_ffffn, { write: true })).toBe("fffffffffffff");
    const { translatedAccesses, requests } = rig.vtd.counters();
    expect([translatedAccesses, requests]).toEqual([2, 2]);
  });

  it("does not look at the PASID directory: that of requests without PASID may be missing", () => {
    const rig = new AtsRig();
    rig.words(DIRECTORY, 0n);
    expect(access(rig, 0x5000n)).toBe("5000");
  });

  it("with a PASID is a protocol error: refused, nothing recorded (4.2.1, ECAP.PTRS = 0)", () => {
    const rig = new AtsRig();
    expect(access(rig, 0x5000n, { pasid: 1 })).toBe("aborted");
    expect([rig.vtd.faults(), rig.vtd.read32(REG.FSTS)]).toEqual([[], 0]);
  });

  it("to the interrupt range is 0x87, beyond the host 0x83 (SGN.8.3, SGN.4.1)", () => {
    const rig = new AtsRig();
    expect(access(rig, 0xfee0_0000n)).toBe("INTERRUPT_RANGE recorded");
    expect(access(rig, 1n << 52n)).toBe("TOO_WIDE recorded");
  });

  const blocked: readonly (readonly [string, string, (rig: Rig) => void])[] = [
    ["root entry not present", "ROOT_NOT_PRESENT", (rig) => rig.words(root, 0n)],
    ["root entry reserved", "ROOT_RESERVED", (rig) => rig.words(root, CONTEXT | 3n)],
    [
      "root table unreadable",
      "ROOT_ACCESS",
      (rig) => {
        rig.vtd.write64(REG.RTADDR, NOWHERE | SCALABLE);
        rig.vtd.write32(REG.GCMD, (SRTP | TE) >>> 0);
      },
    ],
    ["context table unreadable", "CONTEXT_ACCESS", (rig) => rig.words(root, NOWHERE | 1n)],
    ["context entry not present", "CONTEXT_NOT_PRESENT", (rig) => rig.words(context, 0n)],
    ["context entry reserved", "CONTEXT_RESERVED", (rig) => rig.words(context, DIRECTORY | 0x9dn)],
    ["PRE without DTE", "CONTEXT_INVALID", (rig) => rig.words(context, DIRECTORY | 0x19n)],
    ["DTE = 0", "CONTEXT_NO_ATS", (rig) => rig.words(context, DIRECTORY | 0x9n)],
    ["abort mode", "ABORT_MODE", (rig) => rig.enable(3n << 10n)],
    ["reserved table mode", "TTM", (rig) => rig.enable(2n << 10n)],
  ];

  it.each(blocked)("%s: %s, recorded", (_, name, how) => {
    const rig = new AtsRig({ ram: [[0n, 0x4000_0000n]] });
    expect(access(rig, 0x5000n)).toBe("5000");
    how(rig);
    expect(access(rig, 0x5000n, { write: true })).toBe(`${name} recorded`);
    // F, T1 = 0, AT = 10, SID
    expect(rig.vtd.read64(REG.FRCD + 8) & ~(0xffn << 32n)).toBe((0xan << 60n) | BigInt(SID));
  });

  it("is not recorded with FPD = 1 in the context entry; the PASID entry's does not count", () => {
    const rig = new AtsRig();
    rig.pasid(0, 1n | FPD | (2n << 6n) | (2n << 2n), 2, { second: rig.second });
    expect(rig.vtd.translate({ stream: SID, iova: 0x5000n }).ok).toBe(true);
    expect(access(rig, 0xfee0_0000n)).toBe("INTERRUPT_RANGE recorded");
    rig.words(context, rig.word(context) | FPD);
    expect(access(rig, 0xfee0_0000n)).toBe("INTERRUPT_RANGE");
  });

  it("in legacy mode passes with TT = 01, else 0xD; 0x4 beyond the host, 0xE to the interrupt range", () => {
    const rig = new Rig({ features: full({ hostWidth: 48 }) });
    rig.words(root, CONTEXT | 1n, 0n);
    const entry = CONTEXT + BigInt(SID & 0xff) * 16n;
    rig.words(entry, 0x10_0005n, 2n);
    rig.enable(LEGACY);
    expect(access(rig, 0x5000n)).toBe("5000");
    expect(access(rig, 1n << 48n)).toBe("LEGACY_TOO_WIDE recorded");
    expect(access(rig, 0xfeef_f000n)).toBe("LEGACY_INTERRUPT_RANGE recorded");
    rig.words(entry, 0x10_0001n);
    // Cached until the context-cache is invalidated.
    expect(access(rig, 0x5000n)).toBe("5000");
    rig.issue(0x11n, 0n, 16);
    expect(access(rig, 0x5000n)).toBe("LEGACY_BLOCKED recorded");
  });
});
