// A dirty update over a stale TLB entry: the descriptor in memory counts, not the copy (DDI 0487 D8.5.2.1 R_SGJBL,
// I_YZSVV; IHI 0070 3.13.4).
import { page, s2page, words } from "../assemble.js";
import type { ManualCase } from "../format.js";
import { access, F_PERMISSION, F_TRANSLATION, holds, pa, stage1Fault, store } from "../steps.js";
import { PA, S1_L3, S2_L3, stage1, stage2, VA } from "../worlds.js";

const MAPPED = pa(PA, 12);

const CLEAN = page(PA, { AP: 0b11, DBM: 1 });
const HTTU = { HA: 1, HD: 1 };
export const httuStale: ManualCase[] = [
  stage1("makes the descriptor dirty that is in memory now, and uses its address (D8.5.2.1 I_YZSVV)", {
    cd: HTTU,
    leaf: CLEAN,
    steps: [
      access("r", VA, MAPPED),
      store(S1_L3, words(page(0x6000_1000n, { AP: 0b11, DBM: 1 }))),
      access("w", VA, pa(0x6000_1000n, 12)),
      holds(S1_L3, words(page(0x6000_1000n, { AP: 0b01, DBM: 1 }))),
    ],
  }),
  stage1("faults on the write when the descriptor has become invalid (D8.5.2.1 I_YZSVV)", {
    cd: HTTU,
    leaf: CLEAN,
    steps: [
      access("r", VA, MAPPED),
      store(S1_L3, words(0n)),
      access("w", VA, stage1Fault(F_TRANSLATION, "w", VA)),
      holds(S1_L3, words(0n)),
    ],
  }),
  stage1("faults on the write when the descriptor has become read-only (D8.5.2.1 I_YZSVV)", {
    cd: HTTU,
    leaf: CLEAN,
    steps: [
      access("r", VA, MAPPED),
      store(S1_L3, words(page(PA, { AP: 0b11 }))),
      access("w", VA, stage1Fault(F_PERMISSION, "w", VA)),
      holds(S1_L3, words(page(PA, { AP: 0b11 }))),
    ],
  }),
  stage2("does the same at stage 2 (D8.5.2.1 I_YZSVV)", {
    ste: { S2HA: 1, S2HD: 1 },
    leaf: s2page(PA, { S2AP: 1, DBM: 1 }),
    steps: [
      access("r", VA, MAPPED),
      store(S2_L3, words(s2page(0x6000_1000n, { S2AP: 1, DBM: 1 }))),
      access("w", VA, pa(0x6000_1000n, 12)),
      holds(S2_L3, words(s2page(0x6000_1000n, { S2AP: 3, DBM: 1 }))),
    ],
  }),
];
