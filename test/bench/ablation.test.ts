// The variants of bench:ablation fit the sources as they are.
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

interface Variant {
  name: string;
  options?: object;
  config?: (config: object) => unknown;
  patch?: { file: string; from: string; to: string };
}

const script = new URL("../../scripts/ablation-variants.mjs", import.meta.url).href;
const { VARIANTS } = (await import(script)) as { VARIANTS: Variant[] };

it("has variants with different names, each of one kind", () => {
  expect(new Set(VARIANTS.map(({ name }) => name)).size).toBe(VARIANTS.length);
  for (const { name, options, config, patch } of VARIANTS) {
    expect(
      [options, config, patch].filter((kind) => kind !== undefined),
      name,
    ).toHaveLength(1);
  }
});

it.each(VARIANTS.flatMap(({ name, patch }) => (patch ? [{ name, patch }] : [])))(
  "finds the place that $name changes exactly once",
  ({ patch }) => {
    const source = readFileSync(patch.file, "utf8");
    expect(source.split(patch.from)).toHaveLength(2);
    expect(patch.to).not.toBe(patch.from);
  },
);

it("changes the release target of asconfig.json, which is there", () => {
  const before = readFileSync("asconfig.json", "utf8");
  for (const { name, config } of VARIANTS) {
    if (config === undefined) continue;
    const parsed = JSON.parse(before) as object;
    config(parsed);
    expect(JSON.stringify(parsed), name).not.toBe(JSON.stringify(JSON.parse(before)));
  }
});
