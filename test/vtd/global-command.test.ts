// Global commands (Intel VT-d Rev 5.10, 6.6, 11.4.4, 11.4.5).

import { describe, expect, it } from "vitest";
import {
  CONTEXT,
  FIRST_STAGE,
  FS,
  full,
  LEGACY,
  QIE,
  REG,
  Rig,
  ROOT,
  SCALABLE,
  SECOND_STAGE,
  SID,
  SRTP,
  SS,
  TE,
} from "./rig.js";

/** A rig with one first-stage page at 0x5000 for requests without PASID. */
function rigWithPage(options = {}): { rig: Rig; leaf: bigint } {
  const rig = new Rig(options);
  rig.structures();
  const first = rig.table();
  rig.pasid(0, FIRST_STAGE, 1, { first });
  const leaf = rig.map({ root: first, input: 0x5000n, output: 0x77000n, flags: FS }).at(-1)!;
  return { rig, leaf };
}

describe("global commands", () => {
  it("lets everything pass after a reset, whatever RTADDR says", () => {
    const { vtd } = new Rig();
    vtd.write64(REG.RTADDR, ROOT | SCALABLE);
    expect(vtd.translate({ stream: SID, iova: 0x1234n })).toMatchObject({
      ok: true,
      status: "bypassed",
      pa: 0x1234n,
    });
  });

  it("shows the state of each command in GSTS; SRTP is one-shot, TE and QIE are levels (11.4.4.1)", () => {
    const { vtd } = new Rig();
    vtd.write64(REG.RTADDR, ROOT | SCALABLE);
    const statusAfter = (command: number): number => {
      vtd.write32(REG.GCMD, command >>> 0);
      return vtd.read32(REG.GSTS);
    };
    expect(statusAfter(SRTP)).toBe(SRTP);
    expect(statusAfter(QIE)).toBe(SRTP | QIE);
    expect(statusAfter(TE | QIE)).toBe((TE | SRTP | QIE) >>> 0);
    expect(statusAfter(TE)).toBe((TE | SRTP) >>> 0);
    expect(statusAfter(0)).toBe(SRTP);
    // Write buffer flush, interrupt remapping and reserved bits: nothing.
    expect(statusAfter(0x3b80_0000)).toBe(SRTP);
  });

  it("takes root table and mode from RTADDR at SRTP, not before (11.4.5)", () => {
    const { rig } = rigWithPage();
    rig.enable();
    rig.vtd.write64(REG.RTADDR, 0x9000n | SCALABLE);
    expect(rig.vtd.translate({ stream: SID, iova: 0x5678n }).pa).toBe(0x77678n);
    rig.vtd.write32(REG.GCMD, (TE | SRTP) >>> 0);
    expect(rig.source(undefined, 0x5678n)).toBe("ROOT_NOT_PRESENT");
  });

  it("keeps what is cached over SRTP without ESRTPS, drops it with (6.6)", () => {
    for (const [features, source] of [
      [full({ capOff: 1n << 63n }), "iotlb"],
      [full(), "walk"],
    ] as const) {
      const { rig } = rigWithPage({ features });
      rig.enable();
      rig.source(undefined, 0x5000n);
      rig.vtd.write32(REG.GCMD, (TE | SRTP) >>> 0);
      expect(rig.source(undefined, 0x5000n)).toBe(source);
    }
  });

  it("drops what is cached when translation goes off, where there is scalable mode (11.4.4.1, TE)", () => {
    const { rig, leaf } = rigWithPage({ features: full({ capOff: 1n << 63n }) });
    rig.enable();
    rig.source(undefined, 0x5000n);
    rig.words(leaf, 0x99000n | FS);
    rig.vtd.write32(REG.GCMD, 0);
    expect(rig.vtd.translate({ stream: SID, iova: 0x5000n }).status).toBe("bypassed");
    rig.vtd.write32(REG.GCMD, TE);
    expect(rig.vtd.translate({ stream: SID, iova: 0x5000n }).pa).toBe(0x99000n);
  });

  it("changes the table mode with SRTP: legacy and scalable structures at the same place", () => {
    const { rig } = rigWithPage();
    const second = rig.table();
    rig.map({ root: second, input: 0x5000n, output: 0x55000n, flags: SS });
    rig.enable(LEGACY);
    // A legacy root entry is a scalable one whose upper half is absent; context entries have 16 bytes.
    rig.words(CONTEXT + BigInt(SID & 0xff) * 16n, second | 1n, 2n | (7n << 8n));
    expect(rig.vtd.translate({ stream: SID, iova: 0x5123n }).pa).toBe(0x55123n);
    rig.structures();
    rig.pasid(0, SECOND_STAGE, 7, { second });
    rig.enable(SCALABLE);
    expect(rig.vtd.translate({ stream: SID, iova: 0x5123n }).pa).toBe(0x55123n);
  });

  it.each([
    [0x800n, full(), "TTM"],
    [0xc00n, full(), "ABORT_MODE"],
    [0xc00n, full({ ecapOff: 1n << 52n }), "TTM"],
  ])("answers table mode 0x%s with its fault (7.1.3, RTA)", (mode, features, name) => {
    const { rig } = rigWithPage({ features });
    rig.enable(mode);
    expect(rig.source(undefined, 0x5000n)).toBe(name);
  });
});
