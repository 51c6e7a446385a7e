// Programs of a consumer of the packed package: what each prints, once it has translated, in a process of its own.

/** Bypasses or aborts one request; then a pool of one unit does the same. `%POOL%` are options of that pool. */
const BODY = `
const answer = new SmmuV3().translate({ stream: 1, iova: 0x1234n });
const pool = await TranslationPool.create(SmmuV3, { workers: 1, %POOL% });
const [unit] = pool.units;
unit.batch.stream[0] = 1;
unit.batch.iova[0] = 0x1234n;
const faults = await unit.run(1);
console.log(answer.status, unit.batch.status[0], faults.length);
await pool.close();
`;

/** What every program prints: bypassed (the power-on state), status 1 of the batch, no fault. */
export const PRINTED = "bypassed 1 0\n";

/** An ES module that uses the package. @param pool options of its pool, as source text */
export function esModule(pool = ""): string {
  return `import { SmmuV3, TranslationPool } from "nested-iommu";\n${BODY.replace("%POOL%", pool)}`;
}

/** A CommonJS module that does. */
export function commonJs(): string {
  const body = BODY.replace("%POOL%", "");
  return `const { SmmuV3, TranslationPool } = require("nested-iommu");\n(async () => {${body}})();\n`;
}

/** An ES module that runs `file` in a worker thread. */
export function inWorker(file: string): string {
  return `import { Worker } from "node:worker_threads";\nnew Worker(new URL("./${file}", import.meta.url));\n`;
}
