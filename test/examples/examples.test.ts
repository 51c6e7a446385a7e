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
  // One server and four under way: waits of 2, 4, 6, 8, 10 and then eleven of 11 steps, 151 in all. The last of them is first
  // tried in step 37 and over in step 48; the 48 other accesses find their page, one a step from step 40 on. Messages: 16
  // translation requests denied and 8 granted (the other retries find the page in the device TLB), 16 page requests and
  // 16 responses; or 16 events and 16 resumes.
  "demand-paging.mjs": [
    "            waited     pages  spurious  messages      mean      most  all done",
    "PRI             16         8         8        56       9.4        11        87",
    "stall           16         8         8        32       9.4        11        87",
    "VT-d PRI        16         8         8        56       9.4        11        87",
  ],
  "embed.mjs": ["PA 0x940001678 after 9 descriptor fetches"],
  // Strict: 4,096 buffers and as many commands, each dropping one entry; the ring's 16 pages miss once. Lazy: a command in 64, each
  // dropping 64 buffers and 16 pages of the ring; of 64 unmapped pages 63 are still reachable.
  "invalidation-policy.mjs": [
    "          commands    hits  misses  reads of descriptors  entries dropped  reachable after unmap",
    "strict        4096   16368    8208                  8238             4096                      0",
    "lazy            64   19392    5184                  6310             5120                   4032",
  ],
  // 4,096 pages in all, each of which 8 packets of a tenant go to: with room for all of them 4,096 misses.
  "nic-ring.mjs": [
    "IOTLB entries   hits   misses   descriptors read a packet",
    "         1024      0    32768                        2.01",
    "         2048      0    32768                        2.02",
    "         4096  19887    12881                        0.80",
    "         8192  28672     4096                        0.26",
  ],
  // 2,048 entries reach 8 MiB; of 16 MiB one access in two hits, of 256 MiB one in 32.
  "page-size.mjs": [
    "buffer     4 KiB: hits  reads   2 MiB: hits  reads",
    "  1 MiB      100.0 %   0.00      100.0 %   0.00",
    "  4 MiB      100.0 %   0.00      100.0 %   0.00",
    "  8 MiB      100.0 %   0.00      100.0 %   0.00",
    " 16 MiB       50.4 %   0.50      100.0 %   0.00",
    " 64 MiB       12.3 %   0.88      100.0 %   0.00",
    "256 MiB        3.1 %   0.97      100.0 %   0.00",
  ],
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
