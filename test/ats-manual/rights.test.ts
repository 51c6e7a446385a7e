// Rights of translation requests that random worlds seldom reach, by the pseudocode of IHI 0070 13.7.1: Exe goes with the
// right to read, whatever else is granted.

import { describe, expect, it } from "vitest";
import { AtsWorld, PAGE2, RW1, S2AP, XN } from "../ats/ats-world.js";

/** Input page 5 → IPA page 6 → physical page 0x40007, which stage 2 lets nobody read. */
const writeOnly = (leaf1: bigint, leaf2: bigint): AtsWorld =>
  new AtsWorld().map(5, 6, 0x4_0007, leaf1, leaf2);
const WRITE_ONLY = PAGE2 | S2AP.write;
/** Stage 2 XN[1:0] = 0b10: nobody executes. */
const NEVER = 1n << 54n;

describe("a page that may be written and executed, not read (13.7.1)", () => {
  it.each([
    ["a write, Exe asked: the write alone", { pasid: 1, write: true, execute: true }, "-w- 0x40007000+12"],
    ["a write", { pasid: 1, write: true }, "-w- 0x40007000+12"],
    ["NW, Exe asked: nothing, as of an execute-only page", { pasid: 1, execute: true }, "--- 0x0+12"],
    [
      "privileged, a write, Exe asked",
      { pasid: 1, write: true, execute: true, privileged: true },
      "-w- priv 0x40007000+12",
    ],
  ])("%s", (_, request, expected) => {
    expect(writeOnly(RW1, WRITE_ONLY).answer(5, request)).toBe(expected);
    // Not executable either: the same.
    expect(writeOnly(RW1 | XN.user, WRITE_ONLY | NEVER).answer(5, request)).toBe(expected);
  });
});
