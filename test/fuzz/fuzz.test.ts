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
  /** Calls that never succeed in it; any other one must have, or it proves little. By profile, "any" in both. */
  readonly never?: Record<ProfileName | "any", RegExp>;
}

const PLANS: readonly Plan[] = [
  {
    name: "before SET_IOMMU, and closed",
    condition: { vendor: "smmuv3", type: 6 },
    states: EARLY.map((state) => [state, SPARSE]),
  },
  { name: "type 1", condition: { vendor: "smmuv3", type: 1 }, states: PLAIN },
  { name: "type 1 version 2", condition: { vendor: "smmuv3", type: 3 }, states: PLAIN },
  {
    name: "nesting on SMMUv3",
    condition: { vendor: "smmuv3", type: 6 },
    states: NESTED,
    never: {
      any: /Gpasid|GROUP_SET_CONTAINER/,
      header: /^$/,
      // One context only; these granularities are not implemented; UNBIND fails, its work done; no page requests.
      "linux-v10": /of 64|DOMAIN|by PASID|UNBIND|pageResponse/,
    },
  },
  {
    name: "nesting on VT-d",
    condition: { vendor: "vtd", type: 6 },
    states: NESTED,
    never: {
      any: /SET_PASID_TABLE (SET|of)|MSI|GROUP_SET_CONTAINER/,
      header: /by ASID/,
      "linux-v10": /pageResponse/,
    },
  },
];

describe.each(["header", "linux-v10"] as const)("every call, profile %s", (profile) => {
  for (const [index, { name, condition, states, never }] of PLANS.entries()) {
    const title = `ends in success or a reason, and refused ones change nothing: ${name}`;
    it(title, { timeout: 60_000 * (1 + runs) }, () => {
      const violations: string[] = [];
      const taken = new Set<string>();
      let calls = 0;
      for (const [state, density] of states) {
        // The series answers page requests itself.
        if (state === "page request pending" && profile === "linux-v10") continue;
        const session = new Session({ ...condition, profile, state }, new Random(seed, index));
        session.run(density);
        violations.push(...session.violations);
        for (const call of session.taken) taken.add(call);
        calls += session.calls;
      }
      console.log(`fuzz, seed ${seed}, ${profile}, ${name}: ${calls} calls`);
      expect(violations.join("\n")).toBe("");
      if (never === undefined) return;
      const wanted = CALLS.filter((call) => !never.any.test(call.name) && !never[profile].test(call.name));
      expect(wanted.map((call) => call.name).filter((call) => !taken.has(call))).toEqual([]);
    });
  }
});
