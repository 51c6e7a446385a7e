// STE.EATS (IHI 0070 5.2 EATS, 5.2.2): which values are ILLEGAL for which stages where IDR0.ATS = 1, and that nothing
// of ATS changes an untranslated access.
import type { Expect, Idr, ManualCase, Step } from "../format.js";
import { ABORT, access, bypass, C_BAD_STE, configError, pa } from "../steps.js";
import { FULL, nested, PA, stage1, stage2, VA } from "../worlds.js";

const ATS: Idr = { ...FULL, IDR0: FULL.IDR0 | 0x400 };
/** Split-stage ATS is not supported. */
const NS1ATS: Idr = { ...FULL, IDR0: FULL.IDR0 | 0xc00 };

type Image = typeof stage1 | typeof stage2 | typeof nested;
type Row = readonly [what: string, image: Image, idr: Idr, eats: number, legal: boolean, config?: number];

const ROWS: readonly Row[] = [
  ["stage 1", stage1, ATS, 0, true],
  ["stage 1", stage1, ATS, 1, true],
  ["stage 1", stage1, ATS, 2, false],
  ["stage 1, no DPT: as 0b00", stage1, ATS, 3, true],
  ["stage 2", stage2, ATS, 0, true],
  ["stage 2", stage2, ATS, 1, true],
  ["stage 2", stage2, ATS, 2, false],
  ["stage 2, no DPT: as 0b00", stage2, ATS, 3, true],
  ["both stages", nested, ATS, 0, true],
  ["both stages", nested, ATS, 1, true],
  ["both stages", nested, ATS, 2, true],
  ["both stages, no DPT: as 0b00", nested, ATS, 3, true],
  ["both stages, NS1ATS = 1", nested, NS1ATS, 1, true],
  ["both stages, NS1ATS = 1", nested, NS1ATS, 2, false],
  ["both stages, NS1ATS = 1, no DPT: as 0b00", nested, NS1ATS, 3, true],
  ["bypass, where it is ignored", stage1, ATS, 2, true, 4],
  ["abort, where it is ignored", stage1, ATS, 2, true, 0],
  ["stage 1, ATS = 0, where it is ignored", stage1, FULL, 2, true],
  ["stage 2, ATS = 0, where it is ignored", stage2, FULL, 2, true],
];

const answer = (legal: boolean, config: number | undefined): Expect => {
  if (config === 0) return ABORT;
  if (config === 4) return bypass(VA);
  return legal ? pa(PA) : configError(C_BAD_STE);
};

export const ats: ManualCase[] = ROWS.map(([what, image, idr, EATS, legal, Config]) => {
  const expected = answer(legal, Config);
  const ste: Record<string, number> = Config === undefined ? { EATS } : { EATS, Config };
  // With ATSCHK = 0 and with ATSCHK = 1 (CR0 bit 4): EATS = 0b10 stays legal, it only counts as 0b00.
  const steps: Step[] = [access("r", VA, expected)];
  if (idr !== FULL) steps.push({ op: "reg", name: "CR0", value: 0x1dn }, access("r", VA, expected));
  const verdict = legal ? "takes" : "refuses";
  return image(`${verdict} EATS = ${EATS}: ${what}${legal ? "" : ", C_BAD_STE"} (5.2.2)`, {
    idr,
    ste,
    steps,
  });
});
