// What a device TLB keeps, asks for and forgets (PCIe ATS as IHI 0070 3.9.1, 4.5.1, 13.7 and VT-d Rev 5.10 4.1, 4.2 describe
// it), over an IOMMU that does as the test says.

import { describe, expect, it } from "vitest";
import type { DeviceTlb, DeviceTlbOptions, PageRequest } from "../../src/index.js";
import { IOVA, PA, rig } from "./device-tlb-rig.js";
import { ABORTED, DENIED, granted, UNSUPPORTED } from "./fake-iommu.js";

describe("an access", () => {
  it("is a translation request and a translated access; then a hit and a translated access", () => {
    const { iommu, tlb } = rig();
    iommu.complete = () => granted("r", 0x9_0000n);
    const ok = { ok: true, status: "ok", pa: PA };
    expect(tlb.translate({ iova: IOVA })).toEqual({ ...ok, source: "translation-request" });
    expect(tlb.translate({ iova: IOVA })).toEqual({ ...ok, source: "device-tlb" });
    const flags = { write: false, execute: false, privileged: false };
    expect(iommu.requests).toEqual([{ stream: 8, iova: IOVA, ...flags }]);
    const access = { stream: 8, iova: PA, write: false, translated: true };
    expect(iommu.accesses).toEqual([access, access]);
    expect(tlb.counters()).toMatchObject({ accesses: 2, hits: 1, translationRequests: 1, granted: 1 });
  });

  it("for a write asks anew when only reads are held, and gets what there is", () => {
    const { iommu, tlb } = rig();
    iommu.complete = ({ write }) => granted(write ? "rw" : "r", 0x9_0000n);
    expect(tlb.translate({ iova: IOVA }).source).toBe("translation-request");
    expect(tlb.translate({ iova: IOVA, write: true }).source).toBe("translation-request");
    // What came stands for reads, too.
    expect(tlb.translate({ iova: IOVA }).source).toBe("device-tlb");
    expect(tlb.translate({ iova: IOVA, write: true }).source).toBe("device-tlb");
    expect(iommu.requests.map(({ write }) => write)).toEqual([false, true]);
  });

  it("for a write to a page that is read-only is denied, each time by the IOMMU; reads go on", () => {
    const { iommu, tlb } = rig();
    iommu.complete = () => granted("r", 0x9_0000n);
    for (const requests of [1, 2]) {
      expect(tlb.translate({ iova: IOVA, write: true })).toEqual({
        ok: false,
        status: "denied",
        source: "translation-request",
        pa: 0n,
      });
      expect(iommu.requests).toHaveLength(requests);
    }
    expect(tlb.translate({ iova: IOVA }).source).toBe("device-tlb");
    expect(iommu.accesses).toHaveLength(1);
  });

  it("for a fetch needs the right to execute, which comes with a PASID only", () => {
    const { iommu, tlb } = rig();
    iommu.complete = ({ execute }) => granted(execute ? "rx" : "r", 0x9_0000n);
    tlb.translate({ iova: IOVA, pasid: 1 });
    expect(tlb.translate({ iova: IOVA, pasid: 1, execute: true }).source).toBe("translation-request");
    expect(tlb.translate({ iova: IOVA, pasid: 1, execute: true }).source).toBe("device-tlb");
    expect(tlb.translate({ iova: IOVA, execute: true, privileged: true }).ok).toBe(true);
    expect(iommu.requests.at(-1)).toMatchObject({ execute: false, privileged: false });
    // A write is data.
    iommu.complete = () => granted("w", 0x9_0000n);
    expect(tlb.translate({ iova: IOVA, pasid: 2, execute: true, write: true }).ok).toBe(true);
    expect(iommu.requests.at(-1)).toMatchObject({ execute: false, write: true });
  });

  it("by PASID and mode has translations of its own", () => {
    const { iommu, tlb } = rig();
    const kinds = [{}, { pasid: 0 }, { pasid: 1 }, { pasid: 1, privileged: true }, { pasid: 0xfffff }];
    for (const kind of kinds)
      expect(tlb.translate({ iova: IOVA, ...kind }).source).toBe("translation-request");
    for (const kind of kinds) expect(tlb.translate({ iova: IOVA, ...kind }).source).toBe("device-tlb");
    expect(iommu.requests.map(({ pasid, privileged }) => [pasid, privileged])).toEqual([
      [undefined, false],
      [0, false],
      [1, false],
      [1, true],
      [0xfffff, false],
    ]);
    // A translated address is of no PASID.
    for (const access of iommu.accesses)
      expect(access).toEqual({ stream: 8, iova: PA, write: false, translated: true });
  });

  it("keeps nothing of Success without rights: it asks each time", () => {
    const { iommu, tlb } = rig();
    iommu.complete = () => DENIED;
    for (let n = 1; n <= 3; n++) {
      expect(tlb.translate({ iova: IOVA }).status).toBe("denied");
      expect(iommu.requests).toHaveLength(n);
    }
    expect(tlb.counters()).toMatchObject({ denied: 3, hits: 0 });
    expect(iommu.accesses).toEqual([]);
  });

  it("goes untranslated on Unsupported Request, and the next one asks again", () => {
    const { iommu, tlb } = rig();
    iommu.complete = () => UNSUPPORTED;
    for (const untranslated of [1, 2]) {
      expect(tlb.translate({ iova: IOVA })).toMatchObject({ ok: true, source: "untranslated", pa: IOVA });
      expect(tlb.counters()).toMatchObject({ untranslated, unsupported: untranslated });
    }
    expect(iommu.accesses[0]).toEqual({
      stream: 8,
      iova: IOVA,
      write: false,
      execute: false,
      privileged: false,
    });
    tlb.translate({ iova: IOVA, pasid: 5, execute: true, privileged: true });
    expect(iommu.accesses[2]).toMatchObject({ pasid: 5, execute: true, privileged: true });
  });

  it("fails on Completer Abort, with nothing sent", () => {
    const { iommu, tlb } = rig();
    iommu.complete = () => ABORTED;
    expect(tlb.translate({ iova: IOVA })).toMatchObject({ ok: false, status: "aborted", pa: 0n });
    expect(iommu.accesses).toEqual([]);
  });

  it("to a page with U = 1 goes untranslated, which is kept", () => {
    const { iommu, tlb } = rig();
    iommu.complete = () => granted("rwU", 0x9_0000n);
    for (let n = 0; n < 3; n++) {
      expect(tlb.translate({ iova: IOVA, write: true })).toMatchObject({
        ok: true,
        source: "untranslated",
        pa: IOVA,
      });
    }
    expect(iommu.requests).toHaveLength(1);
    expect(tlb.counters()).toMatchObject({ hits: 2, untranslated: 3 });
  });

  it("that the IOMMU stops tells why", () => {
    const { iommu, tlb } = rig();
    const fault = { name: "F_TRANSL_FORBIDDEN", recorded: true };
    iommu.access = () => ({ ok: false, pa: 0n, fault });
    const answer = { ok: false, status: "failed", pa: 0n, fault };
    expect(tlb.translate({ iova: IOVA })).toEqual({ ...answer, source: "translation-request" });
    expect(tlb.translate({ iova: IOVA })).toEqual({ ...answer, source: "device-tlb" });
  });

  it("is refused with the name of the field when it is none", () => {
    const { tlb } = rig({ pasidBits: 8 });
    expect(() => tlb.translate({ iova: 5 as unknown as bigint })).toThrow(
      /"iova" expected bigint, got number/,
    );
    expect(() => tlb.translate({ iova: 2n ** 64n })).toThrow(/"iova" expected 0\.\.2\^64-1/);
    expect(() => tlb.translate({ iova: 0n, pasid: 256 })).toThrow(/"pasid" expected 0\.\.255, got 256/);
  });
});

describe("geometry", () => {
  const touch = (tlb: DeviceTlb, n: number) =>
    tlb.translate({ iova: BigInt(n) * 0x1000n }).source === "device-tlb";

  it("two sets of two ways: pages of one set displace each other alone", () => {
    const { tlb } = rig({ entries: 4, ways: 2, policy: "fifo" });
    for (const n of [0, 2, 1, 3]) expect(touch(tlb, n)).toBe(false);
    for (const n of [0, 1, 2, 3]) expect(touch(tlb, n)).toBe(true);
    expect(touch(tlb, 4)).toBe(false);
    expect([0, 1, 3, 4].map((n) => touch(tlb, n))).toEqual([false, true, true, true]);
    expect(tlb.counters().evictedEntries).toBe(2);
  });

  it.each([
    // 0 1 2, 0 used again, 3 comes: what goes?
    ["fifo", [false, true, true, true]],
    ["lru", [true, false, true, true]],
  ] as const)("%s", (policy, held) => {
    const { tlb } = rig({ entries: 3, ways: 3, policy });
    for (const n of [0, 1, 2, 0, 3]) touch(tlb, n);
    // Asked in an order in which nothing that is held goes.
    const order = policy === "fifo" ? [1, 2, 3, 0] : [0, 2, 3, 1];
    const found = new Map(order.map((n) => [n, touch(tlb, n)]));
    expect([0, 1, 2, 3].map((n) => found.get(n))).toEqual(held);
  });

  it.each<[Partial<DeviceTlbOptions>, RegExp]>([
    [{ entries: 0 }, /"entries" expected 1\.\.65536, got 0/],
    [{ entries: 1.5 }, /"entries" expected an integer, got 1\.5/],
    [{ entries: 10, ways: 4 }, /"entries" expected a multiple of "ways" 4, got 10/],
    [{ ways: 65 }, /"ways" expected 1\.\.64, got 65/],
    [{ policy: "plru" as "lru" }, /"policy" expected "fifo" or "lru", got plru/],
    [{ pageSizes: [11] }, /"pageSizes" expected 12\.\.64, got 11/],
    [{ pasidBits: 21 }, /"pasidBits" expected 0\.\.20, got 21/],
    [{ stream: -1 }, /"stream" expected 0\.\.4294967295, got -1/],
    [{ batchCapacity: 0 }, /"batchCapacity" expected 1\.\.1048576, got 0/],
  ])("refuses %j", (options, message) => {
    expect(() => rig(options)).toThrow(message);
  });
});

describe("page requests", () => {
  it("go out for what is not there; once the page has come the access goes on", () => {
    const asked: PageRequest[] = [];
    const { iommu, tlb } = rig({
      pri: (request) => {
        asked.push(request);
        iommu.complete = () => granted("rw", 0x9_0000n);
        return true;
      },
    });
    iommu.complete = () => DENIED;
    const answer = tlb.translate({ iova: IOVA, write: true, pasid: 3, privileged: true });
    expect(answer).toMatchObject({ ok: true, source: "translation-request", pa: PA });
    expect(asked).toEqual([
      {
        stream: 8,
        pasid: 3,
        group: 0,
        address: 0x5000n,
        read: false,
        write: true,
        execute: false,
        privileged: true,
        last: true,
      },
    ]);
    expect(tlb.counters()).toMatchObject({ pageRequests: 1, translationRequests: 2, denied: 1, granted: 1 });
  });

  it("without an answer, or with one that brings nothing, the access is denied: no second request", () => {
    for (const comes of [true, false]) {
      const groups: number[] = [];
      const { iommu, tlb } = rig({ pri: ({ group }) => groups.push(group) > 0 && comes });
      iommu.complete = () => DENIED;
      for (let n = 0; n < 514; n++) expect(tlb.translate({ iova: IOVA }).status).toBe("denied");
      // Group indices go round.
      expect([groups[0], groups[511], groups[512]]).toEqual([0, 511, 0]);
      expect(tlb.counters()).toMatchObject({ pageRequests: 514, translationRequests: comes ? 1028 : 514 });
    }
  });

  it("do not go out for errors of the IOMMU", () => {
    const { iommu, tlb } = rig({ pri: () => expect.unreachable() });
    for (const completion of [UNSUPPORTED, ABORTED]) {
      iommu.complete = () => completion;
      tlb.translate({ iova: IOVA });
    }
    expect(tlb.counters().pageRequests).toBe(0);
  });
});
