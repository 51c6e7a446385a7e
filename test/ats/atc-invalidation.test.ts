// CMD_ATC_INV through the Command queue, its completion by CMD_SYNC and the time-out (IHI 0070 4.5.1, 3.9.1.4, 7.1). The
// decoding of the command is in test/smmuv3/pri-commands.test.ts.

import { describe, expect, it } from "vitest";
import type { AtcInvalidation, AtcResponse } from "../../src/index.js";
import { bytes } from "../smmuv3/machine.js";
import { AtsWorld, type WorldOptions } from "./ats-world.js";

/** ATC_INV of stream 3, page 5. */
const ATC_INV = "4000000003000000 0050000000000000";
const SYNC = "4600000000000000 0000000000000000";
const SYNC_IRQ = "4610000000000000 0000000000000000";
/** TLBI_NSNH_ALL. */
const TLBI = "3000000000000000 0000000000000000";
const [CONS, GERROR, GERRORN, CR0] = [0x9c, 0x60, 0x64, 0x20];
const PAGE_5: AtcInvalidation = { stream: 3, global: false, iova: 0x5000n, sizeLg2: 12 };

interface Rig {
  readonly world: AtsWorld;
  /** What happened, in order. */
  readonly log: unknown[];
}

function rig(respond: () => AtcResponse, options: WorldOptions = {}): Rig {
  const log: unknown[] = [];
  const world: AtsWorld = new AtsWorld({
    onAtcInvalidation: (invalidation) => {
      log.push(invalidation);
      return respond();
    },
    onIrq: (irq) => log.push(irq),
    ...options,
  });
  // Interrupts of GERROR: IRQ_CTRL.
  world.smmu.write32(0x50, 1);
  return { world, log };
}

describe("completed invalidations", () => {
  it("reach the endpoint before the CMD_SYNC behind them completes", () => {
    const { world, log } = rig(() => "completed");
    expect(world.submit(TLBI, SYNC, ATC_INV, SYNC_IRQ)).toBe(4);
    expect(log).toEqual([PAGE_5, "cmd-sync"]);
  });

  it.each([undefined, () => "unsupported" as const])(
    "without a device TLB, and with one that answers UR, complete without error (3.9.1.5)",
    (onAtcInvalidation) => {
      const world = new AtsWorld(onAtcInvalidation ? { onAtcInvalidation } : {});
      expect(world.submit(ATC_INV, SYNC)).toBe(2);
      expect(world.smmu.read32(GERROR)).toBe(0);
    },
  );

  it("are ignored while SMMUEN = 0", () => {
    const { world, log } = rig(() => "timed-out", { cr0: 0xc });
    expect(world.submit(ATC_INV, SYNC)).toBe(2);
    expect(log).toEqual([]);
  });

  it("go out from inside another invalidation's callback, up to the CMD_SYNC that waits for its answer (4.7.3)", () => {
    const order: unknown[] = [];
    const world: AtsWorld = new AtsWorld({
      onAtcInvalidation: ({ iova }) => {
        order.push(iova);
        if (iova === 0x5000n) {
          world.submit("4000000003000000 0060000000000000", SYNC_IRQ, "4000000003000000 0070000000000000");
          order.push("answered");
        }
        return "completed";
      },
      onIrq: (irq) => order.push(irq),
    });
    world.submit(ATC_INV);
    expect(order).toEqual([0x5000n, 0x6000n, "answered", "cmd-sync", 0x7000n]);
    expect(world.smmu.read32(CONS)).toBe(4);
  });

  it("by `issue`, too", () => {
    const { world, log } = rig(() => "completed");
    expect(world.smmu.issue(bytes(ATC_INV))).toBe(0);
    expect(log).toEqual([PAGE_5]);
  });
});

describe("an invalidation that the endpoint does not answer in time (3.9.1.4)", () => {
  it("CMD_ATC_INV is consumed; the CMD_SYNC behind it stops the queue: CERROR_ATC_INV_SYNC, CMDQ_ERR", () => {
    const { world, log } = rig(() => "timed-out");
    // RD stays at the CMD_SYNC, ERR = 3; the interrupt of CMD_SYNC is not raised.
    expect(world.submit(ATC_INV, SYNC_IRQ, ATC_INV)).toBe(0x0300_0001);
    expect(world.smmu.read32(GERROR)).toBe(1);
    expect(log).toEqual([PAGE_5, "gerror"]);
  });

  it("when the error is acknowledged the CMD_SYNC is tried again, and completes: the invalidation is given up", () => {
    let response: AtcResponse = "timed-out";
    const { world, log } = rig(() => response);
    world.submit(ATC_INV, SYNC_IRQ, ATC_INV, SYNC);
    response = "completed";
    world.smmu.write32(GERRORN, 1);
    expect(world.smmu.read32(CONS) & 0xfffff).toBe(4);
    expect(log).toEqual([PAGE_5, "gerror", "cmd-sync", PAGE_5]);
  });

  it("one of several is enough, and each CMD_SYNC waits for its own", () => {
    const responses: AtcResponse[] = ["timed-out", "completed", "completed", "timed-out"];
    const { world } = rig(() => responses.shift()!);
    expect(world.submit(ATC_INV, ATC_INV, SYNC, ATC_INV, SYNC, ATC_INV, SYNC)).toBe(0x0300_0002);
    world.smmu.write32(GERRORN, 1);
    expect(world.smmu.read32(CONS)).toBe(0x0300_0006);
    world.smmu.write32(GERRORN, 0);
    expect(world.smmu.read32(CONS) & 0xfffff).toBe(7);
  });

  it("CS = 0b11 is illegal all the same, and the time-out is told of next time", () => {
    const { world } = rig(() => "timed-out");
    expect(world.submit(ATC_INV, "4630000000000000 0000000000000000")).toBe(0x0100_0001);
    world.smmu.memory.write(0x4002_0010n, bytes(SYNC));
    world.smmu.write32(GERRORN, 1);
    expect(world.smmu.read32(CONS)).toBe(0x0300_0001);
  });

  it("shows at a CMD_SYNC that was written from inside the callback, too", () => {
    const log: unknown[] = [];
    const world: AtsWorld = new AtsWorld({
      onAtcInvalidation: () => {
        log.push(world.submit(SYNC_IRQ));
        return "timed-out";
      },
      onIrq: (irq) => log.push(irq),
    });
    world.smmu.write32(0x50, 1);
    world.submit(ATC_INV);
    // Inside the callback the CMD_SYNC waits; afterwards it fails, without its interrupt.
    expect(log).toEqual([1, "gerror"]);
    expect(world.smmu.read32(CONS)).toBe(0x0300_0001);
  });

  it("and the queue goes on when the invalidation came by `issue`", () => {
    const log: unknown[] = [];
    const world: AtsWorld = new AtsWorld({
      onAtcInvalidation: () => {
        log.push(world.submit(SYNC_IRQ), world.smmu.issue(bytes(SYNC)));
        return "completed";
      },
      onIrq: (irq) => log.push(irq),
    });
    world.smmu.issue(bytes(ATC_INV));
    // A CMD_SYNC by `issue` cannot wait: it says that the invalidation is not complete.
    expect(log).toEqual([0, 3, "cmd-sync"]);
    expect(world.smmu.issue(bytes(SYNC))).toBe(0);
  });

  it("by `issue` the CMD_SYNC returns 3, once", () => {
    const { world, log } = rig(() => "timed-out");
    expect(world.smmu.issue(bytes(ATC_INV))).toBe(0);
    expect(world.smmu.issue(bytes(SYNC_IRQ))).toBe(3);
    expect(world.smmu.issue(bytes(SYNC_IRQ))).toBe(0);
    expect(log).toEqual([PAGE_5, "cmd-sync"]);
  });

  it("is forgotten with a reset", () => {
    const { world } = rig(() => "timed-out");
    world.submit(ATC_INV);
    world.smmu.reset();
    world.smmu.write64(0x90, 0x4002_0000n | 4n);
    world.smmu.memory.write(0x4002_0000n, bytes(SYNC));
    world.smmu.write32(CR0, 9);
    world.smmu.write32(0x98, 1);
    expect(world.smmu.read32(CONS)).toBe(1);
  });
});

describe("a handler that is none", () => {
  it("throws what it throws out of the register write, the command consumed", () => {
    const { world } = rig(() => {
      throw new Error("endpoint is on fire");
    });
    expect(() => world.submit(ATC_INV, SYNC)).toThrow("endpoint is on fire");
    expect(world.smmu.read32(CONS)).toBe(2);
  });

  it("is refused when it answers none of the three", () => {
    const { world } = rig(() => undefined as unknown as AtcResponse);
    expect(() => world.submit(ATC_INV)).toThrow(
      /"onAtcInvalidation" expected to return "completed", "unsupported" or "timed-out", got undefined/,
    );
  });
});
