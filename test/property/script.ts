// What a world did to a machine, step by step, so that it can be played again with fewer requests.

import type { Outcome, Request } from "../reference/outcome.js";
import { describeRequest, type Machine } from "./machine.js";
import { neededRequests, type RequestStep } from "./shrink.js";
import type { World } from "./world.js";

export type ScriptStep =
  | { kind: "memory"; journal: readonly [pa: bigint, value: bigint][] }
  | { kind: "commands"; commands: readonly Uint8Array[] }
  | { kind: "registers"; registers: Record<string, bigint> }
  | RequestStep<Request>;

function play(machine: Machine, world: World, script: readonly ScriptStep[]): void {
  machine.begin(world);
  for (const step of script) {
    if (step.kind === "memory") machine.write(step.journal);
    else if (step.kind === "commands") machine.issue(step.commands);
    else if (step.kind === "registers") machine.setRegisters(step.registers);
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
  const isWrong = (steps: readonly ScriptStep[]): boolean => {
    play(machine, world, steps);
    return machine.compare([request], [outcome]) !== undefined;
  };
  return neededRequests(script, isWrong, describeRequest);
}
