// One suite, several drivers: every hand-made VT-d case on the reference model, and on the core with all, few and no
// caches. Bytes derived by hand from Intel VT-d Rev 5.10, by another hand than the code.
import { describe, expect, it } from "vitest";
import type { CacheOptions } from "../../../src/index.js";
import { TOPICS } from "./cases/index.js";
import { coreDriver } from "./driver-core.js";
import { referenceDriver } from "./driver-reference.js";
import { runCase } from "./run.js";

const SMALLEST: CacheOptions = {
  iotlb: { entries: 1, ways: 1 },
  walkCaches: { stage1: 4, stage2: 4, stage2Tlb: 4 },
  configCache: { contexts: 1 },
};

const DRIVERS = [
  referenceDriver,
  () => coreDriver("core, default caches", {}, "all"),
  () => coreDriver("core, smallest caches", SMALLEST, "few"),
  () => coreDriver("core, caches off", { iotlb: "off", walkCaches: "off", configCache: "off" }, "none"),
];

for (const create of DRIVERS) {
  const driver = create();
  describe(driver.name, () => {
    for (const [topic, cases] of TOPICS) {
      describe(topic, () => {
        for (const one of cases) {
          it(one.title, () => {
            expect(runCase(driver, one) ?? "agrees").toBe("agrees");
          });
        }
      });
    }
  });
}

describe("the tables", () => {
  it("name every case once", () => {
    const titles = TOPICS.flatMap(([topic, cases]) => cases.map(({ title }) => `${topic}: ${title}`));
    expect(titles.filter((title, index) => titles.indexOf(title) !== index)).toEqual([]);
  });
});
