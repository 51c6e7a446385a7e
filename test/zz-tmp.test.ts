import { it } from "vitest";
import { readdirSync } from "node:fs";
import { Verifier } from "../src/cli/verify.js";
it("x", async () => {
  const d = process.env.VD ?? "/work/shared/conformance/vtd/";
  for (const [n, c] of Object.entries({ default: {}, off: { iotlb: "off", walkCaches: "off", configCache: "off" }, min: {iotlb:{entries:16,ways:4}, walkCaches:{stage1:4,stage2:4,stage2Tlb:4}, configCache:{contexts:4}}, one: { iotlb: { entries: 1, ways: 1 }, walkCaches: { stage1: 4, stage2: 4, stage2Tlb: 4 }, configCache: { contexts: 1 } } } as const)) {
    const v = new Verifier(c as never);
    let steps = 0, failed = 0, uns = 0;
    for (const f of readdirSync(d).filter((x) => x.endsWith(".gz") && (process.env.VD === undefined || x.startsWith("vtd")))) {
      const t = await v.file(d + f);
      steps += t.steps; failed += t.failed; uns += t.unsupported;
      if (t.failed || t.unsupported) console.log(n, f, t.steps, t.passed, t.failed, t.unsupported, JSON.stringify(t.failures.slice(0, 4)), [...t.reasons]);
    }
    console.log(n, steps, failed, uns, v.notes());
  }
}, 600000);
