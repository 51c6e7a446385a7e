// Faults as entries of the DMA-fault ring (rules 25, 29 to 31). Golden bytes are those of the host-face vectors.

import { describe, expect, it } from "vitest";
import type { FaultReport } from "../../src/contract/driver.js";
import { hex, shown } from "./bytes.js";
import { deliver, entry, indices, setTail } from "./fault-region.js";
import { VTD_SUPPORTS } from "./recording-driver.js";
import { type Rig, readAll, rig } from "./rig.js";

const REASONS: [name: string, report: Partial<FaultReport>, entry: string][] = [
  [
    "F_TRANSLATION",
    { reason: 5, address: 0x14c6c3c000n },
    "0100000000000000 05000000 02000000 00000000 01000000 00c0c3c614000000 0000000000000000",
  ],
  [
    "F_PERMISSION of a write",
    { reason: 6, address: 0x644a1000n, perm: 2 },
    "0100000000000000 06000000 02000000 00000000 02000000 00104a6400000000 0000000000000000",
  ],
  [
    "F_ACCESS",
    { reason: 7, address: 0xf57bead1e000n },
    "0100000000000000 07000000 02000000 00000000 01000000 00e0d1ea7bf50000 0000000000000000",
  ],
  [
    "F_ADDR_SIZE with a PASID",
    { reason: 8, pasid: 3, address: 0x6ec75bed4000n },
    "0100000000000000 08000000 03000000 03000000 01000000 0040ed5bc76e0000 0000000000000000",
  ],
  [
    "C_BAD_CD",
    { reason: 2, address: undefined, perm: 0 },
    "0100000000000000 02000000 00000000 00000000 00000000 0000000000000000 0000000000000000",
  ],
  [
    "C_BAD_CD with a PASID",
    { reason: 2, pasid: 3, address: undefined, perm: 0 },
    "0100000000000000 02000000 01000000 03000000 00000000 0000000000000000 0000000000000000",
  ],
  [
    "C_BAD_SUBSTREAMID",
    { reason: 3, pasid: 1, address: undefined, perm: 0 },
    "0100000000000000 03000000 01000000 01000000 00000000 0000000000000000 0000000000000000",
  ],
  [
    "F_WALK_EABT",
    { reason: 4, address: 0x12345000n, fetchAddress: 0x60001488n },
    "0100000000000000 04000000 06000000 00000000 01000000 0050341200000000 8814006000000000",
  ],
  [
    "F_CD_FETCH with a PASID",
    { reason: 1, pasid: 70, address: undefined, fetchAddress: 0x60000008n, perm: 0 },
    "0100000000000000 01000000 05000000 46000000 00000000 0000000000000000 0800006000000000",
  ],
  [
    "a privileged fetch of an instruction",
    { reason: 6, pasid: 0, address: 0xffff_8000_1234_5678n, perm: 13 },
    "0100000000000000 06000000 03000000 00000000 0d000000 785634120080ffff 0000000000000000",
  ],
];

describe("a fault in the ring", () => {
  it.each(REASONS)("%s (rules 29 to 31)", (_, report, bytes) => {
    const r = rig();
    deliver(r, report);
    expect(entry(r, 0)).toBe(shown(hex(bytes + "00".repeat(24))));
    expect(indices(r)).toEqual([0, 1]);
    expect(r.device.signals).toBe(1);
  });

  it("shows the guest's PASID (rule 25)", () => {
    const r = rig({ supports: VTD_SUPPORTS });
    const data = hex(
      "01000000 01000000 0100000000000000 0010000001000000 2000000000000000 0500000000000000" +
        `30000000 ${"00".repeat(28)}`,
    );
    r.device.gpasids.bind(data, r.host.domain, true);
    deliver(r, { pasid: 0x20, address: 0x5dea765d1000n });
    deliver(r, { pasid: 0x21, address: 0x5dea765d1000n });
    const shownWith = (pasid: string): string =>
      shown(
        hex(`0100000000000000 05000000 03000000 ${pasid}000000 01000000 00105d76ea5d0000 ${"00".repeat(32)}`),
      );
    expect([entry(r, 0), entry(r, 1)]).toEqual([shownWith("05"), shownWith("21")]);
  });

  it("leaves nothing of the entry that was there before", () => {
    const r = rig();
    deliver(r, { pasid: 0xfffff, address: (1n << 64n) - 1n, fetchAddress: (1n << 52n) - 8n, perm: 15 });
    r.device.faults.mmap(4096, 64).fill(0xff, 40);
    for (let i = 1; i < 512; i++) {
      setTail(r, i);
      deliver(r);
    }
    setTail(r, 0);
    setTail(r, 5);
    deliver(r, { reason: 2, address: undefined, perm: 0 });
    expect(entry(r, 0)).toBe(shown(hex(`0100000000000000 02000000 ${"00".repeat(52)}`)));
  });

  it("that is the host's own matter is counted and stays out (rule 6)", () => {
    const r = rig();
    const before = readAll(r.device.faults);
    deliver(r, { reason: undefined });
    expect(readAll(r.device.faults)).toEqual(before);
    expect(r.device.faults.counters).toMatchObject({ faultsHostOnly: 1, faultsDelivered: 0 });
    expect(r.device.signals).toBe(0);
  });
});

describe("linux-v10", () => {
  const v10 = (): Rig => rig({ profile: "linux-v10" });

  it("shows fetch_addr shifted right by 3, of bits 51:3", () => {
    const r = v10();
    deliver(r, { reason: 4, address: 0x12345000n, fetchAddress: 0x60001488n });
    expect(entry(r, 0)).toBe(
      shown(
        hex(
          `0100000000000000 04000000 06000000 00000000 01000000 0050341200000000 9102000c00000000 ${"00".repeat(24)}`,
        ),
      ),
    );
    deliver(r, { reason: 1, address: undefined, fetchAddress: (1n << 56n) | 8n });
    expect(entry(r, 1).slice(64, 80)).toBe("0100000000000000");
  });

  it.each([
    [1, true],
    [2, true],
    [3, true],
    [4, false],
    [5, false],
    [6, false],
    [7, false],
    [8, false],
  ])("reason %i shows the PASID: %s (rule 29)", (reason, isShown) => {
    const r = v10();
    deliver(r, { reason, pasid: 7 });
    const flags = isShown ? "03000000" : "02000000";
    expect(entry(r, 0).slice(24, 40)).toBe(flags + (isShown ? "07000000" : "00000000"));
  });

  it("shows the PASID of every VT-d fault (rule 30)", () => {
    const r = rig({ profile: "linux-v10", supports: VTD_SUPPORTS });
    deliver(r, { reason: 5, pasid: 7 });
    expect(entry(r, 0).slice(24, 40)).toBe("0300000007000000");
  });
});
