import { describe, expect, it } from "vitest";
import { neededRequests, type RequestStep } from "./shrink.js";

type Step = { kind: "write" } | RequestStep<number>;
const SCRIPT: Step[] = Array.from({ length: 40 }, (_, n) =>
  n % 4 === 0 ? { kind: "write" } : { kind: "request", request: n },
);
const requests = (steps: readonly Step[]): number[] =>
  steps.flatMap((step) => (step.kind === "request" ? [step.request] : []));
const shrunk = (isWrong: (asked: number[]) => boolean): string =>
  neededRequests<Step, number>(SCRIPT, (steps) => isWrong(requests(steps)), String);

describe("a failure", () => {
  it("is cut down to the earlier requests that it needs", () => {
    expect(shrunk((asked) => asked.includes(7) && asked.includes(30))).toBe(
      "needs 2 earlier requests: 7, 30",
    );
  });

  it("that needs none, or does not come again, is told as that", () => {
    expect(shrunk(() => true)).toBe("fails alone, on cold caches");
    expect(shrunk(() => false)).toBe("does not fail again when played one by one");
  });

  it("keeps the other steps in every attempt", () => {
    const writes = (steps: readonly Step[]): number => steps.filter(({ kind }) => kind === "write").length;
    neededRequests<Step, number>(
      SCRIPT,
      (steps) => {
        expect(writes(steps)).toBe(10);
        return requests(steps).includes(39);
      },
      String,
    );
  });
});
