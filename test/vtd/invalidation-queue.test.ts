// The invalidation queue in memory (Intel VT-d Rev 5.10, 6.5.2, 6.5.2.9, 6.5.2.10, 11.4.9).

import { describe, expect, it } from "vitest";
import {
  BAD_TYPE,
  INTERRUPT,
  IOTLB_GLOBAL,
  Queue,
  RUNNING,
  STATUS,
  STATUS_AT,
  WAIT,
  WIDE,
} from "./queue-rig.js";
import {
  ABORT,
  descriptor,
  full,
  IM,
  INVALIDATIONS,
  IP,
  LEGACY,
  QIE,
  REG,
  ROOT,
  SCALABLE,
  SRTP,
} from "./rig.js";

describe("the invalidation queue", () => {
  it.each([
    ["32 bytes in scalable mode", SCALABLE, WIDE, 32],
    ["32 bytes in abort mode", ABORT, WIDE, 32],
    ["32 bytes in legacy mode", LEGACY, WIDE, 32],
    ["16 bytes in legacy mode", LEGACY, 0n, 16],
  ] as const)("consumes descriptors of %s up to the tail, in order", (_, mode, width, stride) => {
    const queue = new Queue().start({ mode, iqa: INVALIDATIONS | width });
    queue.submit([IOTLB_GLOBAL], queue.wait(0x1111), queue.wait(0x2222));
    expect(queue.state).toEqual({ head: 3 * stride, ...RUNNING });
    expect(queue.status()).toBe(0x2222);
    queue.submit(queue.wait(0x3333));
    expect([queue.state.head, queue.status()]).toEqual([4 * stride, 0x3333]);
  });

  it.each([
    [WIDE, 128],
    [WIDE | 1n, 256],
    [WIDE | 7n, 16384],
  ])("wraps at the end of 2^QS pages (IQA 0x%i)", (iqa, entries) => {
    const queue = new Queue().start({ iqa: INVALIDATIONS | iqa });
    const { vtd } = queue;
    // Nothing but waits without status: zeroed upper halves, type 5.
    for (let n = 0; n < entries; n++) vtd.memory.write(INVALIDATIONS + BigInt(32 * n), descriptor(WAIT));
    vtd.write64(REG.IQT, BigInt(32 * (entries - 1)));
    expect(queue.state).toEqual({ head: 32 * (entries - 1), ...RUNNING });
    vtd.write64(REG.IQT, 0x20n);
    expect(queue.state).toEqual({ head: 0x20, ...RUNNING });
  });

  it("waits for QIE, and begins at 0 again after it was off (11.4.9.1)", () => {
    const queue = new Queue();
    queue.vtd.write64(REG.IQA, INVALIDATIONS | WIDE);
    queue.vtd.write64(REG.RTADDR, ROOT | SCALABLE);
    queue.vtd.write32(REG.GCMD, SRTP);
    queue.submit(queue.wait(0x77));
    expect([queue.state.head, queue.status()]).toEqual([0, 0]);
    queue.vtd.write32(REG.GCMD, QIE);
    expect([queue.state.head, queue.status()]).toEqual([32, 0x77]);
    queue.vtd.write32(REG.GCMD, 0);
    expect(queue.state.head).toBe(0);
  });

  it("runs whether or not translation is enabled (6.5.2)", () => {
    const queue = new Queue().start();
    expect(queue.vtd.read32(REG.GSTS) >>> 31).toBe(0);
    queue.submit(queue.wait(1));
    expect(queue.status()).toBe(1);
  });

  it("leaves what is behind the tail alone", () => {
    const queue = new Queue().start();
    queue.vtd.memory.write(INVALIDATIONS + 32n, descriptor(BAD_TYPE));
    queue.submit(queue.wait(5));
    expect(queue.state).toEqual({ head: 32, ...RUNNING });
  });
});

describe("wait descriptors", () => {
  it("write four bytes of status, at a multiple of four, bits above the host width ignored (6.5.2.9)", () => {
    const queue = new Queue({ features: full({ hostWidth: 48 }) }).start();
    queue.words(STATUS_AT, 0xffff_ffff_ffff_ffffn, 0xffff_ffff_ffff_ffffn);
    queue.submit([WAIT | STATUS | (0x89ab_cdefn << 32n), 0xfff0_0000_0000_0000n | (STATUS_AT + 4n)]);
    expect([queue.word(STATUS_AT), queue.word(STATUS_AT + 8n)]).toEqual([
      0x89ab_cdef_ffff_ffffn,
      0xffff_ffff_ffff_ffffn,
    ]);
  });

  it("write nothing without SW, whatever address and data", () => {
    const queue = new Queue().start();
    queue.submit([WAIT | (0x1234n << 32n), STATUS_AT]);
    expect(queue.word(STATUS_AT)).toBe(0n);
  });

  it("write nowhere where there is no memory, and complete", () => {
    const queue = new Queue({ ram: [[0n, 0x100000n]] }).start();
    queue.submit(queue.wait(1, 0x4000_0000n), queue.wait(2));
    expect([queue.state.head, queue.status()]).toEqual([64, 2]);
  });

  it("set ICS.IWC with IF; masked, the interrupt waits in IECTL.IP until IM is cleared (6.5.2.10)", () => {
    const queue = new Queue().start();
    const { vtd } = queue;
    queue.submit([WAIT | INTERRUPT]);
    expect([vtd.read32(REG.ICS), vtd.read32(REG.IECTL), queue.irqs]).toEqual([1, (IM | IP) >>> 0, []]);
    vtd.write32(REG.IECTL, 0);
    expect([vtd.read32(REG.ICS), vtd.read32(REG.IECTL), queue.irqs]).toEqual([1, 0, ["invalidation"]]);
    // Not served yet: no new interrupt condition.
    queue.submit([WAIT | INTERRUPT]);
    expect(queue.irqs).toEqual(["invalidation"]);
    vtd.write32(REG.ICS, 1);
    expect(vtd.read32(REG.ICS)).toBe(0);
    queue.submit([WAIT | INTERRUPT]);
    expect(queue.irqs).toEqual(["invalidation", "invalidation"]);
  });

  it("lose the waiting interrupt when software serves IWC first", () => {
    const queue = new Queue().start();
    queue.submit([WAIT | INTERRUPT]);
    queue.vtd.write32(REG.ICS, 1);
    expect(queue.vtd.read32(REG.IECTL)).toBe(IM);
    queue.vtd.write32(REG.IECTL, 0);
    expect(queue.irqs).toEqual([]);
  });

  it("have status written and head moved when the interrupt comes", () => {
    const seen: number[][] = [];
    const queue: Queue = new Queue({
      onIrq: () => seen.push([queue.state.head, queue.status(), queue.vtd.read32(REG.ICS)]),
    }).start();
    queue.vtd.write32(REG.IECTL, 0);
    queue.submit(queue.wait(0xaa, STATUS_AT, INTERRUPT), queue.wait(0xbb));
    expect(seen).toEqual([[32, 0xaa, 1]]);
    expect(queue.status()).toBe(0xbb);
  });
});

describe("callbacks", () => {
  it("that write IQT have their descriptors carried out when they return", () => {
    const seen: number[] = [];
    let more = 3;
    const queue: Queue = new Queue({
      onIrq() {
        if (more-- === 0) return;
        queue.vtd.write32(REG.ICS, 1);
        queue.submit(queue.wait(0x100 + more, STATUS_AT, INTERRUPT));
        seen.push(queue.status());
      },
    }).start();
    queue.vtd.write32(REG.IECTL, 0);
    queue.submit([WAIT | INTERRUPT]);
    expect(seen).toEqual([0x102, 0x101, 0x100]);
  });

  it("that throw lose nothing: the queue is emptied, then the error goes on", () => {
    const queue: Queue = new Queue({
      onIrq() {
        throw new Error("handler");
      },
    }).start();
    queue.vtd.write32(REG.IECTL, 0);
    expect(() => queue.submit([WAIT | INTERRUPT], queue.wait(9))).toThrow("handler");
    expect(queue.state).toEqual({ head: 64, ...RUNNING });
    expect(queue.status()).toBe(9);
  });

  it("need no stack however often an endpoint asks again", () => {
    let left = 20000;
    const queue: Queue = new Queue({
      onPageResponse() {
        if (left-- > 0) queue.submit([9n | (8n << 16n)]);
      },
    }).start();
    queue.submit([9n | (8n << 16n)]);
    expect(left).toBe(-1);
  });
});
