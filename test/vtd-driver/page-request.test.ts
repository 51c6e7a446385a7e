// Page requests of endpoints by way of the page request queue, answers by way of page group responses.
// Source: Intel VT-d Rev 5.10, 7.4 to 7.6; host rule 33.

import { describe, expect, it } from "vitest";
import type { PageRequest, PageResponse } from "../../src/contract/machine.js";
import { bindingOf, Guest } from "./guest.js";
import { endpoint, Rig, RW } from "./rig.js";

const PQH = 0xc0;
const PQT = 0xc8;
const PRS = 0xdc;

/** A driver with an endpoint that has ATS and PRI, PASID 5 bound, and what the endpoint was answered. */
function pages() {
  const responses: PageResponse[] = [];
  const rig = new Rig({ machine: { onPageResponse: (response) => void responses.push(response) } });
  const device = endpoint(8, { ats: true, pri: true });
  rig.driver.probe(device);
  const domain = rig.driver.createDomain(true);
  domain.attach(device);
  domain.map(0n, 0x8000_0000n, 0x1000_0000n, RW);
  const vm = new Guest(rig.driver);
  const table = vm.table();
  domain.bindGpasid(device, bindingOf(5, table));
  const ask = (request: Partial<PageRequest>) =>
    rig.driver.machine.requestPage({
      stream: 8,
      pasid: 5,
      group: 3,
      address: 0x7000n,
      read: true,
      last: true,
      ...request,
    });
  return { rig, responses, device, domain, table, ask };
}

describe("a page request", () => {
  it("is handed over as it came, but for the low bits of its address", () => {
    const { rig, responses, ask } = pages();
    const address = 0xffff_8000_0000_7000n;
    expect(ask({ group: 511, address: address + 5n, last: false })).toBe("queued");
    ask({ group: 0, address, read: false, write: true });
    ask({ address, execute: true, privileged: true });
    const none = {
      stream: 8,
      pasid: 5,
      read: true,
      write: false,
      execute: false,
      privileged: false,
      address,
    };
    expect(rig.requests).toEqual([
      { ...none, group: 511, last: false },
      { ...none, group: 0, read: false, write: true, last: true },
      { ...none, group: 3, execute: true, privileged: true, last: true },
    ]);
    expect(responses).toEqual([]);
    expect(rig.driver.machine.read64(PQH)).toBe(rig.driver.machine.read64(PQT));
    expect(rig.driver.machine.read32(PRS)).toBe(0);
  });

  it("that nobody takes is answered invalid when it is its group's last, else not at all", () => {
    const { rig, responses, ask } = pages();
    rig.takesRequests = false;
    ask({ last: false });
    expect(responses).toEqual([]);
    ask({});
    expect(responses).toEqual([{ stream: 8, pasid: 5, group: 3, code: "invalid" }]);
    expect(rig.requests).toHaveLength(2);
  });

  it.each([
    [{ pasid: 6 }, "not bound"],
    [{ pasid: 0xfffff }, "without a table"],
    [{ pasid: 0 }, "RID_PASID"],
    [{ stream: 9 }, "of an endpoint that nobody probed"],
  ] as [Partial<PageRequest>, string][])(
    "with %o (%s) is answered invalid, and nobody is asked (host rule 33)",
    (request) => {
      const { rig, responses, ask } = pages();
      ask(request);
      const { stream, pasid } = { stream: 8, pasid: 5, ...request };
      expect(responses).toEqual([{ stream, pasid, group: 3, code: "invalid" }]);
      ask({ ...request, last: false });
      expect(responses).toHaveLength(1);
      expect(rig.requests).toEqual([]);
      expect(rig.faults.every(({ reason }) => reason === undefined)).toBe(true);
    },
  );

  it("without a PASID is, too: the host has nothing to page in", () => {
    const { rig, responses } = pages();
    const request = { stream: 8, group: 7, address: 0n, read: true, last: true };
    expect(rig.driver.machine.requestPage(request)).toBe("queued");
    expect(responses).toEqual([{ stream: 8, group: 7, code: "invalid" }]);
    expect(rig.requests).toEqual([]);
  });

  it("of an endpoint that is detached, or whose PASID is unbound, is, too", () => {
    const { rig, responses, ask, domain, device, table } = pages();
    domain.unbindGpasid(device, 5);
    ask({});
    domain.bindGpasid(device, bindingOf(5, table));
    domain.detach(device);
    ask({});
    expect(responses.map(({ code }) => code)).toEqual(["invalid", "invalid"]);
    expect(rig.requests).toEqual([]);
    domain.attach(device);
    domain.bindGpasid(device, bindingOf(5, table));
    expect(ask({})).toBe("queued");
    expect(rig.requests).toHaveLength(1);
  });

  it("from an endpoint that may not send any is answered by the unit", () => {
    const { rig, responses, domain } = pages();
    const other = endpoint(9, { ats: true });
    rig.driver.probe(other);
    domain.attach(other);
    domain.bindGpasid(other, { hpasid: 5, gpgd: 0n, addressWidth: 48, flags: 0n, pat: 0, emt: 0 });
    rig.driver.machine.requestPage({ stream: 9, pasid: 5, group: 1, address: 0n, read: true, last: true });
    expect(responses).toEqual([{ stream: 9, pasid: 5, group: 1, code: "invalid" }]);
    expect(rig.faults.map(({ name, reason, perm }) => [name, reason, perm])).toEqual([
      ["CONTEXT_NO_PAGE_REQUEST", undefined, 0],
    ]);
  });

  it("that is a Stop marker is passed over", () => {
    const { rig, responses, ask } = pages();
    expect(ask({ read: false })).toBe("queued");
    expect([rig.requests, responses]).toEqual([[], []]);
    expect(rig.driver.machine.read64(PQH)).toBe(rig.driver.machine.read64(PQT));
  });

  it("finds room however many there were before it", () => {
    const { rig, ask } = pages();
    for (let n = 0; n < 1000; n++) expect(ask({ group: n % 512, last: false })).toBe("queued");
    expect(rig.requests).toHaveLength(1000);
    expect(rig.requests.every(({ group }, n) => group === n % 512)).toBe(true);
  });

  it("may come while another one is handed over, and be answered from inside", () => {
    const { rig, responses, ask } = pages();
    const order: number[] = [];
    rig.driver.listen({
      fault: () => {},
      pageRequest(request) {
        order.push(request.group);
        if (request.group < 300) ask({ group: request.group + 1 });
        rig.driver.respond({ stream: 8, pasid: 5, group: request.group, code: "success" });
        return true;
      },
    });
    ask({ group: 0 });
    expect(order).toEqual(Array.from({ length: 301 }, (_, n) => n));
    expect(responses.map(({ group }) => group)).toEqual(order.toReversed());
  });

  it("may come from inside an answer, with changes of the domain (the endpoint tries again)", () => {
    const responses: PageResponse[] = [];
    let again: (() => void) | undefined;
    const rig = new Rig({
      machine: {
        onPageResponse(response) {
          responses.push(response);
          again?.();
        },
      },
    });
    const device = endpoint(8, { ats: true, pri: true });
    rig.driver.probe(device);
    const domain = rig.driver.createDomain(true);
    domain.attach(device);
    domain.map(0n, 0x8000_0000n, 0x1000_0000n, RW);
    const table = new Guest(rig.driver).table();
    domain.bindGpasid(device, bindingOf(5, table));
    const ask = (group: number) =>
      rig.driver.machine.requestPage({
        stream: 8,
        pasid: 5,
        group,
        address: 0x7000n,
        read: true,
        last: true,
      });
    let pa: bigint | undefined;
    again = () => {
      again = undefined;
      pa = rig.driver.machine.translate({ stream: 8, pasid: 5, iova: 0x7000n }).pa;
      domain.unmap(0x3000n, 0x1000n);
      ask(2);
    };
    ask(1);
    table.map(0x7000n, 0x20_0000n, 0x1000n);
    rig.driver.respond({ stream: 8, pasid: 5, group: 1, code: "success" });
    expect(pa).toBe(0x8020_0000n);
    expect(rig.requests.map(({ group }) => group)).toEqual([1, 2]);
    expect(rig.dma(8, 0x3000n)).toBe("fault");
    rig.driver.respond({ stream: 8, pasid: 5, group: 2, code: "failure" });
    expect(responses.map(({ group, code }) => [group, code])).toEqual([
      [1, "success"],
      [2, "failure"],
    ]);
  });

  it("goes on after a listener that threw", () => {
    const { rig, ask } = pages();
    let calls = 0;
    rig.driver.listen({
      fault: () => {},
      pageRequest() {
        if (++calls === 1) throw new Error("mine");
        return true;
      },
    });
    expect(() => ask({})).toThrow("mine");
    for (let n = 0; n < 300; n++) ask({ group: n });
    expect(calls).toBe(301);
  });

  it("then map, then success, and the DMA goes through", () => {
    const { rig, responses, ask, table } = pages();
    expect(rig.dma(8, 0x7000n, { pasid: 5 })).toBe("fault");
    ask({});
    table.map(0x7000n, 0x20_0000n, 0x1000n);
    rig.driver.respond({ stream: 8, pasid: 5, group: 3, code: "success" });
    expect(responses).toEqual([{ stream: 8, pasid: 5, group: 3, code: "success" }]);
    expect(rig.dma(8, 0x7000n, { pasid: 5 })).toBe(0x8020_0000n);
  });
});
