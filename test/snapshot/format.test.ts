// Version 1 of the format, byte for byte: a file written here by hand is restored, and the machine that comes of it writes
// the same file. A change of the format is a change of these bytes, and of the version.

import { describe, expect, it } from "vitest";
import { SmmuV3, SnapshotError, VtdIommu } from "../../src/index.js";
import { replaced, type Section, sealed } from "./sections.js";

/** Little-endian numbers after their width in bytes, and hex strings. */
function bytesOf(
  ...values: (readonly [width: number, ...values: (number | bigint)[]] | string)[]
): Uint8Array {
  const bytes = values.flatMap((value) => {
    if (typeof value === "string") return [...Buffer.from(value.replaceAll(" ", ""), "hex")];
    const [width, ...numbers] = value;
    return numbers.flatMap((number) =>
      Array.from({ length: width }, (_, n) => Number((BigInt(number) >> BigInt(8 * n)) & 0xffn)),
    );
  });
  return Uint8Array.from(bytes);
}

/** A counter: length of its name, the name, its value. */
const counter = (name: string, value: number): Uint8Array =>
  Uint8Array.of(name.length, ...Buffer.from(name, "latin1"), ...bytesOf([8, value]));

const join = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));

/** One run of 64 bytes that begin with these, at line `line`. */
const run = (line: number, ...start: Parameters<typeof bytesOf>): Uint8Array => {
  const bytes = bytesOf(...start);
  return join(bytesOf([4, line, 1]), bytes, new Uint8Array(64 - bytes.length));
};

const RAM = bytesOf([1, 1], [4, 1], [8, 0x4000_0000n, 0x1_0000n]);
const machine = (frames = 16): Uint8Array =>
  join(
    // Batch of 1 request, frames of 64 KiB, IOTLB: 4 entries, 4 ways, FIFO; walk caches of 4, 4 and 4; 4 contexts.
    bytesOf([4, 1, frames], [1, 1], [4, 4, 4], [1, 0], [4, 4, 4, 4], [1, 1], [4, 4]),
    RAM,
    bytesOf([4, 0]),
    RAM,
  );
/** Nine columns of two rows; pa (the fifth) of row 0 is 0x1234, status (the sixth) of row 0 is 1. */
const COLUMNS = join(
  bytesOf([4, 0, 0, 0, 0]),
  bytesOf([4, 1]),
  run(0, [8, 0x1234]),
  bytesOf([4, 1]),
  run(0, [1, 1]),
  bytesOf([4, 0, 0, 0]),
);
/** 5 requests, 2 of them bypassed, 3 faulted: u64 at 0, 8 and 16. */
const COUNTERS = join(bytesOf([4, 1]), run(0, [8, 5, 2, 3]));
/** One frame: number 0x4000, place 1, no change of the core; 0xabcd at byte 0x1040. */
const memory = (frame = 0x4000): Uint8Array =>
  join(bytesOf([4, 1, 0, 1], [8, frame], [4, 1], [1, 0], [4, 1]), run(0x41, [8, 0xabcd]));

const SMMU_HEAD = "89 4e 49 53 4e 41 50 0a 01000000 00000000";
const VTD_HEAD = "89 4e 49 53 4e 41 50 0a 01000000 01000000";
/** test/smmuv3/stall-world.ts: IDR0, IDR1, IDR3 (0), IDR5 with STALL_MAX = 4. */
const [IDR0, IDR1, IDR5] = [0x0040_101b, 0x0673_0506, 0x4_0015];
/** Request: iova 0x5123 of stream 3, a write. [transaction, stag or none, recorded]. */
const held = (transaction: number, stag: number | undefined, recorded: boolean): Uint8Array =>
  join(
    bytesOf([8, transaction], ...(stag === undefined ? ["00"] : (["01", [4, stag]] as const))),
    bytesOf([1, recorded ? 1 : 0], [4, 3], "00", [8, 0x5123], "0101", "0100", "0100", "00"),
  );

const SMMUV3: Section[] = [
  { name: "machine", bytes: machine() },
  { name: "columns", bytes: COLUMNS },
  { name: "counters", bytes: COUNTERS },
  { name: "memory", bytes: memory() },
  {
    name: "unit",
    bytes: join(
      // ID registers, maxStalled, mergeEvents, transactions so far, one fault.
      bytesOf([4, IDR0, IDR1, 0, IDR5, 100], [1, 1], [8, 9], [4, 1]),
      // Index 7, F_TRANSLATION, stream 3, no PASID, iova, write, no execute, no privilege, stage 1, CLASS = IN (2).
      bytesOf([4, 7], [1, 0x10], [4, 3], "00", [8, 0x5123], "01 00 00 00 02 00"),
      // IPA, fetch address, recorded, transaction 9, STAG 1.
      bytesOf([8, 0, 0], "01", "01", [8, 9], "01", [4, 1]),
    ),
  },
  {
    name: "registers",
    // IDR0, IDR1, IDR5, AIDR, CR0 and CR0ACK (SMMUEN, EVENTQEN), GBPA, IRQ_CTRL without its ACK, EVENTQ_PROD.
    bytes: bytesOf(
      [4, 9, 0, IDR0, 4, IDR1, 0x14, IDR5, 0x1c, 1],
      [4, 0x20, 5, 0x24, 5, 0x44, 0x1000, 0x50, 4, 0x1_00a8, 0x8000_0001],
    ),
  },
  { name: "commands", bytes: bytesOf("01") },
  { name: "events", bytes: bytesOf([8, 6], "01", [8, 0x4000_2000n], [4, 1]) },
  { name: "recorder", bytes: join(bytesOf([4, 1]), counter("eventsRecorded", 6), bytesOf("00")) },
  { name: "pages", bytes: join(bytesOf([4, 1]), counter("pageRequests", 2)) },
  {
    name: "stalls",
    bytes: join(
      bytesOf([4, 3]),
      held(4, 0, false),
      held(8, undefined, false),
      held(9, 1, true),
      // 8 waits before 4; STAGs below 3 have been used, 2 and then 0 are free.
      bytesOf([4, 2], [8, 8, 4], [4, 3], [4, 2, 2, 0]),
      bytesOf([4, 1]),
      counter("stalls", 9),
    ),
  },
];

const file = sealed(SMMUV3, bytesOf(SMMU_HEAD));

describe("version 1 of an SMMUv3's snapshot, written by hand", () => {
  it("is the machine that it says", () => {
    const smmu = SmmuV3.restore(file);
    expect(smmu.features).toEqual({ idr0: IDR0, idr1: IDR1, idr3: 0, idr5: IDR5 });
    expect(smmu.batch.capacity).toBe(1);
    expect([smmu.batch.pa[0], smmu.batch.status[0]]).toEqual([0x1234n, 1]);
    expect([smmu.read32(0x20), smmu.read32(0x24), smmu.read32(0x50), smmu.read32(0x54)]).toEqual([
      5, 5, 4, 0,
    ]);
    expect(smmu.memory.readU32(0x4000_1040n)).toBe(0xabcd);
    expect(smmu.memory.backedBytes).toBe(0x1_0000);
    expect([smmu.memory.isRam(0x4000_ffffn), smmu.memory.isRam(0x4001_0000n)]).toEqual([true, false]);
    expect(smmu.counters()).toMatchObject({
      ...{ requests: 5, bypassed: 2, faulted: 3, translated: 0 },
      ...{ eventsRecorded: 6, eventsLost: 0, pageRequests: 2, stalls: 9 },
    });
    const request = { stream: 3, iova: 0x5123n, write: true, execute: false, privileged: false };
    expect(smmu.stalled()).toEqual([
      { transaction: 4, ...request },
      { transaction: 8, ...request },
      { transaction: 9, stag: 1, ...request },
    ]);
    expect(smmu.faults()).toEqual([
      {
        ...{ index: 7, type: 0x10, name: "F_TRANSLATION", ...request, stage2: false, class: "IN" },
        ...{ tableWrite: false, ipa: 0n, fetchAddress: 0n, recorded: true, transaction: 9, stag: 1 },
      },
    ]);
  });

  it("is written again, byte for byte", () => {
    const again = SmmuV3.restore(file).snapshot({ caches: false });
    expect(Buffer.from(again).toString("hex")).toBe(Buffer.from(file).toString("hex"));
  });
});

const CAP = 0x01d2_008c_222f_0606n;
const ECAP = 0x0003_8998_8000_0f42n;
const words = (offset: number, value: bigint): (number | bigint)[] => [
  ...[offset, value & 0xffff_ffffn],
  ...[offset + 4, value >> 32n],
];
const VTD: Section[] = [
  ...SMMUV3.slice(0, 4),
  {
    name: "unit",
    bytes: join(
      // CAP, ECAP, 48-bit host addresses, revision 3; one fault.
      bytesOf([8, CAP, ECAP], [1, 48, 1], [4, 1]),
      // Index 2, FS_NOT_PRESENT (0x71), source-id 0x108, PASID 5, iova, a read, address type "translated" (1), recorded.
      bytesOf([4, 2], [1, 0x71], [4, 0x108], "01", [4, 5], [8, 0x5123], "00 00 00 01 01 01"),
    ),
  },
  {
    name: "registers",
    // VER, CAP, ECAP, RTADDR (not yet in force), FSTS.FRI = 1 and PPF, FECTL.IM, a fault in recording register 1.
    bytes: bytesOf(
      [4, 9, 0, 0x10, ...words(8, CAP), ...words(0x10, ECAP), 0x20, 0x7000],
      [4, 0x34, 0x102, 0x38, 0x8000_0000, 0x23c, 0x8000_0071],
    ),
  },
  { name: "command", bytes: bytesOf([8, 0x6400]) },
  { name: "faults", bytes: bytesOf([4, 0]) },
  { name: "pages", bytes: join(bytesOf([4, 1]), counter("pageResponses", 3)) },
];

describe("version 1 of a VT-d unit's snapshot, written by hand", () => {
  const vtdFile = sealed(VTD, bytesOf(VTD_HEAD));

  it("is the unit that it says", () => {
    const vtd = VtdIommu.restore(vtdFile);
    expect(vtd.features).toEqual({ cap: CAP, ecap: ECAP, hostWidth: 48 });
    expect([vtd.read64(0x20), vtd.read32(0x34), vtd.read32(0x23c)]).toEqual([0x7000n, 0x102, 0x8000_0071]);
    expect(vtd.counters()).toMatchObject({ requests: 5, pageResponses: 3, pageRequests: 0 });
    const request = {
      stream: 0x108,
      pasid: 5,
      iova: 0x5123n,
      write: false,
      execute: false,
      privileged: false,
    };
    expect(vtd.faults()).toEqual([
      {
        index: 2,
        reason: 0x71,
        name: "FS_NOT_PRESENT",
        ...request,
        addressType: "translated",
        recorded: true,
      },
    ]);
  });

  it("is written again, byte for byte", () => {
    const again = VtdIommu.restore(vtdFile).snapshot({ caches: false });
    expect(Buffer.from(again).toString("hex")).toBe(Buffer.from(vtdFile).toString("hex"));
  });
});

describe("a snapshot that says what cannot be", () => {
  const put = (bytes: Uint8Array, at: number, ...value: Parameters<typeof bytesOf>): Uint8Array => {
    const copy = bytes.slice();
    copy.set(bytesOf(...value), at);
    return copy;
  };
  /** Where a section begins in the file. */
  const startOf = (name: string): number => {
    let at = 32 + 32 * SMMUV3.length;
    for (const section of SMMUV3) {
      if (section.name === name) return at;
      at += section.bytes.length;
    }
    throw new Error(name);
  };

  it.each<[string, string, number, Parameters<typeof bytesOf>, string]>([
    [
      "a batch of 2^32 - 1",
      "machine",
      0,
      [[4, 0xffffffff]],
      `"batchCapacity" expected 1..1048576, got 4294967295`,
    ],
    ["2^32 - 1 frames", "machine", 4, [[4, 0xffffffff]], `"memoryLimit" expected 65536..`],
    ["an IOTLB of 2^32 - 1", "machine", 9, [[4, 0xffffffff]], `"iotlb.entries" expected 1..1048576`],
    ["an unknown policy", "machine", 17, ["04"], `"iotlb.policy" expected 0..3, got 4`],
    ["walk caches of 5", "machine", 18, [[4, 5]], `"walkCaches.stage1" expected a power of two, got 5`],
    ["2^32 - 1 contexts", "machine", 31, [[4, 0xffffffff]], `"configCache.contexts" expected 1..65536`],
    ["a flag that is 2", "machine", 35, ["02"], `"ram" expected 0..1, got 2`],
    ["256 ranges in a few bytes", "machine", 36, [[4, 256]], `"ram" expected at most`],
    ["2^32 - 1 ranges", "machine", 36, [[4, 0xffffffff]], `"ram" expected 0..256, got 4294967295`],
    ["RAM beyond 52 bits", "machine", 40, [[8, 1n << 60n]], `"ram" expected ranges inside 0..2^52-1`],
    ["a column with too many runs", "columns", 0, [[4, 2]], `"runs of column" expected 0..1, got 2`],
    ["a run behind its column", "columns", 20, [[4, 1]], `"first line of column" expected 0..0, got 1`],
    ["a run of no lines", "columns", 24, [[4, 0]], `"lines of column" expected at least 1, got 0`],
    ["a run of 2^32 - 1 lines", "columns", 24, [[4, 0xffffffff]], `"lines of column" expected 0..1`],
    ["more frames than the limit", "memory", 0, [[4, 17]], `"frames ever used" expected 0..16, got 17`],
    [
      "frames that are not there",
      "memory",
      8,
      [[4, 0]],
      `"frames ever used" expected 0, those that are free or taken`,
    ],
    ["2^32 - 1 frames of RAM", "memory", 8, [[4, 0xffffffff]], `"frames" expected 0..1, got 4294967295`],
    ["a frame beyond 52 bits", "memory", 12, [[8, 1n << 36n]], `"frame" expected 0..68719476735`],
    ["a frame where no memory is", "memory", 12, [[8, 0x4001]], "no memory in frame 16385"],
    [
      "a frame in place 0",
      "memory",
      20,
      [[4, 0]],
      `"index of a frame" expected one of 1..1, each once, got 0`,
    ],
    [
      "a frame of RAM that is to be stored",
      "memory",
      24,
      ["01"],
      `"changed by the core" expected 0 in RAM, got 1`,
    ],
    [
      "features that contradict each other",
      "unit",
      12,
      [[4, 0x15]],
      `"features" expected idr5.STALL_MAX of 1`,
    ],
    ["features that are not modelled", "unit", 0, [[4, 0xffffffff]], `"features.idr0" field TTF expected 2`],
    ["no place for stalls", "unit", 16, [[4, 0]], `"maxStalled" expected 1..1048576, got 0`],
    ["2^32 - 1 faults", "unit", 29, [[4, 0xffffffff]], `"faults" expected 0..1, got 4294967295`],
    ["ID registers that differ", "registers", 8, [[4, 1]], `"register 0x0" expected 0x40101b, got 1`],
    [
      "registers in disorder",
      "registers",
      12,
      [[4, 0]],
      `"register" expected multiple of 4 from 4 on, got 0`,
    ],
    [
      "a register off its place",
      "registers",
      12,
      [[4, 6]],
      `"register" expected multiple of 4 from 4 on, got 6`,
    ],
    ["a register beyond the pages", "registers", 68, [[4, 0x2_0000]], `"register" expected 0..131068`],
    ["an unknown counter", "pages", 5, ["58"], `"counter" expected a known name, got XageRequests`],
    ["a counter beyond 2^53", "pages", 17, [[8, 1n << 60n]], `"pageRequests" expected 0..9007199254740991`],
    ["transactions in disorder", "stalls", 4, [[8, 10]], `"transaction" expected more than 10, got 8`],
    ["a STAG that cannot be", "stalls", 13, [[4, 4]], `"stag" expected less than 4, got 4`],
  ])("%s: is refused where it stands", (_what, name, at, value, reason) => {
    const bytes = replaced(file, name, (section) => put(section, at, ...value));
    let error: unknown;
    try {
      SmmuV3.restore(bytes);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(SnapshotError);
    expect((error as SnapshotError).message).toContain(`section "${name}": ${reason}`);
    const offset = (error as SnapshotError).offset - startOf(name);
    expect(offset).toBeGreaterThanOrEqual(0);
    expect(offset).toBeLessThanOrEqual(bytes.length);
  });

  it("names the byte of the wrong value", () => {
    const bytes = replaced(file, "memory", (section) => put(section, 20, [4, 0]));
    expect(() => SmmuV3.restore(bytes)).toThrow(
      `snapshot, byte ${startOf("memory") + 20}: section "memory": `,
    );
  });

  it("has bytes left over: is refused", () => {
    const bytes = replaced(file, "commands", (section) => join(section, Uint8Array.of(0, 0)));
    expect(() => SmmuV3.restore(bytes)).toThrow(`section "commands": expected its end, got 2 bytes more`);
  });

  it("ends in the middle of a value: is refused", () => {
    const bytes = replaced(file, "events", (section) => section.subarray(0, 5));
    expect(() => SmmuV3.restore(bytes)).toThrow(
      `section "events": "records written" expected 8 bytes, got the 5 that are left`,
    );
  });
});
