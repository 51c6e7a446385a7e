// Page requests of a device and their answers: rules 8, 25 and 33. Golden bytes are those of the host-face vectors.

import { describe, expect, it } from "vitest";
import type { PageRequest } from "../../src/contract/machine.js";
import { hex, patched, shown } from "./bytes.js";
import { entry } from "./fault-region.js";
import { VTD_SUPPORTS } from "./recording-driver.js";
import { EFAULT, EINVAL, expectRefused, type Rig, refusalOf, rig } from "./rig.js";

const REQUEST: PageRequest = { stream: 8, pasid: 5, group: 3, address: 0x5000n, read: true, last: true };

// 0 version, 4 flags, 8 pasid, 12 grpid, 16 code
const RESPONSE = hex("01000000 01000000 05000000 03000000 00000000");

const request = ({ device }: Rig, fields: Partial<PageRequest> = {}): boolean =>
  device.faults.pageRequest({ ...REQUEST, ...fields });
const respond = ({ device }: Rig, bytes: Uint8Array): void => device.faults.respond(bytes);

const ENTRIES: [title: string, fields: Partial<PageRequest>, entry: string][] = [
  ["the last of its group", {}, "0200000000000000 03000000 05000000 03000000 01000000 0050000000000000"],
  [
    "one of several",
    { group: 7, pasid: 6, address: 0x1000n, last: false },
    "0200000000000000 01000000 06000000 07000000 01000000 0010000000000000",
  ],
  [
    "one without a PASID",
    { group: 5, pasid: undefined, address: 0xa000n, write: true },
    "0200000000000000 02000000 00000000 05000000 03000000 00a0000000000000",
  ],
  [
    "a privileged one to write and execute, not at a page",
    {
      group: 511,
      read: false,
      write: true,
      execute: true,
      privileged: true,
      address: 0xffff_8000_1234_5fffn,
    },
    "0200000000000000 03000000 05000000 ff010000 0e000000 005034120080ffff",
  ],
];

describe("a page request in the ring", () => {
  it.each(ENTRIES)("%s (rule 33)", (_, fields, bytes) => {
    const r = rig();
    expect(request(r, fields)).toBe(true);
    expect(entry(r, 0)).toBe(shown(hex(bytes + "00".repeat(32))));
    expect(r.device.signals).toBe(1);
    expect(r.driver.responses).toEqual([]);
  });
});

describe("a response", () => {
  it.each([
    ["00000000", "success"],
    ["01000000", "invalid"],
    ["02000000", "failure"],
  ])("of code %s answers the endpoint with %s, once (rule 8)", (code, answer) => {
    const r = rig();
    request(r);
    respond(r, patched(RESPONSE, 16, code));
    expect(r.driver.responses).toEqual([{ stream: 8, pasid: 5, group: 3, code: answer }]);
    expectRefused(r, EINVAL, () => respond(r, RESPONSE));
  });

  const REFUSED: [title: string, at: number, bytes: string][] = [
    ["version 0", 0, "00"],
    ["version 2", 0, "02"],
    ["flag 2 without PASID_VALID", 4, "02"],
    ["an unknown flag beside PASID_VALID", 4, "03"],
    ["no PASID_VALID although the request had a PASID", 4, "00"],
    ["another PASID", 8, "06"],
    ["another grpid", 12, "08"],
    ["a grpid above 511", 12, "03020000"],
    ["grpid 2^31", 12, "03000080"],
    ["code 3", 16, "03"],
    ["code 0xf", 16, "0f"],
  ];

  it.each(REFUSED)(
    "with %s is refused with -EINVAL, and the request stays pending (rules 8, 33)",
    (_, at, bytes) => {
      const r = rig();
      request(r);
      expectRefused(r, EINVAL, () => respond(r, patched(RESPONSE, at, bytes)));
      respond(r, RESPONSE);
    },
  );

  it("with a grpid above 511 does not stand for a group of another PASID", () => {
    const r = rig();
    request(r);
    expectRefused(r, EINVAL, () => respond(r, patched(RESPONSE, 8, "04000000 03020000")));
  });

  it("that is cut short is refused with -EFAULT (rule 17)", () => {
    const r = rig();
    request(r);
    expectRefused(r, EFAULT, () => respond(r, RESPONSE.subarray(0, 19)));
  });

  it("without anything pending is refused with -EINVAL", () => {
    const r = rig();
    expectRefused(r, EINVAL, () => respond(r, RESPONSE));
    expectRefused(r, EINVAL, () => respond(r, hex("01000000 00000000 00000000 00000000 00000000")));
  });

  it("to a group whose LAST_PAGE has not come is refused with -EINVAL (rule 8)", () => {
    const r = rig();
    request(r, { last: false });
    expectRefused(r, EINVAL, () => respond(r, RESPONSE));
    request(r);
    respond(r, RESPONSE);
    expect(r.driver.responses.length).toBe(1);
  });

  it("to a request without a PASID carries none, whatever its pasid field says", () => {
    const r = rig();
    request(r, { pasid: undefined });
    expectRefused(r, EINVAL, () => respond(r, patched(RESPONSE, 8, "00")));
    respond(r, patched(RESPONSE, 4, "00"));
    expect(r.driver.responses).toEqual([{ stream: 8, group: 3, code: "success" }]);
  });

  it("finds its group out of order, and the same index under another PASID", () => {
    const r = rig();
    request(r, { group: 1 });
    request(r, { group: 2 });
    request(r, { group: 1, pasid: 6 });
    const answered = (pasid: string, grpid: string): void =>
      respond(r, patched(patched(RESPONSE, 8, pasid), 12, grpid));
    answered("06", "01");
    answered("05", "02");
    answered("05", "01");
    expect(r.driver.responses.map(({ pasid, group }) => [pasid, group])).toEqual([
      [6, 1],
      [5, 2],
      [5, 1],
    ]);
  });

  it("answers equal requests one by one", () => {
    const r = rig();
    request(r);
    request(r);
    respond(r, RESPONSE);
    respond(r, RESPONSE);
    expect(r.driver.responses.length).toBe(2);
    expectRefused(r, EINVAL, () => respond(r, RESPONSE));
  });

  it("goes to the device that it is given on", () => {
    const r = rig({ endpoints: [{}, { name: "dev1", stream: 16 }] });
    const other: Rig = { ...r, device: r.devices[1]! };
    request(r);
    request(other, { stream: 16 });
    respond(other, RESPONSE);
    expect(r.driver.responses).toEqual([{ stream: 16, pasid: 5, group: 3, code: "success" }]);
    expectRefused(other, EINVAL, () => respond(other, RESPONSE));
    respond(r, RESPONSE);
  });

  it("may come from inside the signal", () => {
    const r = rig();
    r.device.onSignal = () => respond(r, RESPONSE);
    expect(request(r)).toBe(true);
    expect(r.driver.responses.length).toBe(1);
  });
});

describe("a guest's PASID", () => {
  const BIND = hex(
    "01000000 01000000 0100000000000000 0010000001000000 2000000000000000 0500000000000000" +
      `30000000 ${"00".repeat(28)}`,
  );

  it("is shown and answered under, the endpoint hears its own (rule 25)", () => {
    const r = rig({ supports: VTD_SUPPORTS });
    r.device.gpasids.bind(BIND, r.host.domain, true);
    request(r, { pasid: 0x20 });
    expect(entry(r, 0).slice(24, 32)).toBe("05000000");
    expectRefused(r, EINVAL, () => respond(r, patched(RESPONSE, 8, "20")));
    respond(r, RESPONSE);
    expect(r.driver.responses).toEqual([{ stream: 8, pasid: 0x20, group: 3, code: "success" }]);
  });

  it("of two host PASIDs is answered in the order of their requests", () => {
    const r = rig({ supports: VTD_SUPPORTS });
    for (const hpasid of ["20", "21"]) r.device.gpasids.bind(patched(BIND, 24, hpasid), r.host.domain, true);
    request(r, { pasid: 0x21 });
    request(r, { pasid: 0x20 });
    respond(r, RESPONSE);
    respond(r, RESPONSE);
    expect(r.driver.responses.map(({ pasid }) => pasid)).toEqual([0x21, 0x20]);
  });

  it("answers also after it was unbound", () => {
    const r = rig({ supports: VTD_SUPPORTS });
    r.device.gpasids.bind(BIND, r.host.domain, true);
    request(r, { pasid: 0x20 });
    r.device.gpasids.unbind(BIND, r.host.domain);
    respond(r, RESPONSE);
    expect(r.driver.responses).toMatchObject([{ pasid: 0x20 }]);
  });
});

describe("a page request is not taken", () => {
  it("by a full ring: counted, without signal, nothing pending (rule 33)", () => {
    const r = rig();
    for (let i = 0; i < 511; i++) expect(request(r, { last: false })).toBe(true);
    expect(request(r)).toBe(false);
    expect(request(r, { last: false })).toBe(false);
    expect(r.device.signals).toBe(511);
    expect(r.device.faults.counters).toMatchObject({ pageRequestsDelivered: 511, pageRequestsDropped: 2 });
    expectRefused(r, EINVAL, () => respond(r, RESPONSE));
    r.device.faults.write(0, hex("64000000"));
    expect(request(r)).toBe(true);
    respond(r, RESPONSE);
  });

  it("when 65536 groups of the device are pending", () => {
    const r = rig();
    const consume = (): void => {
      const head = new Uint8Array(4);
      r.device.faults.read(16, head);
      r.device.faults.write(0, head);
    };
    for (let i = 0; i < 65536; i++) {
      if (i % 500 === 0) consume();
      expect(request(r, { pasid: i >> 9, group: i & 511 })).toBe(true);
    }
    consume();
    expect(request(r, { pasid: 0x1000 })).toBe(false);
    expect(request(r, { pasid: 0x1000, last: false })).toBe(true);
    respond(r, RESPONSE);
    expect(request(r, { pasid: 0x1000 })).toBe(true);
  });

  it("in linux-v10, which does not deliver them (rule 34)", () => {
    const r = rig({ profile: "linux-v10" });
    expect(request(r, { pasid: undefined })).toBe(false);
    expect(entry(r, 0)).toBe("00".repeat(64));
    expect(r.device.signals).toBe(0);
    expectRefused(r, EINVAL, () => respond(r, patched(RESPONSE, 4, "00")));
  });
});

describe("what is pending when the device leaves", () => {
  it("is answered invalid, once each", () => {
    const r = rig();
    request(r);
    request(r, { group: 4, pasid: undefined });
    r.host.detach(r.device);
    expect(r.driver.responses).toEqual([
      { stream: 8, pasid: 5, group: 3, code: "invalid" },
      { stream: 8, group: 4, code: "invalid" },
    ]);
    expect(refusalOf(() => respond(r, RESPONSE)).errno).toBe(EINVAL);
    r.device.faults.cancelPending();
    expect(r.driver.responses.length).toBe(2);
    expect(r.device.faults.counters).toMatchObject({ pageRequestsCancelled: 2, pageRequestsAnswered: 0 });
  });
});

it("the request stays taken when the signal throws, and the error passes through", () => {
  const r = rig();
  const boom = new Error("from the embedder");
  r.device.onSignal = () => {
    throw boom;
  };
  expect(() => request(r)).toThrow(boom);
  respond(r, RESPONSE);
  expect(r.driver.responses.length).toBe(1);
});
