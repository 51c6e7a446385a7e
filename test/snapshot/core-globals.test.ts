// The globals of the core: those that a snapshot must have come back by saveState and loadState, those that belong to one
// call may hold anything when the next begins. What there is, is read from the debug build, which has names.

import { readFileSync } from "node:fs";
import binaryen from "binaryen";
import { beforeAll, describe, expect, it } from "vitest";
import { Core } from "../../src/core/core.js";
import type { CoreExports } from "../../src/core/module.js";
import { Random } from "../property/random.js";
import { SMMUV3 } from "./smmuv3-kind.js";
import { type Kind, Log, type Machine, seen } from "./twins.js";
import { VTD } from "./vtd-kind.js";

/**
 * Classes whose static fields belong to one call of an export: written before they are read in every call. A class that is
 * not here must be saved (assembly/saved-state.ts); `Arena` is what `init` finds in the header.
 */
const OF_ONE_CALL: ReadonlySet<string> = new Set([
  "Bus.missing",
  "Bus.missingAddress",
  "Bus.lastPa",
  "Clip",
  "Completion",
  "Disable",
  "Fault",
  "FaultRecord",
  "Faults",
  "LastField",
  "Leaf",
  "Lookup",
  "Making",
  "Predicate",
  "Race",
  "Request",
  "Run",
  "Start",
  "Trace.request",
]);

interface Global {
  /** Export under which the test can reach it. */
  readonly key: string;
  /** Class and field. */
  readonly name: string;
  readonly wide: boolean;
}

const globals: Global[] = [];
let build: Uint8Array;

beforeAll(() => {
  const debug = binaryen.readBinary(readFileSync(new URL("../../build/debug.wasm", import.meta.url)));
  for (let n = 0; n < debug.getNumGlobals(); n++) {
    const { name, mutable, type } = binaryen.getGlobalInfo(debug.getGlobalByIndex(n));
    if (!mutable) continue;
    const key = `global ${n}`;
    debug.addGlobalExport(name, key);
    globals.push({ key, name: name.slice(name.lastIndexOf("/") + 1), wide: type === binaryen.i64 });
  }
  build = debug.emitBinary();
  debug.dispose();
});

const isArena = ({ name }: Global): boolean => name.startsWith("Arena.");
const isOfOneCall = ({ name }: Global): boolean =>
  OF_ONE_CALL.has(name) || OF_ONE_CALL.has(name.slice(0, name.indexOf(".")));
const isSaved = (global: Global): boolean => !isArena(global) && !isOfOneCall(global);

/** The globals of a core. */
class Globals {
  readonly #exports: Record<string, WebAssembly.Global>;

  constructor(core: Core) {
    this.#exports = core.exports as unknown as Record<string, WebAssembly.Global>;
  }

  call(name: "saveState" | "loadState"): void {
    (this.#exports as unknown as CoreExports)[name]();
  }

  get(which: (global: Global) => boolean): (readonly [name: string, value: number | bigint])[] {
    return globals.filter(which).map(({ key, name }) => [name, this.#exports[key]!.value as number | bigint]);
  }

  set(which: (global: Global) => boolean, value: () => number): void {
    for (const { key, wide } of globals.filter(which)) {
      this.#exports[key]!.value = wide ? BigInt(value()) : value();
    }
  }
}

/** Machines of a kind on the debug build, with their globals. */
function onDebug<M extends Machine>(
  kind: Kind<M>,
): { make(log: Log): [M, Globals]; restore(bytes: Uint8Array, log: Log): [M, Globals] } {
  const withCore = (make: (makeCore: NonNullable<Parameters<Kind<M>["make"]>[1]>) => M): [M, Globals] => {
    let made: Core | undefined;
    const machine = make((plan, ranges) => {
      made = new Core(plan, ranges, build);
      return made;
    });
    return [machine, new Globals(made!)];
  };
  return {
    make: (log) => withCore((makeCore) => kind.make(log, makeCore)),
    restore: (bytes, log) => withCore((makeCore) => kind.restore(bytes, log, true, makeCore)),
  };
}

describe("globals of the core", () => {
  it("are bases in the arena, of one call, or saved", () => {
    expect(globals.filter(isArena).length).toBeGreaterThan(40);
    expect(
      globals
        .filter(isSaved)
        .map(({ name }) => name)
        .sort(),
    ).toEqual([
      "Batch.others",
      "Batch.patience",
      "Batch.plainLeft",
      "Batch.tried",
      "Bus.dirtied",
      "ContextTable.hand",
      "Ids.cursor",
      "Ids.deadEntries",
      "Ids.generation",
      "Ids.holes",
      "SpaceTable.globals",
      "SpaceTable.hand",
      "SpaceTable.used",
      "Trace.written",
    ]);
    const classes = new Set(globals.map(({ name }) => name.slice(0, name.indexOf("."))));
    const stale = [...OF_ONE_CALL].filter((name) => !classes.has(name.replace(/\..*/, "")));
    expect(stale, "not in the core any more").toEqual([]);
  });

  it("that are saved come back by saveState and loadState, the others stay as they are", () => {
    const [, core] = onDebug(SMMUV3).make(new Log());
    let value = 0;
    core.set(isSaved, () => ++value);
    // A boolean keeps 0 and 1 only.
    core.set(
      ({ name }) => name === "Ids.holes",
      () => 1,
    );
    const before = core.get(isSaved);
    const others = core.get((global) => !isSaved(global));
    core.call("saveState");
    core.set(isSaved, () => 0);
    core.call("loadState");
    expect(core.get(isSaved)).toEqual(before);
    expect(core.get((global) => !isSaved(global))).toEqual(others);
  });

  it.each<[string, Kind<Machine>, number]>([
    ["SmmuV3", SMMUV3 as Kind<Machine>, 1],
    ["VtdIommu", VTD as Kind<Machine>, 1],
  ])("of one call may hold anything between calls: %s", (_name, kind, seed) => {
    const random = new Random(seed);
    const garbage = new Random(seed, 1);
    const logs = [new Log(), new Log()] as const;
    const { make, restore } = onDebug(kind);
    const [whole, core] = make(logs[0]);
    let [pieces, spoilt] = make(logs[1]);
    for (let n = 0; n < 200; n++) {
      if (n % 50 === 0) {
        [pieces, spoilt] = restore(pieces.snapshot(), logs[1]);
        expect(spoilt.get((global) => isArena(global) || isSaved(global))).toEqual(
          core.get((global) => isArena(global) || isSaved(global)),
        );
      }
      spoilt.set(isOfOneCall, () => garbage.pick([0, 1, garbage.below(2 ** 31)]));
      const { what, run } = kind.step(random, false);
      const where = `seed ${seed}, step ${n}: ${what}`;
      expect(run(pieces), where).toEqual(run(whole));
      expect(seen(pieces, kind.registers, true), where).toEqual(seen(whole, kind.registers, true));
      expect(logs[1].calls, where).toEqual(logs[0].calls);
    }
    expect(Buffer.compare(pieces.snapshot(), whole.snapshot())).toBe(0);
  });
});
