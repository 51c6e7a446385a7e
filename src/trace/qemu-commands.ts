// The commands, register writes and faults of QEMU's trace log, one row an event.
// Source of the formats: QEMU hw/arm/trace-events, hw/i386/trace-events.

/** The numbers of a line by name. */
export interface Fields {
  readonly text: string;
  has(name: string): boolean;
  /** 0..2^64-1; throws LineError when it is absent or no number. */
  number(name: string): bigint;
}

/** Pages that the log has shown as mapped. */
export interface KnownPages {
  /** Unmaps `count` pages from an address on; `domain` is "D0 D1". */
  drop(domain: string, address: bigint, count: bigint): void;
}

/** What a line says. */
export interface CommandLine {
  /** Command as traces name it. */
  readonly kind?: string;
  readonly args?: readonly bigint[];
  /** Offset of a register that is written. */
  readonly register?: number;
  readonly fault?: {
    readonly stream: number;
    readonly what: string;
    readonly iova?: bigint;
    readonly write?: boolean;
  };
}

type Read = (fields: Fields, known: KnownPages) => CommandLine;

const ALL_ONES_32 = (1n << 32n) - 1n;
const asTag = (value: bigint): bigint => BigInt.asIntN(32, value);
const PAGES_OF_MASK = (mask: bigint): bigint => 1n << mask;

function rangeInvalidation(fields: Fields, known: KnownPages): CommandLine {
  const asid = asTag(fields.number("asid"));
  const vmid = asTag(fields.number("vmid"));
  const address = fields.number("addr");
  const pages = fields.number("num_pages");
  const second = fields.has("stage") ? fields.number("stage") === 2n : asid < 0n;
  const granuleLg2 = [12n, 12n, 14n, 16n][Number(fields.number("tg") & 3n)] ?? 12n;
  known.drop(
    second ? `-1 ${vmid}` : `${asid} ${vmid < 0n ? 0n : vmid}`,
    address,
    (pages << granuleLg2) >> 12n,
  );
  const rest = [address, pages, fields.number("tg"), fields.number("ttl"), fields.number("leaf")];
  return { kind: second ? "ipa" : "va", args: [second ? -1n : asid, vmid, ...rest] };
}

function vtdPages(fields: Fields, known: KnownPages): CommandLine {
  const did = fields.number("domain");
  const address = fields.number("addr");
  const mask = fields.number("mask");
  known.drop(`${did} 0`, address, PAGES_OF_MASK(mask & 63n));
  return { kind: "iotlb page", args: [did, address, mask & 63n, 0n] };
}

function smmuFault(fields: Fields): CommandLine {
  const [what = "event"] = fields.text.split(" ");
  return { fault: { stream: Number(fields.number("sid")), what } };
}

function vtdFault(fields: Fields): CommandLine {
  const stream = Number(fields.number("sid"));
  const write = fields.number("write") !== 0n;
  return { fault: { stream, what: `fr${fields.number("fault")}`, iova: fields.number("addr"), write } };
}

/** What a 128-bit descriptor says that has no event of its own (PASID-based IOTLB, type 6). */
function vtdDescriptor(fields: Fields, known: KnownPages): CommandLine {
  if (!fields.text.includes("type p-iotlb ") && !fields.text.includes("type piotlb ")) return {};
  const low = fields.number("low");
  const high = fields.number("high");
  const did = (low >> 16n) & 0xffffn;
  const pasid = (low >> 32n) & 0xfffffn;
  if (((low >> 4n) & 3n) === 2n) return { kind: "piotlb pasid", args: [did, pasid] };
  const mask = high & 63n;
  const address = (high >> 12n) << 12n;
  known.drop(`${did} 0`, address, PAGES_OF_MASK(mask));
  return { kind: "piotlb page", args: [did, pasid, address, mask, (high >> 6n) & 1n] };
}

/** Events by name. PASID-based invalidations are told by their descriptor alone. */
export const COMMAND_LINES: ReadonlyMap<string, Read> = new Map<string, Read>([
  ["smmuv3_range_inval", rangeInvalidation],
  ["smmuv3_cmdq_tlbi_nh_asid", (fields) => ({ kind: "asid", args: [fields.number("asid")] })],
  [
    "smmuv3_cmdq_tlbi_nh",
    (fields) => ({ kind: "nh", args: [fields.has("vmid") ? fields.number("vmid") : 0n] }),
  ],
  ["smmuv3_cmdq_tlbi_nsnh", () => ({ kind: "nsnh" })],
  ["smmuv3_cmdq_tlbi_s12_vmid", (fields) => ({ kind: "s12", args: [fields.number("vmid")] })],
  ["smmuv3_cmdq_cfgi_ste", (fields) => ({ kind: "ste", args: [fields.number("streamid") & ALL_ONES_32] })],
  [
    "smmuv3_cmdq_cfgi_ste_range",
    (fields) => ({ kind: "sterange", args: [fields.number("start"), fields.number("end") & ALL_ONES_32] }),
  ],
  [
    "smmuv3_cmdq_cfgi_cd",
    (fields) => ({ kind: "cd", args: [fields.number(fields.has("sid") ? "sid" : "streamid")] }),
  ],
  ["smmuv3_cmdq_opcode", (fields) => (fields.text.endsWith("CMD_SYNC") ? { kind: "sync" } : {})],
  ["smmuv3_write_mmio", (fields) => ({ register: Number(fields.number("addr")) })],
  ["smmuv3_record_event", smmuFault],
  ["vtd_inv_desc_iotlb_pages", vtdPages],
  ["vtd_inv_desc_iotlb_domain", (fields) => ({ kind: "iotlb domain", args: [fields.number("domain")] })],
  ["vtd_inv_desc_iotlb_global", () => ({ kind: "iotlb global" })],
  ["vtd_inv_desc_cc_global", () => ({ kind: "cc global", args: [0n, 0n, 0n] })],
  ["vtd_inv_desc_cc_domain", (fields) => ({ kind: "cc domain", args: [fields.number("domain"), 0n, 0n] })],
  [
    "vtd_inv_desc_iec",
    (fields) => ({
      kind: "iec",
      args: [
        fields.number("granularity") & 1n,
        fields.number("index") & 0xffffn,
        fields.number("mask") & 31n,
      ],
    }),
  ],
  ["vtd_inv_desc_wait_sw", () => ({ kind: "wait" })],
  ["vtd_inv_desc", vtdDescriptor],
  ["vtd_reg_write", (fields) => ({ register: Number(fields.number("addr")) })],
  ["vtd_dmar_fault", vtdFault],
]);
