// Device-TLB invalidation descriptors, their completion, and endpoints that do not answer (Intel VT-d Rev 5.10, 4.3,
// 6.5.2.5, 6.5.2.6, 6.5.2.11, 6.5.2.12, 11.4.7.1, 11.4.9.9).

import { describe, expect, it } from "vitest";
import type { AtcInvalidation, AtcResponse } from "../../src/index.js";
import { INTERRUPT, Queue, STATUS_AT, WAIT, WIDE } from "./queue-rig.js";
import { INVALIDATIONS, IQE, LEGACY, REG, SCALABLE, SID } from "./rig.js";

const ITE = 0x40;
/** Type 3: SID 47:32, MIP 20:16; S bit 64, ADDR 127:76. */
const deviceTlb = (address: bigint, size = 0n, sid = SID): readonly [bigint, bigint] => [
  3n | (5n << 16n) | (BigInt(sid) << 32n),
  address | size,
];
/** Type 8: SID 31:16, PASID 51:32, MIP 8:4; GI bit 64, S bit 75. */
const pasidDeviceTlb = (
  pasid: number,
  address: bigint,
  size = 0n,
  global = 0n,
): readonly [bigint, bigint] => [
  8n | (1n << 4n) | (BigInt(SID) << 16n) | (BigInt(pasid) << 32n),
  address | (size << 11n) | global,
];

/** A queue whose endpoints answer as told, one after the other, and then all. */
class AtcQueue extends Queue {
  readonly asked: AtcInvalidation[];
  onAsk: (invalidation: AtcInvalidation) => void = () => {};

  constructor(...answers: AtcResponse[]) {
    const asked: AtcInvalidation[] = [];
    super({
      onAtcInvalidation: (invalidation) => {
        asked.push(invalidation);
        this.onAsk(invalidation);
        return answers.shift() ?? "completed";
      },
    });
    this.asked = asked;
    this.vtd.write32(REG.FECTL, 0);
  }

  /** FSTS, and ITESID (47:32 of IQERCD). */
  get error(): [fsts: number, itesid: number] {
    return [this.vtd.read32(REG.FSTS), this.vtd.read32(REG.IQERCD + 4) & 0xffff];
  }
}

describe("a device-TLB invalidate descriptor", () => {
  it.each([
    ["a page", 0xf_f123_4000n, 0n, 0xf_f123_4000n, 12],
    ["8 KiB: bit 12 is the lowest that is clear", 0x1234_6000n, 1n, 0x1234_6000n, 13],
    ["16 KiB", 0x1234_5000n, 1n, 0x1234_4000n, 14],
    ["2 MiB", 0x122f_f000n, 1n, 0x1220_0000n, 21],
    ["every address (6.5.3.3)", 0x7fff_ffff_ffff_f000n, 1n, 0n, 64],
    ["every address, all bits set", 0xffff_ffff_ffff_f000n, 1n, 0n, 64],
    ["the upper half", 0xbfff_ffff_ffff_f000n, 1n, 0x8000_0000_0000_0000n, 63],
  ])("asks the endpoint for %s, of no PASID (type 3)", (_, address, size, iova, sizeLg2) => {
    const queue = new AtcQueue().start();
    queue.submit(deviceTlb(address, size));
    expect(queue.asked).toEqual([{ stream: SID, global: false, iova, sizeLg2 }]);
  });

  it("with PASID asks for those of one PASID, or with GI of all (type 8)", () => {
    const queue = new AtcQueue().start();
    queue.submit(pasidDeviceTlb(0xabcde, 0x5000n), pasidDeviceTlb(7, 0x7fff_ffff_ffff_f000n, 1n, 1n));
    expect(queue.asked).toEqual([
      { stream: SID, pasid: 0xabcde, global: false, iova: 0x5000n, sizeLg2: 12 },
      { stream: SID, pasid: 7, global: true, iova: 0n, sizeLg2: 64 },
    ]);
  });

  it("of 128 bits does the same in legacy mode", () => {
    const queue = new AtcQueue().start({ mode: LEGACY, iqa: INVALIDATIONS });
    queue.submit(deviceTlb(0x5000n));
    expect(queue.asked.length).toBe(1);
  });

  it("takes PFSID where ECAP.DIT has it, and ignores it", () => {
    const queue = new AtcQueue().start();
    const [low, high] = deviceTlb(0x5000n);
    queue.submit([low | (0xfn << 12n) | (0xfffn << 52n), high]);
    expect(queue.asked).toMatchObject([{ stream: SID }]);
  });

  it("is done before the wait behind it completes (6.5.2.12)", () => {
    const queue = new AtcQueue().start();
    const seen: number[] = [];
    queue.onAsk = () => seen.push(queue.status());
    queue.submit(queue.wait(1), deviceTlb(0x5000n), queue.wait(2), pasidDeviceTlb(1, 0n), queue.wait(3));
    expect([seen, queue.status()]).toEqual([[1, 2], 3]);
  });

  it("comes before what its endpoint submits while it answers", () => {
    const queue = new AtcQueue().start();
    const seen: number[] = [];
    queue.onAsk = ({ iova }) => {
      if (iova !== 0x5000n) return;
      queue.submit(deviceTlb(0x6000n), queue.wait(9));
      seen.push(queue.asked.length, queue.status());
    };
    queue.submit(deviceTlb(0x5000n));
    expect([seen, queue.asked.length, queue.status()]).toEqual([[1, 0], 2, 9]);
  });

  it("without a listener completes: no endpoint has a device-TLB", () => {
    const queue = new Queue().start();
    queue.submit(deviceTlb(0x5000n), queue.wait(4));
    expect(queue.status()).toBe(4);
  });

  it("issued without a queue asks the endpoint, too", () => {
    const queue = new AtcQueue("timed-out").start();
    expect(queue.issue(...deviceTlb(0x5000n))).toBe(0);
    expect([queue.asked.length, queue.error]).toEqual([1, [ITE, SID]]);
  });
});

describe("an endpoint that does not answer (6.5.2.11)", () => {
  it.each(["timed-out", "unsupported"] as const)(
    "%s: the wait behind it never completes; ITE and ITESID say why",
    (answer) => {
      const queue = new AtcQueue(answer).start();
      queue.submit(queue.wait(1), deviceTlb(0x5000n), queue.wait(2, STATUS_AT, INTERRUPT), queue.wait(3));
      expect([queue.status(), queue.error, queue.irqs]).toEqual([1, [ITE, SID], ["fault"]]);
      // The wait is gone, nothing behind it is fetched; it is no error of the queue.
      expect(queue.state).toMatchObject({ head: 3 * 32, iqe: false });
      queue.submit(queue.wait(4));
      expect(queue.status()).toBe(1);
      // When software clears ITE the queue goes on behind the aborted wait.
      queue.vtd.write32(REG.FSTS, ITE);
      expect([queue.status(), queue.error[0], queue.state.head]).toEqual([4, 0, 5 * 32]);
    },
  );

  it("shows without a wait when the queue is empty", () => {
    const queue = new AtcQueue("timed-out").start();
    queue.submit(deviceTlb(0x5000n), deviceTlb(0x6000n, 0n, 0x200));
    expect([queue.asked.length, queue.error, queue.state.head]).toEqual([2, [ITE, SID], 2 * 32]);
    queue.vtd.write32(REG.FSTS, ITE);
    queue.submit(queue.wait(5));
    expect(queue.status()).toBe(5);
  });

  it("of several names the first", () => {
    const queue = new AtcQueue("completed", "timed-out", "timed-out").start();
    queue.submit(deviceTlb(0n, 0n, 0x100), deviceTlb(0n, 0n, 0x200), deviceTlb(0n, 0n, 0x300), queue.wait(1));
    expect(queue.error).toEqual([ITE, 0x200]);
  });

  it("lets the fault event's handler clear ITE and submit again, in the event itself", () => {
    const asked: AtcInvalidation[] = [];
    const answers: AtcResponse[] = ["timed-out"];
    let retried = false;
    const queue: Queue = new Queue({
      onAtcInvalidation: (invalidation) => {
        asked.push(invalidation);
        return answers.shift() ?? "completed";
      },
      onIrq: () => {
        queue.vtd.write32(REG.FSTS, ITE);
        queue.submit(deviceTlb(0x5000n), queue.wait(8));
        retried = queue.status() === 8;
      },
    }).start();
    queue.vtd.write32(REG.FECTL, 0);
    queue.submit(deviceTlb(0x5000n), queue.wait(7));
    expect([asked.length, retried, queue.state.head]).toEqual([2, true, 4 * 32]);
  });

  it("that throws has not answered; the error goes on to who rang the doorbell", () => {
    const queue = new AtcQueue().start();
    queue.onAsk = () => {
      throw new Error("lost link");
    };
    expect(() => queue.submit(deviceTlb(0x5000n), queue.wait(1))).toThrow("lost link");
    expect([queue.error, queue.status()]).toEqual([[ITE, SID], 0]);
  });

  it("that answers nonsense is a TypeError of the embedding program", () => {
    const queue = new AtcQueue("later" as AtcResponse).start();
    expect(() => queue.submit(deviceTlb(0x5000n))).toThrow(
      /"onAtcInvalidation" expected to return .*, got later/,
    );
  });

  it("keeps an error of the queue apart: IQE and ITE are cleared one by one", () => {
    const queue = new AtcQueue("timed-out").start();
    queue.submit(deviceTlb(0x5000n), [0xfn], [WAIT]);
    expect([queue.error, queue.state.code]).toEqual([[ITE | IQE, SID], 3]);
    queue.vtd.write32(REG.FSTS, IQE);
    expect(queue.state.head).toBe(32);
    expect(WIDE | SCALABLE).toBe(0xc00n);
  });
});
