// Event records as a table: fault ↔ 32 bytes. Bytes derived by hand from IHI 0070 7.3.

import { describe, expect, it } from "vitest";
import { decodeEvent, type EventSource, encodeEvent } from "../../src/smmuv3/event-record.js";
import { eventName } from "../../src/smmuv3/events.js";
import { bytes, hex } from "./machine.js";

/** A read of data by an unprivileged requester, faulting at stage 1 on its input. */
const plain: EventSource = {
  type: 0x10,
  stream: 8,
  iova: 0xffff_8881_bdc0_3042n,
  write: false,
  execute: false,
  privileged: false,
  stage2: false,
  class: "IN",
  tableWrite: false,
  ipa: 0x1234_5678_9abcn,
  fetchAddress: 0x9876_5432_1abcn,
};

const ZERO = "0000000000000000";
const INPUT = "4230c0bd8188ffff";
const IPA = "0090785634120000";
const FETCH = "b81a325476980000";

const CASES: readonly (readonly [string, Partial<EventSource>, string])[] = [
  ["C_BAD_STREAMID", { type: 2, stream: 0xffffffff }, `02000000ffffffff ${ZERO} ${ZERO} ${ZERO}`],
  [
    "C_BAD_STREAMID with SubstreamID",
    { type: 2, pasid: 0xabcde },
    `02e8cdab08000000 ${ZERO} ${ZERO} ${ZERO}`,
  ],
  ["F_STE_FETCH", { type: 3 }, `0300000008000000 ${ZERO} ${ZERO} ${FETCH}`],
  ["C_BAD_STE", { type: 4, pasid: 0 }, `0408000008000000 ${ZERO} ${ZERO} ${ZERO}`],
  // R, Span 1; W, X and PRIV as asked for, so that a write may be for execution, too.
  ["F_BAD_ATS_TREQ", { type: 5 }, `0500000008000000 0100008000000000 ${INPUT} ${ZERO}`],
  [
    "F_BAD_ATS_TREQ of a request for everything",
    { type: 5, pasid: 1, write: true, execute: true, privileged: true },
    `0518000008000000 010000f000000000 ${INPUT} ${ZERO}`,
  ],
  ["F_STREAM_DISABLED", { type: 6 }, `0600000008000000 ${ZERO} ${ZERO} ${ZERO}`],
  ["C_BAD_SUBSTREAMID has no SSV", { type: 8, pasid: 5 }, `0850000008000000 ${ZERO} ${ZERO} ${ZERO}`],
  ["C_BAD_SUBSTREAMID without one: CD 0 was meant", { type: 8 }, `0800000008000000 ${ZERO} ${ZERO} ${ZERO}`],
  ["F_CD_FETCH", { type: 9, pasid: 1 }, `0918000008000000 ${ZERO} ${ZERO} ${FETCH}`],
  ["C_BAD_CD", { type: 10 }, `0a00000008000000 ${ZERO} ${ZERO} ${ZERO}`],
  [
    "F_WALK_EABT of stage 1",
    { type: 11, class: "TT" },
    `0b00000008000000 0000000008010000 ${INPUT} ${FETCH}`,
  ],
  [
    "F_WALK_EABT of stage 2 for a CD",
    { type: 11, class: "CD", stage2: true, write: true },
    `0b00000008000000 0000000080000000 ${INPUT} ${FETCH}`,
  ],
  ["F_TRANSLATION of stage 1: no IPA", {}, `1000000008000000 0000000008020000 ${INPUT} ${ZERO}`],
  ["F_TRANSLATION of stage 2", { stage2: true }, `1000000008000000 0000000088020000 ${INPUT} ${IPA}`],
  [
    "F_ADDR_SIZE, privileged instruction fetch with SubstreamID 0xfffff",
    { type: 0x11, execute: true, privileged: true, pasid: 0xfffff },
    `11f8ffff08000000 000000000e020000 ${INPUT} ${ZERO}`,
  ],
  [
    "F_ACCESS of a write: never an instruction",
    { type: 0x12, write: true, execute: true },
    `1200000008000000 0000000000020000 ${INPUT} ${ZERO}`,
  ],
  [
    "F_PERMISSION on reading a stage 1 descriptor",
    { type: 0x13, stage2: true, class: "TT", write: true },
    `1300000008000000 0000000080110000 ${INPUT} ${IPA}`,
  ],
  [
    "F_PERMISSION on updating a stage 1 descriptor",
    { type: 0x13, stage2: true, class: "TT", tableWrite: true },
    `1300000008000000 0000000088010000 ${INPUT} ${IPA}`,
  ],
  [
    "F_PERMISSION on a CD: TTRnW stays 0",
    { type: 0x13, stage2: true, class: "CD" },
    `1300000008000000 0000000088000000 ${INPUT} ${IPA}`,
  ],
];

describe("encodeEvent", () => {
  for (const [title, change, expected] of CASES) {
    const record = expected.replaceAll(" ", "");
    it(title, () => expect(hex(encodeEvent({ ...plain, ...change }))).toBe(record));
  }

  it("refuses events that are not modelled", () => {
    for (const type of [0, 0x24, 0x30, 0xe0]) {
      expect(() => encodeEvent({ ...plain, type })).toThrow(RangeError);
    }
  });
});

describe("decodeEvent", () => {
  for (const [title, change, expected] of CASES) {
    const record = expected.replaceAll(" ", "");
    it(`${title}: gives back what the record says`, () => {
      const event = decodeEvent(bytes(record));
      expect(event.name).toBe(eventName(event.type));
      expect(hex(encodeEvent({ ...plain, ipa: 0n, fetchAddress: 0n, ...event }))).toBe(record);
      if (change.pasid !== undefined) expect(event.pasid).toBe(change.pasid);
    });
  }

  it("names every field of a stage 2 permission fault", () => {
    const record = `130000002b000000 0000000088110000 585b33a4c78100de 00707a3d01000000`;
    expect(decodeEvent(bytes(record))).toEqual({
      type: 0x13,
      name: "F_PERMISSION",
      stream: 0x2b,
      write: false,
      execute: false,
      privileged: false,
      stage2: true,
      class: "TT",
      tableWrite: false,
      iova: 0xde0081c7a4335b58n,
      ipa: 0x13d7a7000n,
    });
  });

  it("leaves reserved encodings and unknown events as values", () => {
    const reservedClass = decodeEvent(bytes(`1000000008000000 0000000008030000 ${INPUT} ${ZERO}`));
    expect(reservedClass.class).toBeUndefined();
    expect(decodeEvent(bytes(`e100000008000000 ${ZERO} ${ZERO} ${ZERO}`))).toEqual({
      type: 0xe1,
      name: "EVENT_0xe1",
      stream: 8,
    });
    expect(decodeEvent(bytes(`2400000008000000 ${ZERO} ${ZERO} ${ZERO}`)).name).toBe("E_PAGE_REQUEST");
  });

  it("refuses other lengths", () => {
    expect(() => decodeEvent(new Uint8Array(16))).toThrow(/"record" expected 32 bytes, got 16/);
  });
});
