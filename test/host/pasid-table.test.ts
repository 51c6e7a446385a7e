// SET_PASID_TABLE behind argsz and flags: struct iommu_pasid_table_config against the header's contract (rules 1, 22 to
// 24) and the kernel series ("SMMUv3 Nested Stage Setup" v10 6/13), and the state that it moves.

import { describe, expect, it } from "vitest";
import { iommu_pasid_table_config } from "../../src/uapi/index.js";
import { hex, patched } from "./bytes.js";
import { VTD_SUPPORTS } from "./recording-driver.js";
import { EINVAL, ENODEV, ENOMEM, expectRefused, type Rig, rig } from "./rig.js";

// 0 version, 4 format, 8 base_ptr, 16 pasid_bits, 17 config, 18 padding, 24 smmuv3: version, 28 s1fmt, 29 s1dss, 30 padding
const TRANSLATE = hex("01000000 01000000 0000004000000000 00 01 000000000000 01000000 00 00 0000");
const BYPASS = patched(TRANSLATE, 17, "02");
const ABORT = patched(TRANSLATE, 17, "03");

const set = ({ host }: Rig, bytes: Uint8Array): void =>
  host.setPasidTable(iommu_pasid_table_config.decode(bytes));

const ONE_CONTEXT = { base: 0x4000_0000n, pasidBits: 0, s1fmt: 0, s1dss: 2 };

/** What every SET looks at; [offset, bytes]. */
const VERSIONS: [title: string, at: number, bytes: string][] = [
  ["version 0", 0, "00000000"],
  ["version 2", 0, "02000000"],
  ["format 0", 4, "00000000"],
  ["format 2", 4, "02000000"],
  ["config 0", 17, "00"],
  ["config 4", 17, "04"],
  ["smmuv3.version 0", 24, "00000000"],
  ["smmuv3.version 2", 24, "02000000"],
];

const PADDINGS: [title: string, at: number, bytes: string][] = [
  ["padding[0]", 18, "01"],
  ["padding[5]", 23, "80"],
  ["smmuv3.padding[0]", 30, "01"],
  ["smmuv3.padding[1]", 31, "01"],
];

/** What TRANSLATE alone looks at. */
const TABLES: [title: string, at: number, bytes: string][] = [
  ["s1fmt 3", 28, "03"],
  ["s1dss 3", 29, "03"],
  ["pasid_bits 21", 16, "15"],
  ["pasid_bits 255", 16, "ff"],
  ["base_ptr not at 64 bytes", 8, "20"],
  ["base_ptr 2^48, beyond stage 2", 8, "0000000000000100"],
  ["base_ptr bit 55", 8, "0000004000008000"],
  ["base_ptr bit 63", 8, "0000004000000080"],
];

describe("SET_PASID_TABLE refuses with -EINVAL, and what was bound stays (rule 1):", () => {
  it.each([...VERSIONS, ...PADDINGS, ...TABLES])("%s", (_, at, bytes) => {
    const r = rig();
    expectRefused(r, EINVAL, () => set(r, patched(TRANSLATE, at, bytes)));
    set(r, TRANSLATE);
    expectRefused(r, EINVAL, () => set(r, patched(TRANSLATE, at, bytes)));
    expect(r.domain.table).toEqual(ONE_CONTEXT);
  });

  it.each([...VERSIONS, ...PADDINGS])("BYPASS and ABORT with %s (rule 22)", (_, at, bytes) => {
    if (at === 17) return;
    const r = rig();
    expectRefused(r, EINVAL, () => set(r, patched(BYPASS, at, bytes)));
    expectRefused(r, EINVAL, () => set(r, patched(ABORT, at, bytes)));
  });

  it("a container without nesting", () => {
    const r = rig({ nested: false });
    for (const config of [TRANSLATE, BYPASS, ABORT]) expectRefused(r, EINVAL, () => set(r, config));
    expectRefused(r, EINVAL, () => r.host.unsetPasidTable());
  });

  it("a container without a device", () => {
    const r = rig();
    r.host.detach(r.device);
    expectRefused(r, EINVAL, () => set(r, TRANSLATE));
    expectRefused(r, EINVAL, () => r.host.unsetPasidTable());
  });
});

describe("SET_PASID_TABLE takes", () => {
  it.each(TABLES)("BYPASS and ABORT without looking at the table: %s (rule 22)", (_, at, bytes) => {
    const r = rig();
    set(r, patched(ABORT, at, bytes));
    expect(r.domain.table).toBe("abort");
    set(r, patched(BYPASS, at, bytes));
    expect(r.domain.table).toBe("bypass");
  });

  it("a table over another: it replaces it", () => {
    const r = rig();
    set(r, TRANSLATE);
    set(r, patched(TRANSLATE, 8, "0000008000000000"));
    expect(r.domain.table).toEqual({ ...ONE_CONTEXT, base: 0x8000_0000n });
  });

  it("UNSET at any time: stage 2 alone", () => {
    const r = rig();
    r.host.unsetPasidTable();
    set(r, TRANSLATE);
    r.host.unsetPasidTable();
    expect(r.domain.table).toBe("bypass");
    expect(r.host.inspect()).toMatchObject({ pasidTable: "bypass" });
  });

  it("s1fmt, s1dss and pasid_bits for the STE", () => {
    const r = rig();
    set(r, hex("01000000 01000000 0000004000000000 0c 01 000000000000 01000000 01 02 0000"));
    expect(r.domain.table).toEqual({ base: 0x4000_0000n, pasidBits: 12, s1fmt: 1, s1dss: 2 });
    expect(r.host.inspect()).toMatchObject({
      pasidTable: { base: "0x40000000", pasidBits: 12, s1fmt: 1, s1dss: 2 },
    });
  });

  it("s1fmt and s1dss that mean nothing with pasid_bits 0, in their range (rule 22)", () => {
    const r = rig();
    set(r, patched(TRANSLATE, 28, "0201"));
    expect(r.domain.table).toEqual(ONE_CONTEXT);
  });

  it("the last table below 2^48", () => {
    const r = rig();
    set(r, patched(TRANSLATE, 8, "c0ffffffffff0000"));
    expect(r.domain.table).toEqual({ ...ONE_CONTEXT, base: 0xffff_ffff_ffc0n });
  });
});

// Rule 23: 64 bytes × 2^pasid_bits; two levels: 8 bytes × first-level entries of 64 (s1fmt 1) or 1024 PASIDs, at least 64.
const ALIGNMENTS: [s1fmt: number, pasidBits: number, alignment: bigint][] = [
  [0, 1, 128n],
  [0, 4, 1024n],
  [0, 20, 64n << 20n],
  [1, 1, 64n],
  [1, 6, 64n],
  [1, 9, 64n],
  [1, 10, 128n],
  [1, 12, 512n],
  [1, 20, 8n << 14n],
  [2, 10, 64n],
  [2, 13, 64n],
  [2, 14, 128n],
  [2, 20, 8n << 10n],
  [2, 0, 64n],
];

describe("base_ptr", () => {
  it.each(ALIGNMENTS)(
    "with s1fmt %i and %i PASID bits is a multiple of %i (rule 23)",
    (s1fmt, bits, alignment) => {
      const at = (base: bigint): Uint8Array => {
        const bytes = TRANSLATE.slice();
        new DataView(bytes.buffer).setBigUint64(8, base, true);
        bytes[16] = bits;
        bytes[28] = s1fmt;
        return bytes;
      };
      const r = rig();
      const base = 0x40_0000_0000n;
      expectRefused(r, EINVAL, () => set(r, at(base + alignment / 2n)));
      set(r, at(base + alignment));
      expect(r.domain.table).toMatchObject({ base: base + alignment, pasidBits: bits });
    },
  );
});

describe("pasid_bits", () => {
  const bits = (count: string): Uint8Array => patched(TRANSLATE, 16, count);

  it("suit the device that has the fewest (rule 1, two devices of 10 and 4 bits)", () => {
    const endpoints = [
      { name: "dev0", pasidBits: 10 },
      { name: "dev1", stream: 9, pasidBits: 4 },
    ];
    const r = rig({ endpoints });
    expectRefused(r, EINVAL, () => set(r, bits("05")));
    set(r, bits("04"));
    r.host.detach(r.devices[1]!);
    set(r, bits("0a"));
    expectRefused(r, EINVAL, () => set(r, bits("0b")));
  });

  it("keep out a device that has fewer than the table: -EINVAL", () => {
    const r = rig({ endpoints: [{ pasidBits: 10 }] });
    const other = rig({ endpoints: [{ name: "dev1", stream: 9, pasidBits: 4 }] }).device;
    set(r, bits("05"));
    expectRefused(r, EINVAL, () => r.host.attach(other));
    expect([...r.domain.attached]).toEqual(["dev0"]);
    set(r, bits("04"));
    r.host.attach(other);
  });

  it("are none of a device without PASIDs", () => {
    const r = rig({ endpoints: [{ pasidBits: 0 }] });
    expectRefused(r, EINVAL, () => set(r, bits("01")));
    set(r, TRANSLATE);
  });
});

describe("without the operation (VT-d, rule 24)", () => {
  it("SET with good arguments is refused with -ENODEV, with others with -EINVAL", () => {
    const r = rig({ supports: VTD_SUPPORTS });
    for (const config of [TRANSLATE, BYPASS, ABORT]) expectRefused(r, ENODEV, () => set(r, config));
    expectRefused(r, EINVAL, () => set(r, patched(TRANSLATE, 18, "01")));
  });

  it("UNSET does nothing", () => {
    const r = rig({ supports: VTD_SUPPORTS });
    r.host.unsetPasidTable();
    expect(r.domain.calls).toEqual([]);
  });
});

it("a driver without room ends in -ENOMEM, and what was bound stays", () => {
  const r = rig();
  set(r, TRANSLATE);
  r.domain.failures.set("setPasidTable", new RangeError("no room"));
  expectRefused(r, ENOMEM, () => set(r, ABORT));
  expectRefused(r, ENOMEM, () => r.host.unsetPasidTable());
});

describe("linux-v10", () => {
  const v10 = (): Rig => rig({ profile: "linux-v10" });

  it("refuses TRANSLATE over a table that translates with -EINVAL; BYPASS and ABORT make way", () => {
    const r = v10();
    set(r, TRANSLATE);
    expectRefused(r, EINVAL, () => set(r, TRANSLATE));
    for (const config of [BYPASS, ABORT]) {
      set(r, config);
      set(r, TRANSLATE);
    }
    r.host.unsetPasidTable();
    set(r, TRANSLATE);
    expect(r.domain.table).toEqual(ONE_CONTEXT);
  });

  it("leaves DMA aborted after UNSET", () => {
    const r = v10();
    r.host.unsetPasidTable();
    expect(r.domain.table).toBe("abort");
  });

  it("refuses pasid_bits other than 0 with -EINVAL", () => {
    const r = v10();
    expectRefused(r, EINVAL, () => set(r, patched(TRANSLATE, 16, "02")));
  });

  it.each(VERSIONS)("refuses %s with -EINVAL", (_, at, bytes) => {
    const r = v10();
    expectRefused(r, EINVAL, () => set(r, patched(TRANSLATE, at, bytes)));
  });

  it("does not look at paddings, s1fmt, s1dss and the alignment of base_ptr", () => {
    const r = v10();
    set(r, hex("01000000 01000000 3f000040000000f0 00 01 a5a5a5a5a5a5 01000000 07 09 0102"));
    expect(r.domain.table).toEqual(ONE_CONTEXT);
  });

  it("UNSET answers 0 without nesting and without the operation, SET -EINVAL and -ENODEV whatever its argument", () => {
    const plain = rig({ profile: "linux-v10", nested: false });
    plain.host.unsetPasidTable();
    expect(plain.domain.calls).toEqual([]);
    expectRefused(plain, EINVAL, () => set(plain, TRANSLATE));
    const vtd = rig({ profile: "linux-v10", supports: VTD_SUPPORTS });
    vtd.host.unsetPasidTable();
    expectRefused(vtd, ENODEV, () => set(vtd, patched(TRANSLATE, 0, "09000000")));
  });
});
