// Readers of other formats. Lines of ftrace and QEMU are as Linux 6.12 and QEMU 10.0 print them (captures of both).
import { describe, expect, it } from "vitest";
import { TraceError } from "../../src/trace/trace-error.js";
import {
  createTraceReader,
  decodeTrace,
  detectTraceFormat,
  type TraceFormat,
  type TraceOptions,
} from "../../src/trace/trace-format.js";
import { bytesOf, linesOf } from "./lines.js";

const read = (text: string, options: TraceOptions & { format?: TraceFormat } = {}): string[] =>
  linesOf(decodeTrace(bytesOf(text), options));

const FTRACE = `# tracer: nop
#
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
            init-1       [001] .....     1.000000: add_device_to_group: IOMMU: groupID=4 device=0000:00:05.0
          <idle>-0       [000] ..s1.     2.500000: map: IOMMU: iova=0x00000000fff78000 - 0x00000000fff79000 paddr=0x0000000111e51000 size=4096
           iogen-314     [001] d....     2.500010: map: IOMMU: iova=0x00000000fff77000 - 0x00000000fff79000 paddr=0x0000000113527000 size=8192
           iogen-314     [001] d....     2.500020: sched_switch: prev_comm=x
          <idle>-0       [000] ..s1.     2.500120: dma_map_page: 0000:00:05.0 dir=TO_DEVICE dma_addr=fff78a78 size=16 phys_addr=111e51a78 attrs=
           iogen-314     [001] d....     2.500130: dma_map_sg: 0000:00:03.0 dir=FROM_DEVICE nents=1/1 ents=1/1 dma_addrs={0xfff77800} sizes={0x1000} phys_addrs={0x113527800} attrs=
          <idle>-0       [000] ..s..     2.600000: unmap: IOMMU: iova=0x00000000fff78000 - 0x00000000fff79000 size=4096 unmapped_size=4096
          <idle>-0       [000] ..s..     2.600001: dma_unmap_page: 0000:00:05.0 dir=TO_DEVICE dma_addr=fff78a78 size=16 attrs=
           iogen-314     [001] .....     2.600002: dma_unmap_sg: 0000:00:03.0 dir=FROM_DEVICE phys_addrs={0x113527800} attrs=
           iogen-314     [001] .....     2.600003: unmap: IOMMU: iova=0x00000000fff77000 - 0x00000000fff79000 size=8192 unmapped_size=8192
           iogen-314     [001] .....     2.600004: map: IOMMU: iova=0x0000000008090000 - 0x0000000008091000 paddr=0x0000000008090000 size=4096
           iogen-314     [001] .....     2.600005: io_page_fault: IOMMU:nvme 0000:01:00.0 iova=0x00000000deadb000 flags=0x0001
`;

describe("ftrace", () => {
  it("gives a map the device of the dma: event behind it in the same context, and unmaps an invalidation", () => {
    expect(read(FTRACE)).toEqual([
      "4 # arch smmuv3",
      "5 t 1500000",
      "6 t 10",
      "8 t 110",
      "5 s 28 5 0", // group 4
      "5 m 28 fff78000 111e51000 1000 r",
      "9 t 10",
      "6 s 18 6 0",
      "6 m 18 fff77000 113527000 2000 w",
      "10 t 99870",
      "10 u 28 fff78000 1000",
      "10 i va 5 0 fff78000 1 1 0 0",
      "10 i sync",
      "11 t 1",
      "12 t 1",
      "13 t 1",
      "13 u 18 fff77000 2000",
      "13 i va 6 0 fff77000 2 1 0 0",
      "13 i sync",
      "14 t 1",
      "15 t 1",
      "15 f 100 io_page_fault deadb000 w",
      "14 m - 8090000 8090000 1000 -", // nothing has said whose it is
    ]);
  });

  it("makes one access a page with touch, and VT-d's commands with arch", () => {
    expect(read(FTRACE, { touch: true, arch: "vtd" }).filter((line) => /^6|^13/.test(line))).toEqual([
      "6 t 10",
      "6 s 18 6 0",
      "6 m 18 fff77000 113527000 2000 w",
      "6 a 18 fff77000 113527000 w 0 0",
      "6 a 18 fff78000 113528000 w 0 0",
      "13 t 1",
      "13 u 18 fff77000 2000",
      "13 i piotlb page 6 0 fff77000 0 0", // not aligned to its size: two blocks
      "13 i piotlb page 6 0 fff78000 0 0",
      "13 i wait",
    ]);
  });

  it("reads lines of perf script", () => {
    const perf =
      "iogen   314 [001]    18.945633:                  iommu:map: IOMMU: iova=0x0000000000001000 - 0x0000000000002000 paddr=0x0000000000005000 size=4096\n" +
      "iogen   314 [001]    18.945640:           dma:dma_map_page: 0000:00:03.0 dir=BIDIRECTIONAL dma_addr=1000 size=4096 phys_addr=5000 attrs=\n";
    expect(detectTraceFormat(bytesOf(perf))).toBe("ftrace");
    expect(read(perf).filter((line) => line.includes(" m "))).toEqual(["1 m 18 1000 5000 1000 b"]);
  });

  it.each([
    ["map: IOMMU: iova=0x1000 - 0x2000 size=4096", '"map" event has other fields than expected'],
    ["unmap: IOMMU: iova=1000", '"unmap" event has other fields than expected'],
    ["dma_map_page: nothing", '"dma_map_page" event has other fields than expected'],
    ["io_page_fault: IOMMU: x", '"io_page_fault" event has other fields than expected'],
  ])("names a line with other fields: %s", (event, reason) => {
    const text = `# tracer: nop\n  x-1 [000] ..... 1.000000: ${event}\n`;
    expect(() => read(text, { file: "f" })).toThrow(expect.objectContaining({ line: 2, file: "f" }));
    expect(() => read(text)).toThrow(reason);
  });
});

const QEMU = `7595@1795357218.744177:address_space_map as:0x55b140871ad0 addr 0x107e10000:20 write:0 attrs:0x0
7596@1795357220.456155:smmuv3_cmdq_tlbi_nsnh 
7595@1795357221.402330:smmu_iotlb_lookup_miss IOTLB cache MISS asid=1 vmid=0 addr=0xfffff040 hit=0 miss=1 hit rate=0
7595@1795357221.402331:smmu_ptw_page_pte stage=1 level=3 iova=0xfffff040 base@=0x111d84000 pte@=0x111d84ff8 pte=0x60000008090e4b page address = 0x8090000
7595@1795357221.402332:smmuv3_translate_success smmuv3-iommu-memory-region-0-0 sid=0x10 iova=0xfffff040 translated=0x8090040 perm=0x2 stage=1
7595@1795357221.402432:smmu_iotlb_lookup_hit IOTLB cache HIT asid=1 vmid=0 addr=0xfffff044 hit=178 miss=19 hit rate=90
7596@1795357221.402433:smmu_iotlb_lookup_hit IOTLB cache HIT asid=5 vmid=0 addr=0xffffa000 hit=179 miss=19 hit rate=90
7595@1795357221.402434:smmuv3_translate_success smmuv3-iommu-memory-region-0-0 sid=0x10 iova=0xfffff044 translated=0x8090044 perm=0x2 stage=1
7596@1795357221.402435:smmuv3_translate_success smmuv3-iommu-memory-region-0-0 sid=0x500 iova=0xffffa000 translated=0x1108b6000 perm=0x3 stage=1
7595@1795357221.402436:smmuv3_range_inval vmid=0 asid=1 addr=0xfffff000 tg=1 num_pages=0x1 ttl=3 leaf=1 stage=1
7595@1795357221.402437:smmuv3_cmdq_opcode <--- SMMU_CMD_SYNC
7595@1795357221.402438:smmuv3_cmdq_cfgi_ste streamid= 0x10
7595@1795357221.402439:smmuv3_write_mmio addr: 0x20 val:0x1 size: 0x4(0)
7595@1795357221.402440:smmuv3_record_event F_TRANSLATION sid=0x500
7595@1795357221.402441:smmu_iotlb_lookup_miss IOTLB cache MISS asid=-1 vmid=5 addr=0xfffee000 hit=256 miss=24 hit rate=91
7595@1795357221.402442:smmuv3_translate_success smmuv3-iommu-memory-region-0-0 sid=0x10 iova=0xfffee000 translated=0x110bc6000 perm=0x1 stage=2
`;

describe("QEMU's trace log", () => {
  it("maps a page when it is first translated and unmaps it when it is invalidated (smmuv3)", () => {
    expect(read(QEMU).filter((line) => !line.includes(" t "))).toEqual([
      "5 # arch smmuv3",
      "5 s 10 1 0",
      "5 m 10 fffff000 8090000 1000 w",
      "5 a 10 fffff040 8090040 w 0 0",
      "8 a 10 fffff044 8090044 w 0 0",
      "9 s 500 5 0", // the look-up of the same thread
      "9 m 500 ffffa000 1108b6000 1000 b",
      "9 a 500 ffffa000 1108b6000 ? 0 0",
      "10 u 10 fffff000 1000",
      "10 i va 1 0 fffff000 1 1 3 1",
      "11 i sync",
      "12 i ste 10",
      "13 r 20 1",
      "14 f 500 F_TRANSLATION  -",
      "16 s 10 ffffffffffffffff 5",
      "16 m 10 fffee000 110bc6000 1000 r",
      "16 a 10 fffee000 110bc6000 r 0 0",
    ]);
  });

  it("takes the address and the domain of a VT-d translation from the look-up before it", () => {
    const text = `23166@1795358037.191091:vtd_reg_dmar_root addr 0x10fe4f000 scalable 1
23163@1795358040.171899:vtd_iotlb_page_update IOTLB page update sid 0x18 iova 0xffffd002 slpte 0x110cb1067 domain 0x5
23163@1795358040.171900:vtd_dmar_translate dev 00:03.00 iova 0xffffd000 -> gpa 0x110cb1000 mask 0xfff
23163@1795358040.171900:vtd_inv_desc invalidate desc type p-iotlb high 0xffffd040 low 0x50036
23163@1795358040.171900:vtd_inv_desc_iec granularity 0x1 index 0x8 mask 0x2
23163@1795358040.171900:vtd_inv_desc invalidate desc type wait high 0x100052c04 low 0x200000025
23163@1795358040.171900:vtd_inv_desc_wait_sw wait invalidate status write addr 0x100052c04 data 0x2
23163@1795358040.171900:vtd_dmar_fault sid 0x200 fault 6 addr 0x7ffd8000 write 0
`;
    expect(read(text).filter((line) => !line.includes(" t "))).toEqual([
      "3 # arch vtd",
      "3 # mode fl",
      "3 s 18 5 0",
      "3 m 18 ffffd000 110cb1000 1000 b",
      "3 a 18 ffffd002 110cb1002 ? 0 0",
      "4 u 18 ffffd000 1000",
      "4 i piotlb page 5 0 ffffd000 0 1",
      "5 i iec 1 8 2",
      "7 i wait",
      "8 f 200 fr6 7ffd8000 r",
    ]);
    expect(read(text.replace("scalable 1", "scalable 0").replace("110cb1067", "110cb1003"))[1]).toBe(
      "3 # mode legacy",
    );
  });

  it("names a line without a number that it must have", () => {
    const broken = QEMU.replace("sid=0x10 iova", "iova");
    expect(() => read(broken, { file: "q" })).toThrow(/^q:5: "smmuv3_translate_success" event has no sid: "/);
    expect(() => read(QEMU.replace("asid=1 vmid=0 addr=0xfffff040", "asid=1 vmid=0 addr=none"))).toThrow(
      '-:3: "smmu_iotlb_lookup_miss" event: addr expected a number, got "none"',
    );
  });
});

const EXPECTED = [
  "2 # arch smmuv3",
  "2 s 8 P3 1 0",
  "2 m 8 P3 1000 5000 1000 b",
  "3 t 2",
  "3 a 8 P3 1040 5040 w 40 0",
  "4 s 9 2 0",
  "4 a 9 ffff ? ? 0 0",
  "5 u 8 P3 1000 1000",
  "5 i va 1 0 1000 1 1 0 0",
  "5 i sync",
  "6 i asid 2",
  "6 i sync",
  "7 f 8 fault 7000 r",
];

describe("CSV and JSONL", () => {
  it("have the same rows", () => {
    const csv = `op,stream,pasid,iova,pa,size,access,t
map, 8, 3, 0x1000, 0x5000, 4096, rw, 10.5
access,8,3,0x1040,0x5040,64,w,12.9
access,9,,65535,,,,
unmap,8,3,0x1000,,0x1000,,
invalidate,9,,,,,,
fault,8,,0x7000,,,r,
`;
    const jsonl = `
{"op":"map","stream":8,"pasid":3,"iova":"0x1000","pa":20480,"size":4096,"access":"rw","t":10.5}
{"op":"access","stream":"8","pasid":3,"iova":4160,"pa":"0x5040","size":64,"access":"w","t":12.9}
{"op":"access","stream":9,"iova":65535,"pa":null}
{"op":"unmap","stream":8,"pasid":3,"iova":4096,"size":4096}
{"op":"invalidate","stream":9}
{"op":"fault","stream":8,"iova":"0x7000","access":"r"}
`;
    expect(read(csv)).toEqual(EXPECTED);
    expect(read(jsonl)).toEqual(EXPECTED);
    expect(detectTraceFormat(bytesOf(csv))).toBe("csv");
    expect(detectTraceFormat(bytesOf(jsonl))).toBe("jsonl");
  });

  it("let a driver be lazy: unmap-lazy invalidates nothing, invalidate names a range (VT-d: aligned blocks)", () => {
    const csv = "iova,op,size,stream\n0x3000,unmap-lazy,8192,8\n0x3000,invalidate,0x5000,8\n,window,,\n";
    expect(read(csv, { arch: "vtd" })).toEqual([
      "2 # arch vtd",
      "2 # mode fl",
      "2 s 8 1 0",
      "2 u 8 3000 2000",
      "3 i piotlb page 1 0 3000 0 0",
      "3 i piotlb page 1 0 4000 2 0",
      "3 i wait",
      "4 w 0",
    ]);
  });

  it.each<[string, string]>([
    ["op,stream,addr\n", '1: column expected one of op stream pasid iova pa size access t, got "addr"'],
    ["stream,iova\n", '1: expected a column "op"'],
    ["op,op\n", "1: expected each column once"],
    ["op,stream\naccess\n", "2: expected 2 columns, got 1"],
    [
      "op,stream\njump,8\n",
      '2: op expected one of access map unmap-lazy unmap invalidate fault window, got "jump"',
    ],
    ["op,stream,iova\naccess,,5\n", '2: "access" row has no stream'],
    [
      "op,stream,iova\naccess,8,0xzz\n",
      '2: "access" row: iova expected a number, decimal or 0x and hexadecimal, got "0xzz"',
    ],
    [
      "op,stream,iova\naccess,0x100000000,5\n",
      '2: "access" row: stream expected a number of at most 32 bits, got "0x100000000"',
    ],
    [
      "op,stream,pasid,iova\naccess,8,1048576,5\n",
      '2: "access" row: pasid expected a number of at most 20 bits, got "1048576"',
    ],
    ["op,stream,iova,pa,size\nmap,8,1,0,4096\n", '2: "map" row: iova expected a multiple of 4096, got "1"'],
    ["op,stream,iova,access\naccess,8,1,rw\n", '2: "access" row: access expected one of r w, got "rw"'],
    ["op,t\nwindow,-5\n", '2: "window" row: t expected microseconds, got "-5"'],
    ['{"op":"access"\n', '1: not JSON: "{"op":"access""'],
    ['{"op":"window"}\n[1]\n', "2: expected an object"],
    ['{"op":"window","x":1}\n', '1: field expected one of op stream pasid iova pa size access t, got "x"'],
    ['{"op":"access","stream":-1}\n', "1: stream expected a string or a number in 0..2^53-1, got -1"],
  ])("name the line and the cause: %j", (text, message) => {
    expect(() => read(text)).toThrow(new TraceError("-", Number(message[0]), message.slice(3)));
  });
});

describe("formats", () => {
  it.each<[TraceFormat, string]>([
    ["itr", "#itr 1\n"],
    ["itr", "#itr 2\n"],
    ["itr", "garbage\u0000\n"],
    ["itr", ""],
    ["qemu", "smmuv3_cmdq_tlbi_nsnh \n"],
    ["qemu", "hello\n23163@1795358032.024752:vtd_context_cache_reset \n"],
    ["ftrace", "cpus=2\n           <idle>-0     [000]    10.1: map:                  IOMMU: iova=0x1\n"],
  ])("are told by the first lines: %s %j", (format, text) => {
    expect(detectTraceFormat(bytesOf(text))).toBe(format);
  });

  it("refuse bytes that are not text, with their line", () => {
    for (const format of ["ftrace", "qemu"] as const) {
      const reader = createTraceReader(format, () => {}, { file: "b" });
      expect(() => reader.push(bytesOf("smmu x\n\u0001\u0002\n"))).toThrow("b:2: not text: byte 0x1");
    }
  });

  it("refuse a name that is none, and an empty trace", () => {
    expect(() => createTraceReader("xml" as TraceFormat, () => {})).toThrow(
      new RangeError('"format" expected one of itr ftrace qemu csv jsonl, got "xml"'),
    );
    expect(() => read("", { format: "csv", file: "e" })).toThrow(
      "e:1: expected a line of column names, got an empty file",
    );
  });
});
