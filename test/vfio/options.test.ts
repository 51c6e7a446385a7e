// Options of a Vfio: defaults, and what the embedding program cannot ask for.

import { describe, expect, it } from "vitest";
import { SmmuV3Driver } from "../../src/smmuv3/driver/smmuv3-driver.js";
import { SMMUV3_PRESETS } from "../../src/smmuv3/features.js";
import { resolveEndpoints, resolveSettings, type VfioOptions } from "../../src/vfio/options.js";
import { Vfio } from "../../src/vfio/vfio.js";

const DEV0 = { name: "dev0", stream: 8 };
const driver = new SmmuV3Driver();

const settings = (options: object) => resolveSettings(driver, { devices: [DEV0], ...options } as VfioOptions);
const endpoints = (...devices: unknown[]) => resolveEndpoints({ devices } as VfioOptions);

describe("devices", () => {
  it("have 20 PASID bits, no ATS and no PRI unless said otherwise", () => {
    expect(endpoints(DEV0)).toEqual([{ name: "dev0", stream: 8, pasidBits: 20, ats: false, pri: false }]);
    expect(endpoints({ ...DEV0, pasidBits: 0, ats: true, pri: true })).toEqual([
      { name: "dev0", stream: 8, pasidBits: 0, ats: true, pri: true },
    ]);
    expect(endpoints()).toEqual([]);
  });

  it("are refused by name of the option", () => {
    const cases: [unknown[], unknown][] = [
      [[{ stream: 8 }], new TypeError('"devices[0].name" expected string, got undefined')],
      [[{ name: "", stream: 8 }], new RangeError('"devices[0].name" expected a name without NUL, got ""')],
      [[{ name: "a\0b", stream: 8 }], RangeError],
      [
        [DEV0, { name: "dev1" }],
        new TypeError('"devices[1].stream" expected number in 0..4294967295, got undefined'),
      ],
      [[{ name: "dev0", stream: -1 }], RangeError],
      [[{ name: "dev0", stream: 2 ** 32 }], RangeError],
      [[{ name: "dev0", stream: 8n }], TypeError],
      [
        [{ ...DEV0, pasidBits: 21 }],
        new RangeError('"devices[0].pasidBits" expected integer in 0..20, got 21'),
      ],
      [[{ ...DEV0, pasidBits: -1 }], RangeError],
      [[{ ...DEV0, pasidBits: 0.5 }], RangeError],
      [[{ ...DEV0, pasidBits: "20" }], TypeError],
      [[{ ...DEV0, ats: 1 }], new TypeError('"devices[0].ats" expected boolean, got number')],
      [[{ ...DEV0, pri: "yes" }], TypeError],
      [["dev0"], TypeError],
      [[null], new TypeError('"devices[0]" expected object, got null')],
    ];
    for (const [devices, error] of cases) expect(() => endpoints(...devices)).toThrow(error as Error);
    expect(() => resolveEndpoints({} as never)).toThrow(
      new TypeError('"devices" expected array, got undefined'),
    );
    expect(() => resolveEndpoints(undefined as never)).toThrow(TypeError);
  });

  it("have names and streams of their own", () => {
    expect(() => endpoints(DEV0, { name: "dev0", stream: 9 })).toThrow(
      new RangeError('"devices[1].name" expected one of its own, got "dev0" again'),
    );
    expect(() => endpoints(DEV0, { name: "dev1", stream: 8 })).toThrow(
      new RangeError('"devices[1].stream" expected one of its own, got 8 again'),
    );
  });

  it("are refused when the machine has not their stream or their PASIDs", () => {
    const machine = { features: SMMUV3_PRESETS.qemuNested }; // SIDSIZE 16, SSIDSIZE 0
    const open = (device: object) =>
      new Vfio(new SmmuV3Driver({ machine, hostRange: { base: 1n << 43n, size: 1n << 30n } }), {
        devices: [{ ...DEV0, pasidBits: 0, ...device }],
      });
    open({ stream: 0xffff });
    expect(() => open({ stream: 0x10000 })).toThrow(RangeError);
    expect(() => open({ pasidBits: 1 })).toThrow(RangeError);
  });
});

describe("settings", () => {
  it("default to the header profile, doorbell 0x8020000, no pin function", () => {
    expect(settings({})).toMatchObject({ doorbell: 0x8020000n, pin: undefined, onIrq: undefined });
    expect(settings({}).profile.pasidTableFlagsBitByBit).toBe(false);
    expect(settings({ profile: "linux-v10" }).profile.pasidTableFlagsBitByBit).toBe(true);
  });

  it("are refused by name of the option", () => {
    const cases: [object, unknown][] = [
      [{ profile: "linux" }, new RangeError('"profile" expected header or linux-v10, got "linux"')],
      [{ profile: "toString" }, RangeError],
      [{ profile: 1 }, TypeError],
      [{ doorbell: 0x8020000 }, new TypeError('"doorbell" expected bigint, got number')],
      [{ doorbell: -1n }, RangeError],
      [{ doorbell: 1n << 52n }, RangeError],
      [{ pin: 1 }, new TypeError('"pin" expected function, got number')],
      [{ onIrq: "log" }, TypeError],
      [{ onIrq: null }, TypeError],
    ];
    for (const [options, error] of cases) expect(() => settings(options)).toThrow(error as Error);
    expect(() => resolveSettings(undefined as never, { devices: [] })).toThrow(TypeError);
  });
});
