// Invalidation queue errors (Intel VT-d Rev 5.10, 6.5.2.11, 7.3, 11.4.9.9).

import { describe, expect, it } from "vitest";
import { BAD_TYPE, IOTLB_GLOBAL, Queue, RUNNING, WAIT, WIDE } from "./queue-rig.js";
import { ABORT, descriptor, IM, INVALIDATIONS, IP, IQE, LEGACY, REG, SCALABLE } from "./rig.js";

describe("an invalidation queue error", () => {
  it.each([
    ["an invalid type", { low: BAD_TYPE }, 3],
    ["type 0", { low: 0n }, 3],
    ["the HPT cache's type: there are no host permission tables", { low: 0x1an }, 3],
    ["a reserved bit", { low: IOTLB_GLOBAL | (1n << 8n) }, 4],
    ["a reserved granularity", { low: 2n }, 4],
  ] as const)("%s stops the head at the descriptor (6.5.2.11)", (_, { low }, code) => {
    const queue = new Queue().start();
    queue.submit(queue.wait(1), [low], queue.wait(2));
    expect(queue.state).toEqual({ head: 32, iqe: true, code });
    expect(queue.status()).toBe(1);
  });

  it("is a reserved field violation for anything in the upper half of a padded descriptor", () => {
    const queue = new Queue().start();
    const bytes = descriptor(IOTLB_GLOBAL);
    bytes[16] = 1;
    queue.vtd.memory.write(INVALIDATIONS, bytes);
    queue.vtd.write64(REG.IQT, 32n);
    expect(queue.state).toEqual({ head: 0, iqe: true, code: 4 });
  });

  it("stays until IQE is cleared; the tail starts nothing meanwhile", () => {
    const queue = new Queue().start();
    queue.submit([BAD_TYPE]);
    queue.submit(queue.wait(7));
    expect([queue.state.head, queue.status()]).toEqual([0, 0]);
    queue.vtd.memory.write(INVALIDATIONS, descriptor(IOTLB_GLOBAL));
    queue.submit(queue.wait(8));
    expect(queue.status()).toBe(0);
    queue.vtd.write32(REG.FSTS, IQE);
    expect(queue.state).toEqual({ head: 96, iqe: false, code: 3 });
    expect(queue.status()).toBe(8);
  });

  it("comes back at once when nothing was corrected", () => {
    const queue = new Queue().start();
    queue.submit([BAD_TYPE]);
    queue.vtd.write32(REG.FSTS, IQE);
    expect(queue.state).toEqual({ head: 0, iqe: true, code: 3 });
  });

  it("is a fault event: IP under the mask, one interrupt without (7.3)", () => {
    const queue = new Queue().start();
    const { vtd } = queue;
    queue.submit([BAD_TYPE]);
    expect([vtd.read32(REG.FECTL), queue.irqs]).toEqual([(IM | IP) >>> 0, []]);
    vtd.write32(REG.FECTL, 0);
    expect([vtd.read32(REG.FECTL), queue.irqs]).toEqual([0, ["fault"]]);
    vtd.memory.write(INVALIDATIONS, descriptor(WAIT));
    vtd.write32(REG.FSTS, IQE);
    queue.submit([BAD_TYPE]);
    expect(queue.irqs).toEqual(["fault", "fault"]);
  });

  it("1: a tail beyond the queue's size", () => {
    const queue = new Queue().start();
    queue.vtd.write64(REG.IQT, 0x1000n);
    expect(queue.state).toEqual({ head: 0, iqe: true, code: 1 });
    queue.vtd.write64(REG.IQT, 0n);
    queue.vtd.write32(REG.FSTS, IQE);
    expect(queue.state).toEqual({ head: 0, iqe: false, code: 1 });
  });

  it("2: a queue where no memory is, also above all addresses", () => {
    for (const base of [0x4000_0000n, 0xfff0_0000_0000_0000n]) {
      const queue = new Queue({ ram: [[0n, 0x100000n]] }).start({ iqa: base | WIDE });
      queue.vtd.write64(REG.IQT, 32n);
      expect(queue.state).toEqual({ head: 0, iqe: true, code: 2 });
    }
  });

  it("5: 16-byte descriptors in scalable and abort mode, 32-byte ones without both (11.4.9.9)", () => {
    for (const mode of [SCALABLE, ABORT]) {
      const queue = new Queue().start({ mode, iqa: INVALIDATIONS });
      queue.submit([WAIT]);
      expect(queue.state).toEqual({ head: 0, iqe: true, code: 5 });
    }
    const features = { cap: 0xd2008c222f0606n, ecap: 0xf42n, hostWidth: 48 };
    const queue = new Queue({ features }).start({ mode: LEGACY });
    queue.submit([WAIT]);
    expect(queue.state).toEqual({ head: 0, iqe: true, code: 5 });
  });

  it("6: a tail that is no multiple of 32 with 32-byte descriptors", () => {
    const queue = new Queue().start();
    queue.submit([WAIT]);
    queue.vtd.write64(REG.IQT, 0x50n);
    expect(queue.state).toEqual({ head: 32, iqe: true, code: 6 });
  });

  it("7: a table mode that is none", () => {
    const queue = new Queue().start({ mode: 2n << 10n });
    queue.submit([WAIT]);
    expect(queue.state).toEqual({ head: 0, iqe: true, code: 7 });
  });

  it("comes from no register while the queue is empty", () => {
    const queue = new Queue().start({ mode: 2n << 10n, iqa: 0n });
    queue.vtd.write64(REG.IQT, 0n);
    expect(queue.state).toEqual({ head: 0, ...RUNNING });
  });

  it("ends even when size and width changed under the head", () => {
    const queue = new Queue().start({ mode: LEGACY, iqa: INVALIDATIONS | 7n });
    const { vtd } = queue;
    for (let n = 0; n < 512; n++) vtd.memory.write(INVALIDATIONS + BigInt(16 * n), descriptor(WAIT, 0n, 16));
    vtd.write64(REG.IQT, 0x1010n);
    expect(queue.state.head).toBe(0x1010);
    vtd.write64(REG.IQA, INVALIDATIONS | WIDE);
    for (let n = 0; n < 128; n++) vtd.memory.write(INVALIDATIONS + BigInt(32 * n), descriptor(WAIT));
    vtd.write64(REG.IQT, 0x40n);
    expect(queue.state).toEqual({ head: 0x40, ...RUNNING });
  });
});
