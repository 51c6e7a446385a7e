// All tables of hand-made cases, by topic.
import type { ManualCase } from "../format.js";
import { ats } from "./ats.js";
import { beyondVectors } from "./beyond-vectors.js";
import { cachedChecks } from "./cached-checks.js";
import { commands } from "./commands.js";
import { configCaches } from "./config-caches.js";
import { addressHalves } from "./halves.js";
import { httuNested } from "./httu-nested.js";
import { httuShapes } from "./httu-shapes.js";
import { httuStage1 } from "./httu-stage1.js";
import { httuStage2 } from "./httu-stage2.js";
import { httuStale } from "./httu-stale.js";
import { leafSizes } from "./leaf-sizes.js";
import { legality } from "./legality.js";
import { literalCases } from "./literal.js";
import { nestedContext } from "./nested-context.js";
import { permissionsStage1 } from "./permissions-stage1.js";
import { permissionsStage2 } from "./permissions-stage2.js";
import { permissionsTables } from "./permissions-tables.js";
import { smallTables } from "./small-tables.js";
import { stalls } from "./stall.js";
import { substreamRules } from "./substream-rules.js";
import { substreamTables } from "./substream-tables.js";
import { termination } from "./termination.js";
import { tlbLeaves } from "./tlb-leaves.js";
import { tlbRanges } from "./tlb-ranges.js";
import { tlbTags } from "./tlb-tags.js";
import { walkCaches } from "./walk-caches.js";
import { wideStage1 } from "./wide-stage1.js";
import { wideStage1With64k } from "./wide-stage1-64k.js";
import { wideStage2 } from "./wide-stage2.js";
import { wideStage2With64k } from "./wide-stage2-64k.js";
import { wideTlb } from "./wide-tlb.js";

export const TOPICS: readonly (readonly [topic: string, cases: readonly ManualCase[]])[] = [
  ["bytes throughout", literalCases],
  ["substreams: CD tables", substreamTables],
  ["substreams: rules and records", substreamRules],
  ["substreams: CDs through stage 2", nestedContext],
  ["52-bit addresses at stage 1, 64KB", wideStage1With64k],
  ["52-bit addresses at stage 1, 4KB and 16KB", wideStage1],
  ["52-bit addresses at stage 2, 4KB and 16KB", wideStage2],
  ["52-bit addresses at stage 2, 64KB, nested", wideStage2With64k],
  ["legal sizes", legality],
  ["STE.EATS", ats],
  ["small tables, concatenated roots", smallTables],
  ["address halves: EPD, TBI, E0PD", addressHalves],
  ["HTTU at stage 1", httuStage1],
  ["HTTU at stage 1: shapes, legality", httuShapes],
  ["HTTU at stage 2", httuStage2],
  ["HTTU nested", httuNested],
  ["HTTU over stale entries", httuStale],
  ["permissions of stage 1 pages", permissionsStage1],
  ["hierarchical permissions, PAN, overrides", permissionsTables],
  ["permissions of stage 2", permissionsStage2],
  ["TLB tags", tlbTags],
  ["TLB leaves, tables, hints", tlbLeaves],
  ["TLB ranges", tlbRanges],
  ["partial walks", walkCaches],
  ["52-bit addresses in the TLB", wideTlb],
  ["checks on cached translations", cachedChecks],
  ["configuration caches", configCaches],
  ["termination", termination],
  ["stalls", stalls],
  ["rules beyond the vectors", beyondVectors],
  ["refused commands", commands],
  ["leaf sizes", leafSizes],
];
