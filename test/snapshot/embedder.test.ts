// What an embedder brings: memory of its own, and callbacks that want a snapshot at the wrong moment.

import { describe, expect, it } from "vitest";
import { type ExternalRange, SmmuV3 } from "../../src/index.js";
import { StallWorld } from "../smmuv3/stall-world.js";
import { REG, Rig } from "../vtd/rig.js";

describe("external memory of a snapshot", () => {
  const BASE = 0x1000_0000n;
  /** Memory of the embedder in which every byte is 0x5a; asked and stored frames are written down. */
  function external(log: string[], fails = { store: false }): ExternalRange {
    return {
      base: BASE,
      size: 0x10_0000n,
      fill(pa, into) {
        log.push(`fill ${(pa - BASE) >> 16n}`);
        into.fill(0x5a);
      },
      store(pa, from) {
        if (fails.store) throw new Error("no store");
        log.push(`store ${(pa - BASE) >> 16n} ${from.length}`);
      },
    };
  }

  it("has the frames that were there, and asks for the others", () => {
    const [before, after]: [string[], string[]] = [[], []];
    const smmu = new SmmuV3({ external: [external(before)] });
    smmu.memory.writeU8(BASE + 5n, 1);
    const again = SmmuV3.restore(smmu.snapshot(), { external: [external(after)] });
    expect(again.memory.readU32(BASE + 4n)).toBe(0x5a5a_015a);
    expect(after).toEqual([]);
    expect(again.memory.readU8(BASE + 0x2_0000n)).toBe(0x5a);
    again.memory.writeU8(BASE + 0x2_0000n, 2);
    expect(after).toEqual(["fill 2", "store 2 1"]);
  });

  it.each([true, false])("stores what the core had changed and nobody had taken (caches %s)", (caches) => {
    // A stage-1 descriptor in external memory, without its access flag: HTTU sets it (CD.HA).
    const fails = { store: false };
    const log: string[] = [];
    const smmu = new SmmuV3({ external: [external(log, fails)] });
    const word = (at: bigint, value: bigint): void => smmu.memory.writeU64(at, value);
    for (let n = 0n; n < 0x3000n; n += 8n) word(BASE + n, 0n);
    word(0x4000_0000n, 0xbn | 0x4000_1000n);
    word(
      0x4000_1000n,
      25n | (1n << 30n) | (1n << 31n) | (5n << 32n) | (1n << 41n) | (1n << 43n) | (3n << 45n),
    );
    word(0x4000_1008n, BASE);
    word(BASE, (BASE + 0x1000n) | 3n);
    word(BASE + 0x1000n, (BASE + 0x2000n) | 3n);
    word(BASE + 0x2000n, 0x4400_0043n);
    smmu.write64(0x80, 0x4000_0000n);
    smmu.write32(0x20, 1);
    log.length = 0;
    fails.store = true;
    expect(() => smmu.translate({ stream: 0, iova: 0n })).toThrow("no store");
    const again = SmmuV3.restore(smmu.snapshot({ caches }), { external: [external(log)] });
    expect(again.memory.readU64(BASE + 0x2000n)).toBe(0x4400_0443n);
    expect(log).toEqual([]);
    expect(again.translate({ stream: 0, iova: 0n }).pa).toBe(0x4400_0000n);
    expect(log).toEqual(["store 0 65536"]);
  });

  it("must be where it was", () => {
    const bytes = new SmmuV3({ external: [external([])] }).snapshot();
    const elsewhere = { ...external([]), base: BASE + 0x1_0000n };
    const expected = `"external" expected the ranges of the snapshot (0x10000000+0x100000), got`;
    expect(() => SmmuV3.restore(bytes)).toThrow(new RangeError(`${expected} none`));
    expect(() => SmmuV3.restore(bytes, { external: [elsewhere] })).toThrow(
      new RangeError(`${expected} 0x10010000+0x100000`),
    );
    expect(() => SmmuV3.restore(new SmmuV3().snapshot(), { external: [elsewhere] })).toThrow(
      `"external" expected the ranges of the snapshot (none), got 0x10010000+0x100000`,
    );
  });

  it("is not asked while a snapshot is taken or restored", () => {
    const log: string[] = [];
    const smmu = new SmmuV3({ external: [external(log)] });
    SmmuV3.restore(smmu.snapshot(), { external: [external(log)] });
    expect(log).toEqual([]);
  });
});

describe("a snapshot from inside a callback", () => {
  const refused = `"snapshot" expected between calls of the machine, got one from inside a callback`;

  it("is refused in an interrupt, an outcome, a page response and a fill", () => {
    const errors: string[] = [];
    let machine: SmmuV3 | undefined;
    const attempt = (): void => {
      try {
        machine?.snapshot();
      } catch (error) {
        errors.push(String(error));
      }
    };
    const world = new StallWorld({
      onIrq: attempt,
      onResume: attempt,
      onPageResponse: attempt,
      external: [{ base: 0x8000_0000n, size: 0x1_0000n, fill: attempt }],
    });
    machine = world.smmu;
    world.read(1, 1);
    world.terminate(1);
    machine.requestPage({ stream: 1, group: 1, address: 0n, read: true, last: true });
    machine.memory.readU8(0x8000_0000n);
    expect(errors).toEqual(new Array(4).fill(`RangeError: ${refused}`));
    expect(() => machine!.snapshot()).not.toThrow();
  });

  it("is refused in an interrupt of VT-d, and allowed when that has thrown", () => {
    let inside: unknown;
    const rig = new Rig({
      onIrq: () => {
        try {
          rig.vtd.snapshot();
        } catch (error) {
          inside = error;
        }
        throw new Error("from the handler");
      },
    });
    rig.structures();
    rig.enable();
    rig.vtd.write32(REG.FECTL, 0);
    expect(() => rig.source(1, 0x1000n)).toThrow("from the handler");
    expect(inside).toEqual(new RangeError(refused));
    expect(() => rig.vtd.snapshot()).not.toThrow();
  });
});
