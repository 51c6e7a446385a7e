// Explaining one request: the machine translates it, its core of the trace build says what was read, and the reads become
// a tree with names. There is no second walker: what happened is the core's word.

import type { TranslateRequest } from "../machine/translation.js";
import type { WalkRecord } from "../machine/walk-records.js";
import { SmmuV3 } from "../smmuv3/smmuv3.js";
import type { VtdIommu } from "../vtd/vtd-iommu.js";
import type { Blame } from "./causes.js";
import type { ExplainedCause, ExplainedStep, Explanation } from "./explanation.js";
import { inOrder } from "./explanation.js";
import { blameSmmu, explainEvent } from "./smmuv3.js";
import { STRUCTURES } from "./structures.js";
import { growTree } from "./tree.js";
import { blameVtd, explainFaultRecord } from "./vtd.js";

/**
 * Translates a request and explains how. It is a request like any other: it counts, fills caches, sets flags in
 * descriptors and leaves its fault record.
 *
 * @param machine one made with the option `trace`; with its caches "off" every read is listed, else those that were made
 * @param request the request
 * @returns what was read, what came of it, and of a fault which bits made it
 * @throws TypeError when the machine keeps no walk records; TypeError, RangeError that name the field of the request
 *
 * @example
 * const trace = readFileSync(fileURLToPath(import.meta.resolve("nested-iommu/wasm/trace.wasm")));
 * const smmu = new SmmuV3({ trace, iotlb: "off", walkCaches: "off", configCache: "off" });
 * explain(smmu, { stream: 8, iova: 0x1000n }).answer.status; // "bypassed": SMMUEN is 0 after reset
 */
export function explain(machine: SmmuV3 | VtdIommu, request: TranslateRequest): Explanation {
  if (machine.walkRecords() === undefined) {
    throw new TypeError('"machine" expected one with the option "trace", got one that keeps no walk records');
  }
  return machine instanceof SmmuV3 ? explainSmmu(machine, request) : explainVtd(machine, request);
}

function explainSmmu(smmu: SmmuV3, request: TranslateRequest): Explanation {
  const { fault, event, ...answer } = smmu.translate(request);
  const records = smmu.walkRecords() ?? [];
  const tree = growTree({ vendor: "smmuv3", memory: smmu.memory }, records);
  if (!fault) return { request, ...tree, answer };
  const cause = place(blameSmmu(fault, records, smmu.refusedField()), records, tree);
  return {
    request,
    ...tree,
    answer,
    fault: { name: fault.name, cause, ...(event && { record: explainEvent(event) }) },
  };
}

function explainVtd(vtd: VtdIommu, request: TranslateRequest): Explanation {
  const { fault, record, ...answer } = vtd.translate(request);
  const records = vtd.walkRecords() ?? [];
  const tree = growTree({ vendor: "vtd", memory: vtd.memory }, records);
  if (!fault) return { request, ...tree, answer };
  const wordsOf = ({ kind, pa }: WalkRecord): bigint[] =>
    Array.from({ length: STRUCTURES[kind]?.length ?? 1 }, (_, n) => vtd.memory.readU64(pa + BigInt(8 * n)));
  const cause = place(blameVtd(fault, records, vtd.features.hostWidth, wordsOf), records, tree);
  return {
    request,
    ...tree,
    answer,
    fault: { name: fault.name, cause, ...(record && { record: explainFaultRecord(record) }) },
  };
}

/** The cause with its read named by its place in the order of reading. */
function place(
  { text, record, bits }: Blame,
  records: readonly WalkRecord[],
  tree: Pick<Explanation, "steps" | "output" | "unread">,
): ExplainedCause {
  if (!record) return { text };
  // Reads are unique by address within a walk, but a table may be read twice: by the place among the like.
  const same = (step: ExplainedStep): boolean => step.what === record.kind && step.address === record.address;
  const nth = records
    .filter((one) => one.kind === record.kind && one.address === record.address)
    .indexOf(record);
  const order = inOrder(tree as Explanation);
  const step = order.indexOf(order.filter(same)[nth] as ExplainedStep);
  return { text, ...(step >= 0 && { step }), ...(bits && { bits }) };
}
