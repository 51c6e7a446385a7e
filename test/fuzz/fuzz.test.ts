// Every call of the host face with every truncated length, every argsz, every field at nasty values and random bytes, in
// every state: −errno or success, never an exception, and a refused call leaves everything as it was.
// NI_SEED=n reproduces, NI_RUNS=n makes n times as many random arguments.

import { describe, expect, it } from "vitest";
import type { ProfileName } from "../../src/index.js";
import { Random } from "../property/random.js";
import { runs, seed } from "../property/settings.js";
import type { Density } from "./arguments.js";
import { CALLS } from "./calls.js";
import type { Condition, State } from "./program.js";
import { Session } from "./session.js";

const FULL: Density = { values: 1, lengths: 1, pairs: 30 * runs, random: 15 * runs };
const SPARSE: Density = { values: 0.1, lengths: 0.1, pairs: 6 * runs, random: 4 * runs };

const EARLY: readonly State[] = ["fresh", "in a container", "closed"];
/** The states of a container type, and how much is tried in each. */
const PLAIN: readonly (readonly [State, Density])[] = [
  ["attached", SPARSE],
  ["mapped", SPARSE],
];
/** Calls that must have succeeded at some time, or the runs prove little. */
const NEVER_DONE: Record<ProfileName, RegExp> = {
  header: /Gpasid|GROUP_SET_CONTAINER/,
  // UNBIND fails, its work done; DOMAIN is not implemented; page requests do not reach the guest.
  "linux-v10": /Gpasid|GROUP_SET_CONTAINER|UNBIND|DOMAIN|pageResponse/,
};
const NESTED: readonly (readonly [State, Density])[] = [
  ["attached", SPARSE],
  ["mapped", SPARSE],
  ["bound", FULL],
  ["ring full", SPARSE],
  ["page request pending", SPARSE],
];

interface Plan {
  readonly name: string;
  readonly condition: Omit<Condition, "state" | "profile">;
  readonly states: readonly (readonly [State, Density])[];
  /** Names of the calls; default all. */
  readonly calls?: RegExp;
}

const PLANS: readonly Plan[] = [
  {
    name: "before SET_IOMMU, and closed",
    condition: { type: 6 },
    states: EARLY.map((state) => [state, SPARSE]),
  },
  { name: "type 1", condition: { type: 1 }, states: PLAIN },
  { name: "type 1 version 2", condition: { type: 3 }, states: PLAIN },
  { name: "nesting", condition: { type: 6 }, states: NESTED },
  {
    name: "nesting, by a driver that binds guest PASIDs",
    condition: { type: 6, bindsGpasids: true },
    states: [
      ["attached", SPARSE],
      ["bound", FULL],
    ],
    calls: /Gpasid|PASID|MSI|pageResponse/,
  },
];

describe.each(["header", "linux-v10"] as const)("every call, profile %s", (profile) => {
  for (const [index, { name, condition, states, calls: names }] of PLANS.entries()) {
    it(`ends in success or a reason, and refused ones change nothing: ${name}`, {
      timeout: 60_000 * (1 + runs),
    }, () => {
      const violations: string[] = [];
      const results = new Map<string, number>();
      let calls = 0;
      let restarts = 0;
      for (const [state, density] of states) {
        // The series answers page requests itself.
        if (state === "page request pending" && profile === "linux-v10") continue;
        const session = new Session({ ...condition, profile, state }, new Random(seed, index));
        session.run(density, names);
        violations.push(...session.violations);
        for (const [key, count] of session.results) results.set(key, (results.get(key) ?? 0) + count);
        calls += session.calls;
        restarts += session.restarts;
      }
      console.log(`fuzz, seed ${seed}, ${profile}, ${name}: ${calls} calls, ${restarts} restarts`);
      if (process.env.NI_VERBOSE !== undefined) console.log(results);
      expect(violations.join("\n")).toBe("");
      if (name !== "nesting") return;
      const done = CALLS.filter((call) => results.has(`${call.name} done`)).map((call) => call.name);
      const wanted = CALLS.map((call) => call.name).filter((call) => !NEVER_DONE[profile].test(call));
      expect(done).toEqual(expect.arrayContaining(wanted));
    });
  }
});
