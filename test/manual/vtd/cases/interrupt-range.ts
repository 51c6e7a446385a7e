// The interrupt address range FEEx_xxxx (VT-d 3.14): requests without PASID to it are interrupts, no translation and no
// pass-through may lead into it; pages around it are split in the caches.
import { words } from "../../assemble.js";
import { FS_OPEN, PS, SS_OPEN } from "../assemble.js";
import type { VtdCase } from "../format.js";
import { access, bypass, fault, pa, plain, plainFault } from "../steps.js";
import { BOTH, bare, first, IOVA, legacy, nested, PASSES, second } from "../worlds.js";

/** Start of the 2 MiB and of the 1 GiB around IOVA. */
const IN2M = 0x80_4020_0000n;
const IN1G = 0x80_4000_0000n;
const INTO = (iova: bigint) => access("r", iova, fault(0x87, "r", iova));
/** Leaf sizes are not stated: the page is split. */
const to = (iova: bigint, address: bigint) => access("r", iova, pa(address));

/** Twice, in turn, so that what one access has left behind answers the next. */
const split2M = [
  to(IN2M + 0x10_0000n, 0xfef0_0000n),
  INTO(IN2M),
  to(IN2M + 0x1f_f678n, 0xfeff_f678n),
  INTO(IN2M + 0xf_f678n),
  to(IN2M + 0x10_0678n, 0xfef0_0678n),
  INTO(IN2M + 0x8_0000n),
];
const split1G = [
  to(IN1G, 0xc000_0000n),
  to(IN1G + 0x3ed0_0000n, 0xfed0_0000n),
  INTO(IN1G + 0x3ee0_0000n),
  to(IN1G + 0x3edf_f678n, 0xfedf_f678n),
  INTO(IN1G + 0x3eef_f678n),
  to(IN1G + 0x3ef0_0000n, 0xfef0_0000n),
  to(IN1G + 0x3fff_f678n, 0xffff_f678n),
  INTO(IN1G + 0x3ee0_0000n),
];

const outputs: VtdCase[] = [
  first("splits a first-stage page of 2 MiB that holds the range: 0x87 inside, translated around (3.14)", {
    path: { l2: 0xfee0_0000n | PS | FS_OPEN },
    steps: split2M,
  }),
  first("splits a first-stage page of 1 GiB that holds the range (3.14)", {
    path: { l3: 0xc000_0000n | PS | FS_OPEN },
    steps: split1G,
  }),
  second("splits a second-stage page of 2 MiB that holds the range (3.14)", {
    path: { l2: 0xfee0_0000n | PS | SS_OPEN },
    steps: split2M,
  }),
  second("splits a second-stage page of 1 GiB that holds the range (3.14)", {
    path: { l3: 0xc000_0000n | PS | SS_OPEN },
    steps: split1G,
  }),
  nested("splits nested pages of 1 GiB whose host page holds the range (3.14)", {
    path: { l3: 0x8000_0000n | PS | FS_OPEN },
    more: [[0x4010_4010n, words(0xc000_0000n | PS | SS_OPEN)]],
    steps: split1G,
  }),
  nested("lets guest-physical addresses be in the range: only the output counts (3.14)", {
    // GPA 0xFEE0_1000: entry 3 of level 3, 0x1F7 of level 2, 1 of level 1.
    path: { l1: 0xfee0_1000n | FS_OPEN },
    more: [
      [0x4010_4018n, words(0x4012_0000n | SS_OPEN)],
      [0x4012_0fb8n, words(0x4012_1000n | SS_OPEN)],
      [0x4012_1008n, words(0x5000_1000n | SS_OPEN)],
    ],
    steps: [access("r", IOVA + 0x678n, pa(0x5000_1678n, 12))],
  }),
  first("takes a 4 KiB page into the range for no page: 0x87, with and without PASID (3.14)", {
    path: { l1: 0xfee0_1000n | FS_OPEN },
    steps: [INTO(IOVA), plain("w", IOVA, plainFault(0x87, "w", IOVA)), INTO(IOVA)],
  }),
  first("knows no range above 4 GiB, nor FEDx and FEFx (3.14)", {
    path: { l2: 0x1_fee0_0000n | PS | FS_OPEN },
    steps: [access("r", IN2M, pa(0x1_fee0_0000n, 21))],
  }),
  legacy("legacy: has the code 0xE for it (Table 30)", {
    path: { l1: 0xfee0_1000n | SS_OPEN },
    steps: [plain("r", IOVA, plainFault(0xe, "r", IOVA))],
  }),
];

const inputs: VtdCase[] = [
  bare("lets no request with PASID pass through into the range: 0x87 (3.14)", {
    entry: PASSES,
    steps: [
      access("w", 0xfee0_0000n, fault(0x87, "w", 0xfee0_0000n)),
      access("w", 0xfeef_ffffn, fault(0x87, "w", 0xfeef_ffffn)),
      access("w", 0xfedf_ffffn, bypass(0xfedf_ffffn)),
      access("w", 0xfef0_0000n, bypass(0xfef0_0000n)),
    ],
  }),
  bare("translates no request without PASID to the range, whatever the structures say (3.14)", {
    entry: { ...BOTH, PGTT: 7 },
    steps: [
      plain("w", 0xfee0_0000n, bypass(0xfee0_0000n)),
      plain("w", 0xfeef_ffffn, bypass(0xfeef_ffffn)),
      plain("w", 0xfedf_ffffn, plainFault(0x5b, "w", 0xfedf_ffffn)),
      plain("w", 0xfee0_1000n, bypass(0xfee0_1000n), { sid: 0x1234 }),
    ],
  }),
  second("knows no range in inputs above 4 GiB, with the low bits of the range or not (3.14, 3.7)", {
    // Bits 56:52 = 5: entry 0x50 of level 5; entry 0 of level 4; entry 3 of level 3, a page of 1 GiB.
    entry: { AW: 3, SSPTPTR: 0x4011_0000n },
    more: [
      [0x4011_0280n, words(0x4011_1000n | SS_OPEN)],
      [0x4011_1000n, words(0x4011_2000n | SS_OPEN)],
      [0x4011_2018n, words(0x1_0000_0000n | PS | SS_OPEN)],
    ],
    steps: [
      plain("r", 0x50_0000_fee0_0678n, pa(0x1_3ee0_0678n, 30)),
      plain("r", 0x50_0000_c000_0678n, pa(0x1_0000_0678n, 30)),
    ],
  }),
  second(
    "translates requests with PASID to the range, and keeps a page around it from requests without (3.14)",
    {
      // Input 0xC000_0000: entry 0 of level 4, 3 of level 3: a page of 1 GiB.
      more: [
        [0x4010_0000n, words(0x4010_1000n | SS_OPEN)],
        [0x4010_1018n, words(0x1_0000_0000n | PS | SS_OPEN)],
      ],
      steps: [
        plain("r", 0xfed0_0000n, pa(0x1_3ed0_0000n)),
        plain("r", 0xfee0_0000n, bypass(0xfee0_0000n)),
        access("r", 0xfee0_0000n, pa(0x1_3ee0_0000n)),
        plain("r", 0xfef0_0000n, pa(0x1_3ef0_0000n)),
        plain("r", 0xfee0_0000n, bypass(0xfee0_0000n)),
        access("r", 0xfee0_0000n, pa(0x1_3ee0_0000n)),
      ],
    },
  ),
];

export const interruptRangeCases: readonly VtdCase[] = [...outputs, ...inputs];
