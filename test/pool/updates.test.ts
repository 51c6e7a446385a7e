// Hardware updates that meet another's, step by step: the shared build with its compare-and-swap replaced by a call to the
// test, which changes the descriptor in between (DDI 0487 D8.5.1, VT-d Rev 5.10 3.6.2: read-modify-write, atomic).

import { readFileSync } from "node:fs";
import binaryen from "binaryen";
import { describe, expect, it } from "vitest";
import { Core } from "../../src/core/core.js";
import { layOut } from "../../src/core/layout.js";
import type { CoreExports } from "../../src/core/module.js";
import { SmmuV3, TableAllocator, VtdFirstStageTable, VtdIommu } from "../../src/index.js";
import type { MachineOptions } from "../../src/machine/options.js";
import { CD_HTTU } from "../core/rig.js";
import { CONTEXT, DIRECTORY, FIRST_STAGE, PASIDS, REG, ROOT, SCALABLE, SID, SRTP, TE } from "../vtd/rig.js";
import { Streams } from "./rig.js";

/** The shared build with `env.cmpxchg` for i64.atomic.rmw.cmpxchg. */
function instrumented(): WebAssembly.Module {
  const module = binaryen.readBinary(readFileSync(new URL("../../build/shared.wasm", import.meta.url)));
  module.setFeatures(binaryen.Features.All);
  const text = module.emitText();
  module.dispose();
  const hook = '(import "env" "cmpxchg" (func $cmpxchg (param i32 i64 i64) (result i64)))';
  const called = text
    .replace(/(\(import "env" "memory")/, `${hook}\n $1`)
    .replace(/i64\.atomic\.rmw\.cmpxchg/g, "call $cmpxchg");
  expect(called.match(/call \$cmpxchg/g)?.length).toBeGreaterThanOrEqual(2);
  const changed = binaryen.parseText(called);
  changed.setFeatures(binaryen.Features.All);
  const bytes = changed.emitBinary();
  changed.dispose();
  return new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
}

const module = instrumented();

/** Options of a machine whose updates are shown to `between` before they are tried. */
function watched(between: (expected: bigint, desired: bigint) => bigint | undefined): {
  options: MachineOptions;
  tried: () => number;
} {
  let tries = 0;
  const makeCore: MachineOptions["makeCore"] = (plan, ranges) => {
    const memory = new WebAssembly.Memory({ initial: 1024, maximum: 4096, shared: true });
    const cmpxchg = (at: number, expected: bigint, desired: bigint): bigint => {
      ++tries;
      const word = new BigUint64Array(memory.buffer, at, 1);
      const other = between(BigInt.asUintN(64, expected), BigInt.asUintN(64, desired));
      if (other !== undefined) word[0] = other;
      return Atomics.compareExchange(word, 0, BigInt.asUintN(64, expected), BigInt.asUintN(64, desired));
    };
    const instance = new WebAssembly.Instance(module, { env: { memory, cmpxchg } });
    const exports = instance.exports as unknown as CoreExports;
    return new Core(plan, ranges, { layout: layOut(plan), exports });
  };
  return { options: { makeCore, memoryLimit: 2 ** 24 }, tried: () => tries };
}

const IOVA = 0x100_0000n;
const PA = 0x7000_0000n;
/** A page, read-only with DBM, access flag 0. */
const CLEAN = PA | 0xc3n | (1n << 51n);
const [AF, READ_ONLY] = [1n << 10n, 1n << 7n];

/** A stream with HTTU and one page, `CLEAN`. */
function smmuWith(between: (expected: bigint, desired: bigint) => bigint | undefined) {
  const { options, tried } = watched(between);
  const smmu = new SmmuV3({ ...options, eventSink: () => undefined });
  const table = new Streams(smmu).stage1(1, 1, CD_HTTU);
  table.map(IOVA, PA, 0x1000n);
  const { address } = table.lookup(IOVA)!;
  smmu.memory.writeU64(address, CLEAN);
  return { smmu, tried, entry: () => smmu.memory.readU64(address) };
}

/** Does something once. */
function once(change: (expected: bigint) => bigint): (expected: bigint) => bigint | undefined {
  let isDone = false;
  return (expected) => {
    if (isDone) return undefined;
    isDone = true;
    return change(expected);
  };
}

describe("an update of the SMMU", () => {
  it("is one try for the access flag and one for the dirty state when nobody interferes", () => {
    const { smmu, tried, entry } = smmuWith(() => undefined);
    expect(smmu.translate({ stream: 1, iova: IOVA, write: true }).pa).toBe(PA);
    expect(tried()).toBe(2);
    expect(entry()).toBe((CLEAN | AF) & ~READ_ONLY);
  });

  it("keeps what another did meanwhile to the same descriptor", () => {
    // Bit 55 is software's.
    const { smmu, entry } = smmuWith(once((expected) => expected | AF | (1n << 55n)));
    expect(smmu.translate({ stream: 1, iova: IOVA, write: true }).pa).toBe(PA);
    expect(entry()).toBe((CLEAN | AF | (1n << 55n)) & ~READ_ONLY);
  });

  it("marks no page as written that software has unmapped meanwhile: F_TRANSLATION", () => {
    const { smmu, entry } = smmuWith(once(() => 0n));
    expect(smmu.translate({ stream: 1, iova: IOVA, write: true }).fault?.name).toBe("F_TRANSLATION");
    expect(entry()).toBe(0n);
  });

  it("goes to the page that software maps meanwhile", () => {
    const other = PA + 0x5000n;
    const { smmu, entry } = smmuWith(once(() => other | 0xc3n | (1n << 51n)));
    expect(smmu.translate({ stream: 1, iova: IOVA, write: true }).pa).toBe(other);
    expect(entry()).toBe((other | 0xc3n | (1n << 51n) | AF) & ~READ_ONLY);
  });

  it("follows a permission that software takes meanwhile: F_PERMISSION", () => {
    const { smmu, entry } = smmuWith(once((expected) => (expected | AF) & ~(1n << 51n)));
    expect(smmu.translate({ stream: 1, iova: IOVA, write: true }).fault?.name).toBe("F_PERMISSION");
    expect(entry()).toBe((CLEAN | AF) & ~(1n << 51n));
  });

  it("is tried as often as it is beaten", () => {
    let beaten = 0;
    const { smmu, tried, entry } = smmuWith((expected) =>
      ++beaten <= 50 ? expected ^ (1n << 55n) : undefined,
    );
    expect(smmu.translate({ stream: 1, iova: IOVA }).pa).toBe(PA);
    expect(tried()).toBe(51);
    expect(entry()).toBe(CLEAN | AF);
  });
});

describe("an update of VT-d", () => {
  it("sets EA beside an A that another has set meanwhile, in tables and in the leaf", () => {
    const [A, EA] = [1n << 5n, 1n << 10n];
    let beaten = 0;
    // Another without EAFE comes first, everywhere.
    const { options } = watched((expected) => {
      if ((expected & A) !== 0n) return undefined;
      beaten++;
      return expected | A;
    });
    const { memory, ...vtd } = machine(options);
    const tables = new TableAllocator(0x1000_0000n, 0x100_0000n);
    const table = new VtdFirstStageTable({
      memory,
      allocate: (bytes, align) => tables.allocate(bytes, align),
      release: () => undefined,
    });
    table.map(IOVA, PA, 0x1000n);
    memory.writeU64(ROOT + BigInt(SID >> 8) * 16n, CONTEXT | 1n);
    memory.writeU64(CONTEXT + BigInt(SID & 0x7f) * 32n, DIRECTORY | 0b11100n | 1n);
    memory.writeU64(DIRECTORY, PASIDS | 1n);
    for (const [i, word] of [FIRST_STAGE, 9n | (1n << 23n), table.root | (1n << 7n)].entries()) {
      memory.writeU64(PASIDS + 64n + BigInt(i) * 8n, word);
    }
    const { address } = table.lookup(IOVA)!;
    memory.writeU64(address, PA | 7n);
    vtd.start();
    expect(vtd.translate()).toBe(PA);
    expect(beaten).toBeGreaterThan(0);
    expect(memory.readU64(address) & (A | EA)).toBe(A | EA);
    const rootEntry = memory.readU64(table.root);
    expect(rootEntry & (A | EA)).toBe(A | EA);
  });
});

function machine(options: MachineOptions) {
  const vtd = new VtdIommu(options);
  return {
    memory: vtd.memory,
    start: () => {
      vtd.write64(REG.RTADDR, ROOT | SCALABLE);
      vtd.write32(REG.GCMD, SRTP);
      vtd.write32(REG.GCMD, TE);
    },
    translate: () => vtd.translate({ stream: SID, pasid: 1, iova: IOVA }).pa,
  };
}
