// What a domain asks of its endpoints and of bindings.

import { describe, expect, it } from "vitest";
import { boot } from "./guest.js";
import { endpoint, Rig } from "./rig.js";

describe("a domain", () => {
  it("takes endpoints that were probed and are nobody's, and gives back its own", () => {
    const { driver } = new Rig();
    const [one, two] = [endpoint(1), endpoint(2)];
    driver.probe(one);
    const [first, second] = [driver.createDomain(true), driver.createDomain(true)];
    expect(() => first.attach(two)).toThrow('"endpoint" expected one that was probed, got dev2');
    first.attach(one);
    expect(() => first.attach(one)).toThrow('"endpoint" expected one without a domain, got dev1');
    expect(() => second.attach(one)).toThrow('"endpoint" expected one without a domain, got dev1');
    expect(() => second.detach(one)).toThrow('"endpoint" expected one of this domain, got dev1');
    expect(() => first.release()).toThrow('"release" expected no attached endpoint, got 1');
    first.detach(one);
    second.attach(one);
    first.release();
    first.release();
    second.detach(one);
    expect(() => first.attach(one)).toThrow('"attach" expected a domain in use, got a released one');
  });

  it("has no PASID tables of the guest: ENODEV", () => {
    const { driver } = new Rig();
    const table = { base: 0n, pasidBits: 0, s1fmt: 0, s1dss: 0 };
    const refused = expect.objectContaining({ name: "Refusal", errno: 19 });
    for (const wanted of [table, "bypass", "abort"] as const) {
      expect(() => driver.createDomain(true).setPasidTable(wanted)).toThrow(refused);
    }
  });

  it.each([
    [{ hpasid: 0 }, 22, "hpasid expected 1..1048575, got 0"],
    [{ hpasid: 2 ** 20 }, 22, "hpasid expected 1..1048575, got 1048576"],
    [{ addressWidth: 57 }, 22, "addr_width expected 48, got 57"],
    [{ addressWidth: 39 }, 22, "addr_width expected 48, got 39"],
    [{ gpgd: 1n << 48n }, 22, "gpgd expected a multiple of 4096 below 2^48"],
    [{ gpgd: 0x1800n }, 22, "gpgd expected a multiple of 4096 below 2^48"],
    [{ flags: 4n }, 22, "vtd.flags expected within 3, got 4"],
    [{ hpasid: 5 }, 16, "hpasid 5 is bound already"],
  ])("refuses the binding %o with errno %i, and changes nothing", (changes, errno, reason) => {
    const rig = new Rig();
    const { devices, domain, vm } = boot(rig, 8);
    const binding = { hpasid: 6, gpgd: vm.table().root, addressWidth: 48, flags: 0n, pat: 0, emt: 0 };
    domain.bindGpasid(devices[0]!, { ...binding, hpasid: 5 });
    rig.descriptors();
    const before = [rig.entry(8, 5), rig.entry(8, 6)];
    expect(() => domain.bindGpasid(devices[0]!, { ...binding, ...changes })).toThrow(
      expect.objectContaining({ name: "Refusal", errno, message: expect.stringContaining(reason) }),
    );
    expect([rig.entry(8, 5), rig.entry(8, 6), rig.descriptors()]).toEqual([...before, []]);
  });

  it("binds no PASID that the endpoint does not have, and none without nesting", () => {
    const rig = new Rig();
    const [small, none] = [endpoint(8, { pasidBits: 8 }), endpoint(9, { pasidBits: 0 })];
    const domain = rig.driver.createDomain(true);
    const flat = rig.driver.createDomain(false);
    const binding = { hpasid: 1, gpgd: 0n, addressWidth: 48, flags: 0n, pat: 0, emt: 0 };
    const refused = (message: string) => expect.objectContaining({ name: "Refusal", errno: 22, message });
    for (const device of [small, none]) {
      rig.driver.probe(device);
      domain.attach(device);
    }
    expect(() => domain.bindGpasid(small, { ...binding, hpasid: 256 })).toThrow(
      refused("hpasid expected 1..255, got 256"),
    );
    expect(() => domain.bindGpasid(none, binding)).toThrow(refused("hpasid expected 1..0, got 1"));
    domain.bindGpasid(small, { ...binding, hpasid: 255 });
    domain.detach(small);
    flat.attach(small);
    expect(() => flat.bindGpasid(small, binding)).toThrow(
      refused("binding a guest PASID needs a nesting domain"),
    );
    expect(() => domain.bindGpasid(small, binding)).toThrow(
      '"endpoint" expected one of this domain, got dev8',
    );
    expect(() => domain.unbindGpasid(small, 1)).toThrow(RangeError);
  });
});
