// What --help prints: for the whole program, and for each command with examples.
import { styled } from "./text.js";

/** A command's part of the help. */
export interface CommandHelp {
  usage: string;
  summary: string;
  body: string;
}

/** The commands in the order of the help. */
export const COMMANDS: Readonly<Record<string, CommandHelp>> = {
  verify: {
    usage: "nested-iommu verify [--json] [--caches default|min|1|off] FILE...",
    summary: "run test vectors and snapshots against the model",
    body: `Runs every step of every case and compares the answer: of arch smmuv3 the physical address, bypass,
abort, or the 32-byte event record to the last bit; of arch vtd the physical address, or the fault reason
and the bits of the fault record that the vector names, and memory; of arch host (the Linux user API over an IOMMU) the
result of every ioctl and each byte that it writes, the bytes of the DMA-fault region, irqs, page
responses, and where each DMA goes. A FILE is either

  .jsonl, .jsonl.gz   vectors: one case a line, with memory, steps, and the registers (smmuv3, vtd) or the
                      devices (host) that they begin with
  .json, .json.gz     one snapshot of a running system: registers, tables, and translations that must
                      hold ("steps", "mapped") or must fault ("stale", on cold caches)
  -                   vectors on the standard input

passed + failed + unsupported = steps; unsupported is what the model does not have (another
architecture or vendor, an unknown kind of step, field or expectation), never counted as passed.

Options
  --caches NAME   which caches the model has; the answers must not depend on it
                    default  IOTLB 2048 x 4, walk caches, 1024 decoded configurations
                    min      one set of 4 entries, walk caches of 4, 4 configurations
                    1        an IOTLB with a single entry, one configuration
                    off      every translation is a full walk from the stream table on
  --json          one object: {cases, steps, passed, failed, unsupported, failures: [...]}

Examples
  nested-iommu verify basic.jsonl.gz nested-tt.jsonl.gz
  nested-iommu verify map-dma.jsonl.gz fault-ring.jsonl.gz
  nested-iommu verify --caches off --json snapshot.json.gz | jq .failed`,
  },
  replay: {
    usage:
      "nested-iommu replay [--json] [--mode recorded|nested] [--iotlb ENTRIESxWAYS] [--policy NAME]\n" +
      "                    [--s2-page 4k|2m|1g] [--caches default|min|1|off] TRACE",
    summary: "replay the DMA of a recorded system and compare every address",
    body: `TRACE is an "#itr 1" trace, plain or gzip, or - for the standard input. The replay builds the tables
that the trace's driver built, has its invalidations consumed from a queue in memory, translates its
accesses in batches and compares each physical address with the recorded one.

Options
  --mode recorded     the streams as they were (default): SMMUv3 stage 1 where the trace has ASIDs, else
                      stage 2; VT-d as its "# mode" line says: fl, sl or legacy
  --mode nested       the recorded stage 1 is a guest's, over a stage 2 that puts all of its memory
                      2 TiB higher; every address must then be the recorded one plus 2 TiB
  --s2-page SIZE      largest leaf of that stage 2: 4k, 2m (default) or 1g
  --iotlb EXW         IOTLB of E entries in sets of W ways, for example 64x4 or 1x1
  --policy NAME       fifo (default), lru, plru or random
  --caches NAME       all caches at once, as for verify
  --json              the report as one object

Examples
  nested-iommu replay trace.itr.gz
  nested-iommu replay --mode nested --iotlb 64x64 --policy lru --s2-page 4k trace.itr.gz
  zcat trace.itr.gz | nested-iommu replay --json - | jq .caches.iotlb.hitRate`,
  },
  bench: {
    usage: "nested-iommu bench [--json] [--quick]",
    summary: "measure the model against plain TypeScript (in a clone)",
    body: `Times IOTLB hits and nested misses at several batch sizes, and the same work done by a plain TypeScript
IOTLB and walker in the same run; and VT-d beside the SMMUv3 model with the same stages, pages and
requests. Shows ns per translation with the spread.

Options
  --quick   shorter rounds, less precise
  --json    {machine, rows: [{name, ns: {min, median, max}, ratio, hitRate}]}

Example
  nested-iommu bench --quick`,
  },
  demo: {
    usage: "nested-iommu demo [--json]",
    summary: "replay a bundled capture of a Linux kernel, recorded and nested",
    body: `The capture is the DMA of NVMe and virtio devices of an unmodified Linux kernel behind an SMMUv3.
It is replayed twice: with the kernel's own stage 1, and with the same stage 1 over a stage 2.

Example
  nested-iommu demo`,
  },
};

/** The help of the program. */
export function programHelp(): string {
  const rows = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(8)} ${summary}`);
  return `${styled("bold", "nested-iommu")}: a fast functional model of Arm SMMUv3 and Intel VT-d nested translation

Usage
  nested-iommu COMMAND [OPTIONS] [FILES]
  nested-iommu COMMAND --help      explains a command, with examples
  nested-iommu --version

Commands
${rows.join("\n")}

Exit codes
  0  all is as expected     1  differences found     2  bad input: one line says file, line and cause`;
}

/** The help of a command. */
export function commandHelp(name: string): string {
  const { usage, summary, body } = COMMANDS[name] as CommandHelp;
  return `${styled("bold", name)}: ${summary}\n\nUsage\n  ${usage.replace(/\n/g, "\n  ")}\n\n${body}`;
}
