// Runs every program of examples/ against the built package and compares what it prints; the README shows the
// first of them word for word.

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const text = (file: string): string => readFileSync(`${root}${file}`, "utf8");

const PRINTS: Record<string, string[]> = {
  "batch.mjs": [
    "event F_TRANSLATION",
    "event F_TRANSLATION",
    "event F_TRANSLATION",
    "request 5: status 0, PA 0x9_00005000",
    "request 256: F_TRANSLATION at 0x100000",
    "request 513: F_TRANSLATION at 0x100000",
    "request 770: F_TRANSLATION at 0x100000",
    "3 failed, 765 IOTLB hits, 259 misses, 262 descriptor fetches",
  ],
  "embed.mjs": ["PA 0x940001678 after 9 descriptor fetches"],
  "vfio.mjs": [
    "PA 0x950000234",
    "PA 0x951234234 after remapping, F_TRANSLATION at 0x8000",
    "fault: reason 5 at 0x8000",
  ],
  "vtd.mjs": [
    "PA 0x82000123",
    "PA 0x83000123 after remapping",
    "FS_NOT_PRESENT at 0x7fff00002000",
    "fault: reason 5 at 0x7fff00002000, PASID 77 of the guest",
  ],
};

describe("examples", () => {
  it("are all listed here, but for vsmmu, which has tests of its own", () => {
    expect(readdirSync(`${root}examples`).sort()).toEqual([...Object.keys(PRINTS), "vsmmu"].sort());
  });

  for (const [file, lines] of Object.entries(PRINTS)) {
    it(`${file} prints what it says`, () => {
      const printed = execFileSync(process.execPath, [`examples/${file}`], { cwd: root, encoding: "utf8" });
      expect(printed.trimEnd().split("\n")).toEqual(lines);
    });
  }
});

describe("README.md", () => {
  it("shows examples/embed.mjs word for word, and its output", () => {
    const readme = text("README.md");
    expect(readme).toContain(`\`\`\`js\n${text("examples/embed.mjs")}\`\`\``);
    for (const line of PRINTS["embed.mjs"] ?? []) expect(readme).toContain(`\n${line}\n`);
  });

  it("links only to files that exist", () => {
    const links = ["README.md", "docs/capabilities.md", "docs/architecture.md"].flatMap((file) =>
      [...text(file).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)|src="([^"]+)"/g)]
        .map(([, link, image]) => link ?? image ?? "")
        .filter((link) => !/^https?:/.test(link))
        .map((link) => new URL(link, `file:///${file}`).pathname.slice(1)),
    );
    expect(links.length).toBeGreaterThan(5);
    const missing = links.filter((link) => {
      try {
        return text(link).length === 0;
      } catch {
        return true;
      }
    });
    expect(missing).toEqual([]);
  });
});
