// TLBI by the address of one page, which the core finds without a search: exactly that page, under exactly those tags, and
// the tables above it (IHI 0070 4.4.2). The tables are those of nested-by-hand.ts: ASID 1, VMID 1, 48 bits.

import { describe, expect, it } from "vitest";
import { nestedByHand, PA, VA } from "./nested-by-hand.js";
import { Rig, tlbiVa, tlbiVaa } from "./rig.js";

const LEAF = 1n;
const KEPT = { entries: 0, stage1Fetches: [0, 0, 0, 0, 0] };
const PAGE_AND_TABLES = { entries: 1, stage1Fetches: [0, 1, 1, 1, 1] };
const PAGE_ALONE = { entries: 1, stage1Fetches: [0, 0, 0, 0, 1] };

describe("TLBI_NH_VA and TLBI_NH_VAA of one page", () => {
  it.each([
    ["the page, and the tables on its way", tlbiVa(1, VA, 1), PAGE_AND_TABLES],
    ["the page alone with Leaf = 1", tlbiVa(1, VA | LEAF, 1), PAGE_ALONE],
    ["the page of any ASID", tlbiVaa(VA, 1), PAGE_AND_TABLES],
    ["no other page", tlbiVa(1, VA + 0x1000n, 1), KEPT],
    ["nothing of another ASID", tlbiVa(2, VA, 1), KEPT],
    ["nothing of another VMID", tlbiVa(1, VA, 2), KEPT],
    ["nothing above the 48 bits of the tables", tlbiVa(1, VA | (1n << 48n), 1), KEPT],
    ["nothing above the 52 bits that tags hold", tlbiVa(1, VA | (1n << 52n), 1), KEPT],
    ["nothing of the other half", tlbiVa(1, VA | (0xffffn << 48n), 1), KEPT],
  ])("drops %s", (_, command, { entries, stage1Fetches }) => {
    const rig = new Rig();
    for (const [address, value] of nestedByHand()) rig.words(address, value);
    expect(rig.smmu.translate({ stream: 0, iova: VA })).toMatchObject({ pa: PA });
    rig.smmu.resetCounters();
    expect(rig.smmu.issue(command)).toBe(0);
    expect(rig.smmu.translate({ stream: 0, iova: VA })).toMatchObject({ pa: PA });
    expect(rig.smmu.counters()).toMatchObject({ invalidatedEntries: entries, stage1Fetches });
  });
});
