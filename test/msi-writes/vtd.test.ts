// Interrupt messages of a VT-d unit's own events (Intel VT-d Rev 5.10, 3.14, 5.1.6, 6.5.2.9, 6.5.2.10, 7.3, 7.5, 11.4.7.2 to
// 11.4.7.5). Offsets: control, data, address, upper address of fault 0x38, invalidation 0xa0, page request 0xe0.

import { describe, expect, it } from "vitest";
import type { VtdMsi, VtdOptions } from "../../src/index.js";
import { entry, request, rigWithPages } from "../vtd/page-rig.js";
import { INTERRUPT, Queue, STATUS_AT, WAIT } from "../vtd/queue-rig.js";
import { IM, IP, REG, Rig, SID } from "../vtd/rig.js";

const APIC = 0xfee0_1000n;
const BELL = 0x5_0000n;

/** A list of messages and edges in order, and options that fill it. */
function recorder() {
  const log: string[] = [];
  const messages: VtdMsi[] = [];
  const options: VtdOptions = {
    onMsi: (msi) => {
      messages.push(msi);
      log.push(`msi ${msi.irq} ${msi.address.toString(16)} ${msi.data.toString(16)}`);
    },
    onIrq: (irq) => log.push(`irq ${irq}`),
  };
  return { log, messages, options };
}

/** Writes data, address and upper address beside a control register, and unmasks. */
function configure(rig: Rig, control: number, address: bigint, data: number): void {
  rig.vtd.write32(control + 4, data);
  rig.vtd.write64(control + 8, address);
  rig.vtd.write32(control, 0);
}

const fault = (rig: Rig): void => void rig.vtd.translate({ stream: SID, iova: 0x1000n });
const word = (rig: Rig, at: bigint): number => Number(rig.word(at) & 0xffff_ffffn);

describe("the message of", () => {
  it.each([APIC, 0xfeef_fffcn])(
    "a fault to 0x%i is an interrupt: the listener has it, memory stays as it is (3.14)",
    (to) => {
      const { log, options } = recorder();
      const rig = new Rig(options);
      configure(rig, REG.FECTL, to, 0x41);
      rig.enable();
      fault(rig);
      expect(log).toEqual([`msi fault ${to.toString(16)} 41`, "irq fault"]);
      expect(word(rig, to)).toBe(0);
    },
  );

  it.each([0xfedf_fffcn, 0xfef0_0000n, BELL, 0x1_fee0_0000n])(
    "a fault to 0x%i is 32 bits in memory",
    (to) => {
      const { messages, options } = recorder();
      const rig = new Rig(options);
      rig.vtd.memory.write(to - 4n, new Uint8Array(12).fill(0x55));
      configure(rig, REG.FECTL, to, 0x41);
      rig.enable();
      fault(rig);
      expect([to - 4n, to, to + 4n].map((at) => word(rig, at))).toEqual([0x5555_5555, 0x41, 0x5555_5555]);
      expect(messages).toEqual([{ irq: "fault", address: to, data: 0x41 }]);
    },
  );

  it("a fault to where no RAM is goes to the listener alone, and is no error", () => {
    const { log, options } = recorder();
    const rig = new Rig({ ...options, ram: [[0n, 0x40_0000n]] });
    configure(rig, REG.FECTL, 0x80_0000n, 0x41);
    rig.enable();
    fault(rig);
    expect(log).toEqual(["msi fault 800000 41", "irq fault"]);
    // PPF alone
    expect(rig.vtd.read32(REG.FSTS)).toBe(2);
  });

  it("a fault comes when record and FSTS can be read; address 0, as after a reset, is written nowhere", () => {
    const seen: unknown[] = [];
    const rig = new Rig({
      onMsi: ({ address }) =>
        seen.push(address, rig.vtd.read32(REG.FSTS), rig.vtd.read64(REG.FRCD + 8) >> 63n),
    });
    configure(rig, REG.FECTL, 0n, 0x41);
    rig.enable();
    fault(rig);
    expect(seen).toEqual([0n, 2, 1n]);
    expect(word(rig, 0n)).toBe(0);
  });

  it("a page request comes after its descriptor and PQT (7.5)", () => {
    const seen: unknown[] = [];
    const rig = rigWithPages({
      onMsi: ({ irq, address, data }: VtdMsi) =>
        seen.push(irq, address, data, rig.vtd.read32(REG.PQT), entry(rig, 0).slice(0, 2)),
    });
    configure(rig, REG.PECTL, APIC, 0x42);
    rig.vtd.requestPage(request());
    expect(seen).toEqual(["page-request", APIC, 0x42, 0x20, "01"]);
  });

  it("a wait with IF comes after the status write of the same descriptor (6.5.2.10)", () => {
    const seen: unknown[] = [];
    const queue: Queue = new Queue({
      onMsi: ({ irq, data }) => seen.push(irq, data, queue.status(), queue.state.head),
    }).start();
    configure(queue, REG.IECTL, APIC, 0x43);
    queue.submit(queue.wait(0x77, STATUS_AT, INTERRUPT));
    expect(seen).toEqual(["invalidation", 0x43, 0x77, 32]);
  });
});

describe("a masked message", () => {
  it("waits in IP, and is sent when IM is cleared, with what the registers say then (7.3)", () => {
    const { log, options } = recorder();
    const rig = new Rig(options);
    configure(rig, REG.FECTL, BELL, 0x41);
    rig.vtd.write32(REG.FECTL, IM);
    rig.enable();
    fault(rig);
    expect([log, word(rig, BELL), rig.vtd.read32(REG.FECTL)]).toEqual([[], 0, (IM | IP) >>> 0]);
    configure(rig, REG.FECTL, BELL + 8n, 0x44);
    expect([word(rig, BELL), word(rig, BELL + 8n)]).toEqual([0, 0x44]);
    expect(log).toEqual(["msi fault 50008 44", "irq fault"]);
    expect(rig.vtd.read32(REG.FECTL)).toBe(0);
  });

  it("is gone when software has served its condition first (6.5.2.10)", () => {
    const { log, options } = recorder();
    const queue = new Queue(options).start();
    queue.vtd.write64(REG.IEADDR, BELL);
    queue.submit([WAIT | INTERRUPT]);
    expect(queue.vtd.read32(REG.IECTL)).toBe((IM | IP) >>> 0);
    queue.vtd.write32(REG.ICS, 1);
    queue.vtd.write32(REG.IECTL, 0);
    expect([log, word(queue, BELL)]).toEqual([[], 0]);
  });

  it("is not sent again while a condition waits to be served (7.3)", () => {
    const { log, options } = recorder();
    const queue = new Queue(options).start();
    configure(queue, REG.IECTL, APIC, 1);
    queue.submit([WAIT | INTERRUPT], [WAIT | INTERRUPT]);
    expect(log).toEqual(["msi invalidation fee01000 1", "irq invalidation"]);
    queue.vtd.write32(REG.ICS, 1);
    queue.submit([WAIT | INTERRUPT]);
    expect(log.length).toBe(4);
  });
});

it("a listener that throws keeps onIrq, and the error goes on to the caller", () => {
  const { log, options } = recorder();
  const rig = new Rig({
    ...options,
    onMsi: () => {
      throw new Error("no such vector");
    },
  });
  configure(rig, REG.FECTL, APIC, 1);
  rig.enable();
  expect(() => fault(rig)).toThrow("no such vector");
  expect(log).toEqual(["irq fault"]);
});
