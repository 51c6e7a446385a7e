// Events of failed reads of STE.PPAR, for an automatic response on overflow, with CR2.REC_CFG_ATS (IHI 0070 8.1). Records by
// hand from 7.3.

import { expect, it } from "vitest";
import { AtsWorld, type WorldOptions } from "./ats-world.js";

const PRI = 1 << 16;
const zeros = (bytes: number): string => "00".repeat(bytes);

/** The automatic response to a page request with PASID 5 that finds the PRI queue, of one entry, full. */
function overflow(options: WorldOptions, stream: number): { code: string | undefined; events: string[] } {
  let code: string | undefined;
  const world = new AtsWorld({
    idr0: PRI,
    onPageResponse: (response) => (code = response.code),
    cr0: 0,
    ...options,
  });
  world.smmu.write64(0xc0, 0x4003_0000n);
  world.writeSte({ valid: 0n });
  // SMMUEN, PRIQEN, EVENTQEN.
  world.smmu.write32(0x20, 7);
  const request = { stream, pasid: 5, group: 1, address: 0n, read: true, last: true };
  expect(world.smmu.requestPage({ ...request, last: false })).toBe("queued");
  expect(world.smmu.requestPage(request)).toBe("answered");
  return { code, events: world.events() };
}

const BAD_STE = `0458000003000000${zeros(24)}`;
const BAD_STREAMID = `0258000020000000${zeros(24)}`;

it.each([
  ["C_BAD_STE", 3, 0, []],
  ["C_BAD_STE, RECINVSID", 3, 2, []],
  ["C_BAD_STE, REC_CFG_ATS", 3, 8, [BAD_STE]],
  ["C_BAD_STREAMID, REC_CFG_ATS", 0x20, 8, []],
  ["C_BAD_STREAMID, both", 0x20, 10, [BAD_STREAMID]],
])("%s: Failure, and the event as CR2 says", (_, stream, cr2, events) => {
  expect(overflow({ cr2 }, stream)).toEqual({ code: "failure", events });
});

it("the endpoint gets its answer though who takes the record throws", () => {
  const eventSink = (): never => {
    throw new Error("no paper");
  };
  const codes: string[] = [];
  expect(() => overflow({ cr2: 8, eventSink, onPageResponse: ({ code }) => codes.push(code) }, 3)).toThrow(
    "no paper",
  );
  expect(codes).toEqual(["failure"]);
});
