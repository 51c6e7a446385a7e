// All tables of hand-made VT-d cases, by topic.
import type { VtdCase } from "../format.js";
import { firstStageCases } from "./first-stage.js";
import { interruptRangeCases } from "./interrupt-range.js";
import { invalidationReachCases } from "./invalidation-reach.js";
import { structureCacheCases } from "./invalidation-structures.js";
import { invalidationTagCases } from "./invalidation-tags.js";
import { literalCases } from "./literal.js";
import { nestedCases } from "./nested.js";
import { nestedTableCases } from "./nested-tables.js";
import { privilegeCases } from "./privilege.js";
import { secondStageCases } from "./second-stage.js";
import { structureCases } from "./structures.js";

export const TOPICS: readonly (readonly [topic: string, cases: readonly VtdCase[]])[] = [
  ["bytes throughout", literalCases],
  ["structures, PASIDs, fault processing disable", structureCases],
  ["first stage", firstStageCases],
  ["privilege and flags of the first stage", privilegeCases],
  ["second stage", secondStageCases],
  ["nested", nestedCases],
  ["nested: first-stage tables", nestedTableCases],
  ["interrupt address range", interruptRangeCases],
  ["invalidation: tags", invalidationTagCases],
  ["invalidation: reach", invalidationReachCases],
  ["invalidation: context and PASID caches", structureCacheCases],
];
