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
  explain: {
    usage:
      "nested-iommu explain [--json] [--case ID] [--step N] [--stream N] [--pasid N] [--iova 0x...]\n" +
      "                     [--write] [--exec] [--priv] FILE",
    summary: "show every read of one translation, and which bit made its fault",
    body: `FILE is a vector file or a snapshot, as verify takes them. One line a read: structures, then each
stage-1 descriptor with the stage-2 walk that finds it below it, then stage 2 of the output; for each
where it is, what it holds, its fields by the names of the manuals, and the rights so far. In front is
the order of reading. At the end the address, or the fault: the bits of which read made it, and the
event or fault record that was written.

Options
  --case ID       which case of a file with several
  --step N        run the steps before step N first; what is not given below is that step's
  --stream N      StreamID or source-id
  --pasid N       SubstreamID or PASID
  --iova ADDRESS  input address
  --write, --exec, --priv
                  a write, an instruction fetch, privileged (default: an unprivileged read)
  --json          one object: {request, steps, output, unread, answer, fault}

Examples
  nested-iommu explain snapshot.json.gz --stream 8 --iova 0xfffff000
  nested-iommu explain basic.jsonl.gz --case basic-4k-0 --step 3`,
  },
  replay: {
    usage:
      "nested-iommu replay [--json] [--mode recorded|nested] [--iotlb ENTRIESxWAYS] [--policy NAME]\n" +
      "                    [--s2-page 4k|2m|1g] [--caches default|min|1|off] [--jobs N] [--report FILE]\n" +
      "                    [--format NAME] [--arch smmuv3|vtd] [--touch] [--on-error stop|skip] TRACE",
    summary: "replay the DMA of a recorded system and compare every address",
    body: `TRACE is plain or gzip, or - for the standard input, of any size. Its format is told by its first lines
(docs/trace-formats.md describes each):

  itr      "#itr 1" or "#itr 2": mappings, accesses, commands
  ftrace   the Linux kernel's tracer, trace-cmd report or perf script: iommu:* and dma:* events
  qemu     QEMU's -trace log: smmuv3_*, smmu_* or vtd_* events
  csv      a line of column names (op,stream,pasid,iova,pa,size,access,t), then rows
  jsonl    the same fields, one object a line

The replay builds the tables that the trace's driver built, carries out its invalidations, translates its
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
  --report FILE       an HTML page of the replay: hits and reads over time, miss ratio of LRU IOTLBs by size and
                      ways, depth of walks, invalidations, streams; one file, no scripts; not with --jobs
  --jobs N            N machines share the streams, each with its own caches; counters are their sum
  --format NAME       itr, ftrace, qemu, csv or jsonl, whatever the first lines look like
  --arch NAME         smmuv3 (default) or vtd, for formats that do not say: ftrace, csv, jsonl
  --touch             ftrace has no accesses: make one to each page when it is mapped
  --on-error skip     tell malformed lines and pass them over; stop (default) ends at the first
  --json              the report as one object

Examples
  nested-iommu replay trace.itr.gz
  nested-iommu replay --mode nested --iotlb 64x64 --policy lru --s2-page 4k trace.itr.gz
  zcat trace.itr.gz | nested-iommu replay --json - | jq .caches.iotlb.hitRate
  cat /sys/kernel/tracing/trace | nested-iommu replay --touch -`,
  },
  gen: {
    usage:
      "nested-iommu gen [--tenants N] [--pattern ring|random|zipf] [--pages N] [--page-size 4k|2m|1g]\n" +
      "                 [--requests N] [--writes SHARE] [--invalidate none|strict|lazy] [--uses N]\n" +
      "                 [--streams N] [--arch smmuv3|vtd] [--seed N] [OUTPUT]",
    summary: 'make a trace of many tenants ("#itr 2")',
    body: `Each tenant has an address space of its own with some pages, and uses them in a pattern. OUTPUT is a file,
gzip where its name ends in .gz, or - for the standard output (default). The same options give the same bytes.

Options
  --tenants N          address spaces, 1..65535 (default 1)
  --streams N          devices that they are spread over (default 1): by PASID where tenants are more
  --pattern ring       tenants in turn, each its pages in turn (default)
  --pattern random     tenants and pages at random
  --pattern zipf       the same, the n-th with a share of 1/n
  --pages N            pages of a tenant (default 64)
  --page-size SIZE     4k (default), 2m or 1g
  --requests N         accesses (default 100000)
  --writes SHARE       share of writes, 0..1 (default 0.5)
  --invalidate strict  pages are given back after some uses: unmapped, invalidated, mapped to another frame
  --invalidate lazy    the same, invalidated together when 256 unmaps have gathered; default none
  --uses N             accesses to a page until it is given back (default 16)
  --arch NAME          smmuv3 (default) or vtd
  --seed N             another trace of the same kind (default 1)

Examples
  nested-iommu gen --tenants 64 --pattern zipf --requests 1000000 zipf.itr.gz
  nested-iommu gen --tenants 1024 --invalidate strict | nested-iommu replay --mode nested -`,
  },
  bench: {
    usage:
      "nested-iommu bench [--json] [--quick] [--native | --growth] [--only TEXT] [--seed N] [--rounds N]\n" +
      "                   [--compare FILE] [--input FILE] [--report FILE]",
    summary: "measure the model against plain TypeScript (in a clone)",
    body: `Times hits, misses, batches, single calls, storms of invalidations and start-up, and beside each row, taking
turns in the same process, the same work done in plain TypeScript: with typed arrays and with Maps; and VT-d
beside the SMMUv3 model. Shows ns with the spread, ratios, hit rates, and how targets were met. Every address
of every side is checked; a wrong one ends the run with exit code 1.

Options
  --quick         shorter rounds, less precise: half a minute instead of about three
  --native        instead: the same WASM as C (wasm2c and a C compiler), as the limit; exit code 2 without them
  --growth        instead: how cost grows with IOTLB entries, contexts and mapped memory
  --only TEXT     only rows whose name or section contains TEXT
  --seed N        the same request streams again
  --rounds N      rounds a row (7; with --quick 3)
  --compare FILE  also: every row beside the one in FILE, the --json of an earlier run
  --json          one object: machine, rows, targets, start-up, memory
  --input FILE    no run: the result in FILE, the --json of an earlier run
  --report FILE   also: the result as one HTML file with bars

Examples
  nested-iommu bench --quick --report bench.html
  nested-iommu bench --json > before.json
  nested-iommu bench --compare before.json --only patterns`,
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
