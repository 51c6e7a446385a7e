// A right trace of each format, and each kind of line that is wrong in it, with the cause that is told.

/** A trace of each format; all begin with as many lines that are right as `after` says. */
export interface Sample {
  ending: string;
  options?: string[];
  /** Right lines. */
  head: string;
  /** Line that could follow, again and again. */
  more: string;
  /** What is wrong, as a line behind the head, and its cause. */
  bad: readonly (readonly [what: string, line: string | Uint8Array, cause: string])[];
  /** Cause of a line of bytes that are no text. */
  binary: string;
}

export const LONG = "line longer than 65536 bytes";
const FTRACE = (text: string): string => ` nvme-1 [000] ..... 1.000001: ${text}`;
const PERF = (text: string): string => `swapper     0 [000]     1.000001: ${text}`;

export const SAMPLES: Readonly<Record<string, Sample>> = {
  "#itr 1": {
    ending: "itr",
    head: "#itr 1\ns 8 1 0\nw 0\nm 8 1000 40000000 1000 b\n",
    more: "a 8 1040 40000040 w 0 12",
    binary: 'unknown event "??z????"',
    bad: [
      ["too few columns", "a 8 1040 40000040 w 0", '"a" line has no LG'],
      ["too many columns", "u 8 1000 1000 b", '"u" line has 1 field(s) too many'],
      ["letters for digits", "m 8 10x0 0 1000 b", '"m" line: IOVA expected hexadecimal number, got "10x0"'],
      ["no such event", "q 1", 'unknown event "q"'],
      ["no such command", "i nothing 1", '"i" line: unknown command "nothing 1"'],
      ["a PASID of #itr 2", "u 8 P1 1000 1000", '"u" line: IOVA expected hexadecimal number, got "P1"'],
      [
        "a SID of 36 bits",
        "s 800000000 1 0",
        '"s" line: SID expected number of at most 32 bits, got "800000000"',
      ],
      [
        "a mapping of an unknown stream",
        "m 9 1000 0 1000 b",
        'stream 0x9 has no domain: an "s" line expected before',
      ],
    ],
  },
  "#itr 2": {
    ending: "itr",
    head: "#itr 2\ns 8 P5 1 0\nw 0\nm 8 P5 1000 40000000 1000 b\n",
    more: "a 8 P5 1040 40000040 w 0 12",
    binary: 'unknown event "??z????"',
    bad: [
      ["too few columns", "m 8 P5 1000 40000000", '"m" line has no SIZE'],
      [
        "a PASID of 24 bits",
        "u 8 P100000 1000 1000",
        '"u" line: PASID expected P and a hexadecimal number of at most 20 bits, got "P100000"',
      ],
      ["an unaligned mapping", "m 8 P5 1001 0 1000 b", '"input" expected a multiple of 4096, got 0x1001'],
      ["a command of VT-d", "i iotlb global", '"i" line: iotlb global is no SMMUv3 command'],
    ],
  },
  "#itr 2 of VT-d": {
    ending: "itr",
    head: "#itr 2\n# arch vtd\ns 8 P5 1 0\nw 0\n",
    more: "t 1",
    binary: 'unknown event "??z????"',
    bad: [
      ["a source-id of 17 bits", "s 10008 1 0", "SID expected 0..0xffff of arch vtd, got 65544"],
      ["a domain-id of 17 bits", "s 9 10000 0", "domain-id expected 0..0xffff, got 65536"],
      ["an access of 17 bits", "a 10008 0 0 r 0 12", "SID expected 0..0xffff of arch vtd, got 65544"],
      ["a late mode", "# mode legacy", '"# mode" expected before the first event'],
      ["an unknown arch", "# arch amdvi", '"# arch" expected before the first event'],
    ],
  },
  ftrace: {
    ending: "txt",
    head: `# tracer: nop\n${FTRACE("map: IOMMU: iova=0x1000 - 0x2000 paddr=0x5000 size=4096")}\n`,
    more: FTRACE("sched_switch: prev_comm=x"),
    binary: "not text: byte 0x0",
    bad: [
      [
        "too few columns",
        FTRACE("map: IOMMU: iova=0x1000"),
        '"map" event has other fields than expected: "IOMMU: iova=0x1000"',
      ],
      [
        "letters for digits",
        FTRACE("unmap: IOMMU: iova=0xq - 0x2000 size=1 unmapped_size=1"),
        '"unmap" event has other fields than expected: "IOMMU: iova=0xq - 0x2000 size=1 unmapped..."',
      ],
      [
        "no device",
        FTRACE("dma_map_page: dir=TO_DEVICE"),
        '"dma_map_page" event has other fields than expected: "dir=TO_DEVICE"',
      ],
      [
        "an address of 68 bits",
        FTRACE("map: IOMMU: iova=0x10000000000000000 - 0x0 paddr=0x0 size=4096"),
        '"map" event has other fields than expected: "IOMMU: iova=0x10000000000000000 - 0x0 pa..."',
      ],
    ],
  },
  "perf script": {
    ending: "txt",
    head: `${PERF("iommu:map: IOMMU: iova=0x1000 - 0x2000 paddr=0x5000 size=4096")}\n`,
    more: PERF("sched:sched_switch: prev_comm=x"),
    binary: "not text: byte 0x0",
    bad: [
      [
        "too few columns",
        PERF("iommu:unmap: IOMMU: size=1"),
        '"unmap" event has other fields than expected: "IOMMU: size=1"',
      ],
      [
        "no direction",
        PERF("dma:dma_unmap_sg: 0000:00:03.0"),
        '"dma_unmap_sg" event has other fields than expected: "0000:00:03.0"',
      ],
    ],
  },
  qemu: {
    ending: "log",
    head: "1@1.0:smmu_iotlb_lookup_miss IOTLB asid=1 vmid=0 addr=0xfffff040 hit=0 miss=1 hit rate=0\n",
    more: "1@1.1:smmuv3_translate_success mr sid=0x10 iova=0xfffff040 translated=0x8090040 perm=0x3 stage=1",
    binary: "not text: byte 0x0",
    bad: [
      [
        "too few columns",
        "1@1.1:smmuv3_translate_success mr sid=0x10",
        '"smmuv3_translate_success" event has no iova: "mr sid=0x10"',
      ],
      [
        "letters for digits",
        "1@1.1:smmuv3_translate_success mr sid=0x10 iova=0xg translated=0 perm=1",
        '"smmuv3_translate_success" event: iova expected a number, got "0xg"',
      ],
      [
        "a sid of 33 bits",
        "1@1.1:smmuv3_translate_success mr sid=0x100000000 iova=0x0 translated=0x0 perm=0x3",
        "sid expected a number of at most 32 bits, got 4294967296",
      ],
    ],
  },
  csv: {
    ending: "csv",
    head: "op,stream,iova,pa,size\nmap,8,0x1000,0x40000000,4096\n",
    more: "access,8,0x1040,0x40000040,64",
    binary: "expected 5 columns, got 1",
    bad: [
      ["too few columns", "access,8,0x1040", "expected 5 columns, got 3"],
      ["too many columns", "access,8,0x1040,0x40000040,64,,", "expected 5 columns, got 7"],
      [
        "letters for digits",
        "access,8,zero,,",
        '"access" row: iova expected a number, decimal or 0x and hexadecimal, got "zero"',
      ],
      [
        "no such op",
        "jump,8,0,0,0",
        'op expected one of access map unmap-lazy unmap invalidate fault window, got "jump"',
      ],
      ["no stream", "access,,0x1040,,", '"access" row has no stream'],
      [
        "a stream of 33 bits",
        "access,4294967296,0,,",
        '"access" row: stream expected a number of at most 32 bits, got "4294967296"',
      ],
    ],
  },
  "csv of VT-d": {
    ending: "csv",
    options: ["--arch", "vtd"],
    head: "op,stream,pasid,iova\ninvalidate,8,,\n",
    more: "window,,,",
    binary: "expected 4 columns, got 1",
    bad: [
      ["a source-id of 17 bits", "access,65544,,0", "SID expected 0..0xffff of arch vtd, got 65544"],
      [
        "a PASID of 21 bits",
        "access,8,1048576,0",
        '"access" row: pasid expected a number of at most 20 bits, got "1048576"',
      ],
    ],
  },
  jsonl: {
    ending: "jsonl",
    head: '{"op":"map","stream":8,"iova":4096,"pa":8192,"size":4096}\n',
    more: '{"op":"access","stream":8,"iova":4100,"pa":8196}',
    binary: 'not JSON: "??z????"',
    bad: [
      ["no JSON", "{op:1}", 'not JSON: "{op:1}"'],
      ["half an object", '{"op":"access","stream":8', 'not JSON: "{"op":"access","stream":8"'],
      ["no object", "[1]", "expected an object"],
      [
        "no such field",
        '{"op":"access","device":8}',
        'field expected one of op stream pasid iova pa size access t, got "device"',
      ],
      ["too few fields", '{"op":"access","stream":8}', '"access" row has no iova'],
      [
        "a negative stream",
        '{"op":"access","stream":-1,"iova":0}',
        "stream expected a string or a number in 0..2^53-1, got -1",
      ],
      [
        "a stream of 33 bits",
        '{"op":"access","stream":4294967296,"iova":0}',
        '"access" row: stream expected a number of at most 32 bits, got "4294967296"',
      ],
    ],
  },
};
