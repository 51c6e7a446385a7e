// All tables of hand-made cases, by topic.
import type { ManualCase } from "../format.js";
import { commands } from "./commands.js";
import { configCaches } from "./config-caches.js";
import { addressHalves } from "./halves.js";
import { httuStage1 } from "./httu-stage1.js";
import { httuStage2 } from "./httu-stage2.js";
import { leafSizes } from "./leaf-sizes.js";
import { legality } from "./legality.js";
import { literalCases } from "./literal.js";
import { nestedContext } from "./nested-context.js";
import { permissionsStage1 } from "./permissions-stage1.js";
import { permissionsStage2 } from "./permissions-stage2.js";
import { permissionsTables } from "./permissions-tables.js";
import { smallTables } from "./small-tables.js";
import { substreamRules } from "./substream-rules.js";
import { substreamTables } from "./substream-tables.js";
import { tlbRanges } from "./tlb-ranges.js";
import { tlbTags } from "./tlb-tags.js";
import { wideStage1 } from "./wide-stage1.js";
import { wideStage2 } from "./wide-stage2.js";

export const TOPICS: readonly (readonly [topic: string, cases: readonly ManualCase[]])[] = [
  ["bytes throughout", literalCases],
  ["substreams: CD tables", substreamTables],
  ["substreams: rules and records", substreamRules],
  ["substreams: CDs through stage 2", nestedContext],
  ["52-bit addresses at stage 1", wideStage1],
  ["52-bit addresses at stage 2", wideStage2],
  ["legal sizes", legality],
  ["small tables, concatenated roots", smallTables],
  ["address halves: EPD, TBI, E0PD", addressHalves],
  ["HTTU at stage 1", httuStage1],
  ["HTTU at stage 2, nested", httuStage2],
  ["permissions of stage 1 pages", permissionsStage1],
  ["hierarchical permissions, PAN, overrides", permissionsTables],
  ["permissions of stage 2", permissionsStage2],
  ["TLB tags", tlbTags],
  ["TLB ranges and hints", tlbRanges],
  ["configuration caches", configCaches],
  ["refused commands", commands],
  ["leaf sizes", leafSizes],
];
