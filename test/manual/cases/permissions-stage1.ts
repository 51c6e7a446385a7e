// Stage 1 permissions of a page: AP[2:1], UXN, PXN and WXN (DDI 0487 Table D8-65, all 32 rows by six kinds of
// access), UWXN ignored (IHI 0070 5.4 UWXN), and the access attributes in F_PERMISSION (7.3, 7.3.16, 13.1.2).
import { type Fields, page } from "../assemble.js";
import type { ManualCase, Step } from "../format.js";
import { access, F_PERMISSION, type Kind, pa, stage1Fault } from "../steps.js";
import { PA, stage1, VA } from "../worlds.js";

const KINDS: readonly Kind[] = ["r", "w", "x", "pr", "pw", "px"];

/** Every kind of access to VA: granted if it is in `granted` (a list of kinds), else F_PERMISSION of stage 1. */
export function matrix(granted: string, at = VA, target = PA): Step[] {
  const allowed = new Set(granted.split(" "));
  return KINDS.map((kind) =>
    access(kind, at, allowed.has(kind) ? pa(target, 12) : stage1Fault(F_PERMISSION, kind, at)),
  );
}

// Table D8-65. r w x: UnprivRead, UnprivWrite, UnprivExecute; pr pw px: Priv…. Where the table says PrivWXN or
// UnprivWXN next to a write permission, that execute permission is gone (R_YHVFR, R_NPBXC).
const TABLE_D8_65: readonly (readonly [
  uxn: number,
  pxn: number,
  ap: number,
  wxn: number,
  granted: string,
])[] = [
  [0, 0, 0b00, 0, "pr pw px x"],
  [0, 0, 0b00, 1, "pr pw x"],
  [0, 0, 0b01, 0, "pr pw r w x"],
  [0, 0, 0b01, 1, "pr pw r w"],
  [0, 0, 0b10, 0, "pr px x"],
  [0, 0, 0b10, 1, "pr px x"],
  [0, 0, 0b11, 0, "pr px r x"],
  [0, 0, 0b11, 1, "pr px r x"],
  [0, 1, 0b00, 0, "pr pw x"],
  [0, 1, 0b00, 1, "pr pw x"],
  [0, 1, 0b01, 0, "pr pw r w x"],
  [0, 1, 0b01, 1, "pr pw r w"],
  [0, 1, 0b10, 0, "pr x"],
  [0, 1, 0b10, 1, "pr x"],
  [0, 1, 0b11, 0, "pr r x"],
  [0, 1, 0b11, 1, "pr r x"],
  [1, 0, 0b00, 0, "pr pw px"],
  [1, 0, 0b00, 1, "pr pw"],
  [1, 0, 0b01, 0, "pr pw r w"],
  [1, 0, 0b01, 1, "pr pw r w"],
  [1, 0, 0b10, 0, "pr px"],
  [1, 0, 0b10, 1, "pr px"],
  [1, 0, 0b11, 0, "pr px r"],
  [1, 0, 0b11, 1, "pr px r"],
  [1, 1, 0b00, 0, "pr pw"],
  [1, 1, 0b00, 1, "pr pw"],
  [1, 1, 0b01, 0, "pr pw r w"],
  [1, 1, 0b01, 1, "pr pw r w"],
  [1, 1, 0b10, 0, "pr"],
  [1, 1, 0b10, 1, "pr"],
  [1, 1, 0b11, 0, "pr r"],
  [1, 1, 0b11, 1, "pr r"],
];

const binary = (value: number): string => value.toString(2).padStart(2, "0");

const direct = TABLE_D8_65.map(([UXN, PXN, AP, WXN, granted]) =>
  stage1(
    `grants ${granted} with UXN = ${UXN}, PXN = ${PXN}, AP = 0b${binary(AP)}, WXN = ${WXN} (DDI 0487 Table D8-65)`,
    { cd: { WXN }, leaf: page(PA, { UXN, PXN, AP }), steps: matrix(granted) },
  ),
);

const uwxn: readonly (readonly [fields: Fields, granted: string])[] = [
  [{ AP: 0b01, UXN: 0, PXN: 0 }, "pr pw r w x"],
  [{ AP: 0b00, UXN: 0, PXN: 0 }, "pr pw px x"],
  [{ AP: 0b11, UXN: 0, PXN: 0 }, "pr px r x"],
];

const ignored = uwxn.map(([fields, granted]) =>
  stage1(`ignores UWXN for AP = 0b${binary(Number(fields.AP))}: ${granted} (IHI 0070 5.4 UWXN)`, {
    cd: { UWXN: 1 },
    leaf: page(PA, fields),
    steps: matrix(granted),
  }),
);

/** The reverse order: what the first access leaves in a cache must not widen the next one. */
const cached: ManualCase[] = [
  stage1("checks each access against its own right after others have been granted (13.4.1)", {
    leaf: page(PA, { AP: 0b10, UXN: 1, PXN: 0 }),
    steps: [
      access("pr", VA, pa(PA, 12)),
      access("px", VA, pa(PA, 12)),
      ...matrix("pr px"),
      ...matrix("pr px").reverse(),
    ],
  }),
];

// InD is 0 for writes: an incoming write is Data, whatever the client says (13.1.2).
const data: ManualCase[] = [
  stage1("treats an instruction write as a data write: granted by write permission (IHI 0070 13.1.2)", {
    leaf: page(PA, { AP: 0b01, UXN: 1, PXN: 1 }),
    steps: [access("w", VA, pa(PA), { exec: true }), access("pw", VA, pa(PA), { exec: true })],
  }),
  stage1("records InD = 0 for an instruction write (IHI 0070 13.1.2, 7.3.16)", {
    leaf: page(PA, { AP: 0b11 }),
    steps: [
      access("w", VA, stage1Fault(F_PERMISSION, "w", VA, { InD: 0 }), { exec: true }),
      access("pw", VA, stage1Fault(F_PERMISSION, "pw", VA, { InD: 0 }), { exec: true }),
      access("x", VA, pa(PA)),
    ],
  }),
];

export const permissionsStage1: ManualCase[] = [...direct, ...ignored, ...cached, ...data];
