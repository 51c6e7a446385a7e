// Page requests of endpoints by way of the PRI queue, answers by way of CMD_PRI_RESP, and device TLBs.
// Source of the bytes: Arm IHI 0070 G.b, 4.5 and chapter 8.

import { describe, expect, it } from "vitest";
import type { Invalidation } from "../../src/contract/driver.js";
import type { PageResponse } from "../../src/contract/machine.js";
import { buildFeatures, SMMUV3_PRESETS } from "../../src/smmuv3/features.js";
import { endpoint, Rig, RW } from "./rig.js";

const SYNC = [0x46n, 0n];

/** A driver with an endpoint that has ATS and PRI, and what the endpoint was answered. */
function pages() {
  const responses: PageResponse[] = [];
  const rig = new Rig({ machine: { onPageResponse: (response) => void responses.push(response) } });
  const device = endpoint(8, { ats: true, pri: true });
  rig.driver.probe(device);
  const domain = rig.driver.createDomain(true);
  domain.attach(device);
  rig.commands();
  return { rig, responses, device, domain };
}

describe("a page request", () => {
  it("is handed over as it came, but for the low bits of its address", () => {
    const { rig, responses } = pages();
    const { machine } = rig.driver;
    const address = 0xffff_8000_0000_7000n;
    machine.requestPage({
      stream: 8,
      pasid: 0xabcde,
      group: 511,
      address: address + 5n,
      read: true,
      last: false,
    });
    machine.requestPage({ stream: 8, group: 0, address, write: true, last: true });
    machine.requestPage({
      stream: 8,
      pasid: 1,
      group: 3,
      address,
      read: true,
      execute: true,
      privileged: true,
      last: true,
    });
    const none = { read: false, write: false, execute: false, privileged: false, last: false };
    expect(rig.requests).toEqual([
      { ...none, stream: 8, pasid: 0xabcde, group: 511, address, read: true },
      { ...none, stream: 8, group: 0, address, write: true, last: true },
      {
        ...none,
        stream: 8,
        pasid: 1,
        group: 3,
        address,
        read: true,
        execute: true,
        privileged: true,
        last: true,
      },
    ]);
    expect(responses).toEqual([]);
    expect(machine.read32(0x100cc)).toBe(machine.read32(0x100c8));
  });

  it.each([
    ["success", 2n],
    ["invalid", 1n],
    ["failure", 0n],
  ] as const)("is answered %s with Resp = %i (4.5.2)", (code, resp) => {
    const { rig, responses } = pages();
    rig.driver.respond({ stream: 8, pasid: 0x12345, group: 0x155, code });
    rig.driver.respond({ stream: 8, group: 1, code });
    expect(rig.commands()).toEqual([
      [0x41n | (1n << 11n) | (0x12345n << 12n) | (8n << 32n), 0x155n | (resp << 12n)],
      SYNC,
      [0x41n | (8n << 32n), 1n | (resp << 12n)],
      SYNC,
    ]);
    expect(responses).toEqual([
      { stream: 8, pasid: 0x12345, group: 0x155, code },
      { stream: 8, group: 1, code },
    ]);
  });

  it("that nobody takes is answered invalid when it is its group's last, else not at all", () => {
    const { rig, responses } = pages();
    const { machine } = rig.driver;
    rig.takesRequests = false;
    machine.requestPage({ stream: 8, pasid: 5, group: 7, address: 0n, read: true, last: false });
    expect(responses).toEqual([]);
    machine.requestPage({ stream: 8, pasid: 5, group: 7, address: 0n, read: true, last: true });
    machine.requestPage({ stream: 8, group: 9, address: 0n, read: true, last: true });
    expect(responses).toEqual([
      { stream: 8, pasid: 5, group: 7, code: "invalid" },
      { stream: 8, group: 9, code: "invalid" },
    ]);
  });

  it("is no Stop marker: that is neither handed over nor answered (chapter 8)", () => {
    const { rig, responses } = pages();
    rig.takesRequests = false;
    rig.driver.machine.requestPage({ stream: 8, pasid: 5, group: 7, address: 0n, last: true });
    expect([rig.requests, responses]).toEqual([[], []]);
  });

  it("never meets a full queue", () => {
    const { rig, responses } = pages();
    const { machine } = rig.driver;
    for (let group = 0; group < 512; group++) {
      expect(machine.requestPage({ stream: 8, group, address: 0n, read: true, last: true })).toBe("queued");
    }
    expect([rig.requests.length, responses.length, machine.read32(0x100c8) >>> 31]).toEqual([512, 0, 0]);
  });

  it("may come while another one is answered", () => {
    const responses: PageResponse[] = [];
    const rig: Rig = new Rig({
      machine: {
        onPageResponse(response) {
          responses.push(response);
          if (responses.length < 2000) ask(responses.length % 512);
        },
      },
    });
    const ask = (group: number) =>
      rig.driver.machine.requestPage({ stream: 8, group, address: 0n, read: true, last: true });
    rig.takesRequests = false;
    ask(0);
    expect(responses.map(({ group }) => group)).toEqual(Array.from({ length: 2000 }, (_, n) => n % 512));
    expect(rig.requests).toHaveLength(2000);
  });

  it("whose answer the endpoint does not bear is answered all the same, and the driver goes on", () => {
    let answers = 0;
    const rig = new Rig({
      machine: {
        onPageResponse() {
          if (++answers === 1) throw new Error("mine");
        },
      },
    });
    const [device] = rig.probe(8);
    expect(() => rig.driver.respond({ stream: 8, group: 0, code: "success" })).toThrow("mine");
    const domain = rig.driver.createDomain(true);
    domain.attach(device!);
    domain.map(0n, 0x1000n, 0x1000n, RW);
    expect(rig.dma(8, 0n)).toBe(0x1000n);
    rig.driver.respond({ stream: 8, group: 0, code: "success" });
    expect(answers).toBe(2);
    expect(rig.driver.machine.read32(0x9c)).toBe(rig.driver.machine.read32(0x98));
  });

  it("may come from inside a fault report, and a fault from inside a request", () => {
    const { rig } = pages();
    const { driver } = rig;
    const seen: string[] = [];
    driver.listen({
      fault(report) {
        seen.push(report.name);
        driver.machine.requestPage({
          stream: 8,
          group: 1,
          address: report.address ?? 0n,
          read: true,
          last: true,
        });
      },
      pageRequest(request) {
        seen.push(`page 0x${request.address.toString(16)}`);
        if (request.address < 0x4000n)
          driver.machine.translate({ stream: 8, iova: request.address + 0x1000n });
        return true;
      },
    });
    driver.machine.translate({ stream: 8, iova: 0x2000n });
    expect(seen).toEqual([
      "F_TRANSLATION",
      "page 0x2000",
      "F_TRANSLATION",
      "page 0x3000",
      "F_TRANSLATION",
      "page 0x4000",
    ]);
  });

  it("cannot be answered on a machine without PRI", () => {
    const features = buildFeatures({ pri: false }, SMMUV3_PRESETS.host);
    const { driver } = new Rig({ machine: { features } });
    expect(() => driver.respond({ stream: 8, group: 0, code: "success" })).toThrow(RangeError);
  });
});

describe("an endpoint with ATS", () => {
  const inv = (low: bigint, high: bigint) => [0x40n | (8n << 32n) | low, high];
  const untagged = inv(0n, 52n);
  const anyPasid = inv((1n << 9n) | (1n << 11n), 52n);
  const everything = [untagged, anyPasid, SYNC];

  it("has EATS = 1 in its entry, others 0 (5.2)", () => {
    const { rig, domain } = pages();
    expect((rig.ste(8)[1]! >> 28n) & 3n).toBe(1n);
    domain.setPasidTable({ base: 0n, pasidBits: 4, s1fmt: 0, s1dss: 0 });
    expect((rig.ste(8)[1]! >> 28n) & 3n).toBe(1n);
    const [other] = rig.probe(9);
    domain.attach(other!);
    expect((rig.ste(9)[1]! >> 28n) & 3n).toBe(0n);
    const features = buildFeatures({ ats: false, pri: false }, SMMUV3_PRESETS.host);
    const plain = new Rig({ machine: { features } });
    plain.driver.probe(endpoint(8, { ats: true }));
    const without = plain.driver.createDomain(true);
    without.attach(endpoint(8, { ats: true }));
    expect((plain.ste(8)[1]! >> 28n) & 3n).toBe(0n);
    plain.commands();
    without.map(0n, 0n, 0x1000n, RW);
    without.unmap(0n, 0x1000n);
    expect(plain.commands()).toHaveLength(2);
  });

  it("loses its translations after the SMMU has: unmap, rebinding, detach (4.5.1)", () => {
    const { rig, domain, device } = pages();
    domain.map(0x7000n, 0x1000n, 0x1000n, RW);
    domain.unmap(0x7000n, 0x1000n);
    expect(rig.commands()).toEqual([[0x2an | (1n << 32n), 0x7000n], SYNC, ...everything]);
    domain.setPasidTable("abort");
    expect(rig.commands().slice(-3)).toEqual(everything);
    domain.setPasidTable("bypass");
    rig.commands();
    domain.detach(device);
    expect(rig.commands().slice(-3)).toEqual(everything);
  });

  it("without PASIDs needs one command", () => {
    const { rig } = pages();
    const device = endpoint(9, { ats: true, pasidBits: 0 });
    rig.driver.probe(device);
    const domain = rig.driver.createDomain(true);
    domain.attach(device);
    rig.commands();
    domain.detach(device);
    expect(rig.commands().slice(-2)).toEqual([[0x40n | (9n << 32n), 52n], SYNC]);
  });

  const nothing: Invalidation = {
    iotlb: false,
    deviceTlb: true,
    pasidCache: false,
    granularity: "domain",
    leaf: false,
    address: 0n,
    size: 0n,
  };
  const ssid = (pasid: bigint) => (1n << 11n) | (pasid << 12n);

  it.each<[string, Partial<Invalidation>, unknown[]]>([
    ["domain", {}, [untagged, anyPasid]],
    ["PASID", { granularity: "pasid", pasid: 5 }, [inv(ssid(5n), 52n)]],
    [
      "PASID 0, which may be that of requests without one",
      { granularity: "pasid", pasid: 0 },
      [untagged, inv(ssid(0n), 52n)],
    ],
    ["ASID alone", { granularity: "pasid", archid: 5 }, [untagged, anyPasid]],
    ["page", { granularity: "address", pasid: 5, address: 0x7123n, size: 1n }, [inv(ssid(5n), 0x7000n)]],
    [
      "range, by the aligned power of two around it",
      { granularity: "address", pasid: 5, address: 0x7000n, size: 0x2000n },
      [inv(ssid(5n), 4n)],
    ],
    [
      "aligned range of all PASIDs",
      { granularity: "address", address: 0x20_0000n, size: 0x20_0000n },
      [inv(0n, 0x20_0000n | 9n), inv((1n << 9n) | (1n << 11n), 0x20_0000n | 9n)],
    ],
    [
      "all addresses",
      { granularity: "address", pasid: 5, address: 0n, size: 1n << 64n },
      [inv(ssid(5n), 52n)],
    ],
  ])("is asked to invalidate by %s", (_what, request, commands) => {
    const { rig, domain } = pages();
    domain.invalidate({ ...nothing, ...request });
    expect(rig.commands()).toEqual([...commands, SYNC]);
  });

  it("is not asked about PASIDs that it cannot have", () => {
    const { rig, domain } = pages();
    domain.invalidate({ ...nothing, granularity: "pasid", pasid: 2 ** 20 });
    expect(rig.commands()).toEqual([]);
  });
});
