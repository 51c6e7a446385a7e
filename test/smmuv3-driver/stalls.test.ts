// Machines whose faults can stall: nobody behind this driver resumes one, so guests must not be able to ask for it.

import { describe, expect, it } from "vitest";
import { buildFeatures, SMMUV3_PRESETS } from "../../src/smmuv3/features.js";
import { Rig, RW } from "./rig.js";

const CD = 0x8000_0000n;
/** V, AA64, A, R, EPD1, IPS of 48 bits, T0SZ 16 (IHI 0070 5.4); bit 44 is S. */
const SOUND = (1n << 31n) | (1n << 41n) | (3n << 45n) | (1n << 30n) | (5n << 32n) | 16n;

function guest(low: bigint): Rig {
  const features = buildFeatures({ stallModel: 0, mostStalls: 16 }, SMMUV3_PRESETS.host);
  const rig = new Rig({ machine: { features } });
  const [device] = rig.probe(8);
  const domain = rig.driver.createDomain(true);
  domain.attach(device!);
  domain.map(0n, CD, 0x10_0000n, RW);
  rig.driver.memory.writeU64(CD, low);
  rig.driver.memory.writeU64(CD + 8n, 0x1000n);
  domain.setPasidTable({ base: 0n, pasidBits: 0, s1fmt: 0, s1dss: 0 });
  return rig;
}

describe("with STALL_MODEL = 0", () => {
  it("S1STALLD is set: a CD that asks for stalls is C_BAD_CD (IHI 0070 5.4, 5.2)", () => {
    const rig = guest(SOUND | (1n << 44n));
    // Bit 91 of the STE.
    expect((rig.ste(8)[1]! >> 27n) & 1n).toBe(1n);
    expect(rig.driver.machine.translate({ stream: 8, iova: 0x5000n }).fault?.name).toBe("C_BAD_CD");
    expect(rig.driver.machine.stalled()).toEqual([]);
  });

  it("a CD that does not is terminated as ever", () => {
    const rig = guest(SOUND);
    expect(rig.driver.machine.translate({ stream: 8, iova: 0x5000n }).fault?.name).toBe("F_TRANSLATION");
    expect(rig.faults.map(({ name }) => name)).toEqual(["F_TRANSLATION"]);
  });
});

it("a machine that always stalls is refused (STALL_MODEL = 2)", () => {
  const features = buildFeatures(
    { stallModel: 2, mostStalls: 16, ats: false, pri: false },
    SMMUV3_PRESETS.host,
  );
  expect(() => new Rig({ machine: { features } })).toThrow(/STALL_MODEL of 0 or 1, got 2/);
});
