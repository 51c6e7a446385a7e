// What the random runs have found, each in its smallest form.

import { expect, it } from "vitest";
import { SmmuV3Driver, Vfio } from "../../src/index.js";
import { fields } from "../vfio/bytes.js";

/** A device in a nesting container. */
function nestingContainer() {
  const driver = new SmmuV3Driver();
  const vfio = new Vfio(driver, { devices: [{ name: "dev0", stream: 8 }] });
  const container = vfio.openContainer();
  expect(vfio.openGroup("dev0").ioctl(0x3b68, fields(container.fd))).toBe(0);
  expect(container.ioctl(0x3b66, 6)).toBe(0);
  return { driver, container };
}

it("an instruction fetch does not read what was mapped for writing only, nor the doorbell (DDI 0487 D8.4.2.1)", () => {
  const { driver, container } = nestingContainer();
  expect(container.ioctl(0x3b71, fields(32, 2, 0x8000_0000n, 0x1000n, 0x1000n))).toBe(0);
  expect(container.ioctl(0x3b71, fields(32, 1, 0x9000_0000n, 0x2000n, 0x1000n))).toBe(0);
  expect(container.ioctl(0x3b7c, fields(32, 1, 0x800_0000n, 0x3000n, 0x1000n))).toBe(0);
  const dma = (iova: bigint, how: { write?: boolean; execute?: boolean; privileged?: boolean }) =>
    driver.machine.translate({ stream: 8, iova, ...how }).ok;
  for (const privileged of [false, true]) {
    const fetched = [0x1000n, 0x2000n, 0x3000n].map((iova) => dma(iova, { execute: true, privileged }));
    expect(fetched).toEqual([false, true, false]);
  }
  expect([0x1000n, 0x2000n, 0x3000n].map((iova) => dma(iova, { write: true }))).toEqual([true, false, true]);
});
