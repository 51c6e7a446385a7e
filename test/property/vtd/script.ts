// What a world did to a machine, step by step, so that it can be played again with fewer requests: the shrinking of
// a failure to the earlier requests that it needs.

import type { Outcome, Request } from "../../reference/vtd/iommu.js";
import type { Descriptor } from "./descriptor-bytes.js";
import { describeRequest, type Machine } from "./machine.js";
import type { World } from "./world.js";

export type ScriptStep =
  | { kind: "memory"; journal: readonly [pa: bigint, value: bigint][] }
  | { kind: "descriptors"; descriptors: readonly Descriptor[] }
  | { kind: "registers"; rtaddr: bigint; gsts: bigint }
  | { kind: "request"; request: Request };

const MOST_REPLAYS = 400;

function play(machine: Machine, world: World, script: readonly ScriptStep[]): void {
  machine.begin(world);
  for (const step of script) {
    if (step.kind === "memory") machine.write(step.journal);
    else if (step.kind === "descriptors") machine.issue(step.descriptors);
    else if (step.kind === "registers") machine.setRegisters(step.rtaddr, step.gsts);
    else machine.ask(step.request);
  }
}

/** The earlier requests without which `request` would be answered rightly, in words. */
export function shrink(
  machine: Machine,
  world: World,
  script: readonly ScriptStep[],
  request: Request,
  outcome: Outcome,
): string {
  let replays = 0;
  const fails = (steps: readonly ScriptStep[]): boolean => {
    replays++;
    play(machine, world, steps);
    return machine.compare([request], [outcome]) !== undefined;
  };
  const isRequest = (step: ScriptStep): boolean => step.kind === "request";
  if (fails(script.filter((step) => !isRequest(step)))) return "fails alone, on cold caches";
  if (!fails(script)) return "does not fail again when played one by one";
  let kept = [...script];
  for (let size = script.filter(isRequest).length; size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < kept.length && replays < MOST_REPLAYS; ) {
      let taken = 0;
      const fewer = kept.filter((step, i) => i < from || !isRequest(step) || taken++ >= size);
      if (fewer.length < kept.length && fails(fewer)) kept = fewer;
      else from += size;
    }
  }
  const needed = kept.flatMap((step) => (step.kind === "request" ? [describeRequest(step.request)] : []));
  return `needs ${needed.length} earlier requests: ${needed.slice(-6).join(", ")}`;
}
