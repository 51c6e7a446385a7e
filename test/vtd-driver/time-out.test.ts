// Endpoints that do not answer device-TLB invalidations, as the driver takes it (Intel VT-d Rev 5.10, 6.5.2.11): it clears
// ITE and submits again what the endpoint is not asked for.

import { describe, expect, it } from "vitest";
import { type AtcInvalidation, type AtcResponse, type Endpoint, VtdDriver } from "../../src/index.js";

const [FSTS, ITE] = [0x34, 0x40];
const IOVA = 0x10_0000n;
const PA = 0x8000_0000n;
const RW = { read: true, write: true };

const nic = (stream: number): Endpoint => ({
  name: `nic ${stream}`,
  stream,
  pasidBits: 0,
  ats: true,
  pri: false,
});

/** A domain of three endpoints, one page mapped; `answers` says who answers what. */
function rig(answers: Record<number, AtcResponse>) {
  const asked: AtcInvalidation[] = [];
  const driver = new VtdDriver({
    machine: {
      memoryLimit: 2 ** 26,
      onAtcInvalidation: (invalidation) => {
        asked.push(invalidation);
        return answers[invalidation.stream] ?? "completed";
      },
    },
  });
  const domain = driver.createDomain(true);
  for (const stream of [8, 16, 24]) {
    driver.probe(nic(stream));
    domain.attach(nic(stream));
  }
  domain.map(IOVA, PA, 0x1000n, RW);
  asked.length = 0;
  return { driver, domain, asked, streams: () => asked.map(({ stream }) => stream) };
}

describe("an endpoint that does not answer", () => {
  it("is asked once, the others are asked until they have answered, and the unmap is done", () => {
    const { driver, domain, streams } = rig({ 8: "timed-out" });
    domain.unmap(IOVA, 0x1000n);
    expect(streams()).toEqual([8, 16, 24, 16, 24]);
    expect(driver.machine.read32(FSTS) & ITE).toBe(0);
    expect(driver.machine.translate({ stream: 16, iova: IOVA }).ok).toBe(false);
  });

  it("is one of two: both are given up, one after the other", () => {
    const { driver, domain, streams } = rig({ 16: "timed-out", 8: "unsupported" });
    domain.unmap(IOVA, 0x1000n);
    expect(streams()).toEqual([8, 16, 24, 16, 24, 24]);
    expect(driver.machine.read32(FSTS) & ITE).toBe(0);
  });

  it("is asked again for the next page", () => {
    const answers: Record<number, AtcResponse> = { 8: "timed-out" };
    const { domain, asked, streams } = rig(answers);
    domain.unmap(IOVA, 0x1000n);
    delete answers[8];
    domain.map(IOVA, PA, 0x1000n, RW);
    asked.length = 0;
    domain.unmap(IOVA, 0x1000n);
    expect(streams()).toEqual([8, 16, 24]);
  });
});
