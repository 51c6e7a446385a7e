// Translation descriptors of every format as people read them: what kind of entry, which fields, where it leads, and what
// it does to rights. Only entries that were read are described; what follows from them was decided by the core, whose
// walk configuration (assembly/pt/config.ts) comes with each record.

import type { WalkRecord } from "../machine/walk-records.js";
import * as vmsa from "../spec/vmsa/descriptor.js";
import * as vtd from "../spec/vtd/paging-entry.js";
import { type FieldPlace, fieldsOf } from "./fields.js";

/** What a descriptor is. */
export interface DescriptorView {
  readonly type: "table" | "block" | "page" | "invalid";
  readonly fields: readonly FieldPlace[];
  /** Next table's or output address; absent when invalid. */
  readonly output?: bigint;
}

/** The machines whose walks can be explained. */
export type Vendor = "smmuv3" | "vtd";

const LAST_LEVEL = 3;

const isSet = (word: bigint, lsb: number): boolean => ((word >> BigInt(lsb)) & 1n) !== 0n;

/** Flag bits of the walk configuration word. */
const WALK_DS = 26;
const WALK_OA52 = 27;

/** Log2 of the granule. */
export function granuleOf(record: WalkRecord): number {
  return Number(record.config & 63n);
}

/** Bits of the input address, and of the output. */
export function inputBitsOf(record: WalkRecord): number {
  return Number((record.config >> 9n) & 127n);
}

/** Bits of the output address. */
export function outputBitsOf(record: WalkRecord): number {
  return Number((record.config >> 16n) & 127n);
}

const STAGE1_TABLE = ["VALID", "TYPE", "PXNTABLE", "UXNTABLE", "APTABLE", "NSTABLE"];
const STAGE1_LEAF = [
  "VALID",
  "TYPE",
  "ATTRINDX",
  "NS",
  "AP",
  "SH",
  "AF",
  "NG",
  "GP",
  "DBM",
  "CONTIG",
  "PXN",
  "UXN",
  "SW",
  "PBHA",
];
const STAGE2_LEAF = ["MEMATTR", "S2AP", "SH", "AF", "FNXS", "DBM", "CONTIG", "XN"];

/** The pieces of the address, which depends on granule, level and 52-bit format (DDI 0487 D8.3). */
function vmsaAddressFields(record: WalkRecord, lsb: number): FieldPlace[] {
  const places = [{ name: "ADDRESS", msb: 47, lsb }];
  if (isSet(record.config, WALK_DS)) {
    places.push({ name: "ADDRESS[49:48]", msb: 49, lsb: 48 }, { name: "ADDRESS[51:50]", msb: 9, lsb: 8 });
  } else if (isSet(record.config, WALK_OA52) && granuleOf(record) === 16) {
    places.push({ name: "ADDRESS[51:48]", msb: 15, lsb: 12 });
  }
  return places;
}

function vmsaAddress({ descriptor }: WalkRecord, places: readonly FieldPlace[]): bigint {
  let address = 0n;
  for (const { name, msb, lsb } of places) {
    const value = (descriptor >> BigInt(lsb)) & ((1n << BigInt(msb - lsb + 1)) - 1n);
    const low = name === "ADDRESS" ? lsb : Number(/:(\d+)/.exec(name)?.[1] ?? 0);
    address |= value << BigInt(low);
  }
  return address;
}

function viewVmsa(record: WalkRecord): DescriptorView {
  const { descriptor, level, kind } = record;
  const type = isSet(descriptor, vmsa.PTE_TYPE_LSB);
  const places = (table: boolean): FieldPlace[] => {
    const stage1 = fieldsOf(vmsa, "PTE_", table ? STAGE1_TABLE : STAGE1_LEAF);
    const stage2 = fieldsOf(vmsa, "PTE_", ["VALID", "TYPE"]);
    if (kind === "stage 1") return stage1;
    return table ? stage2 : [...stage2, ...fieldsOf(vmsa, "S2PTE_", STAGE2_LEAF)];
  };
  if (!isSet(descriptor, vmsa.PTE_VALID_LSB) || (level === LAST_LEVEL && !type)) {
    return { type: "invalid", fields: fieldsOf(vmsa, "PTE_", ["VALID", "TYPE"]) };
  }
  const table = level !== LAST_LEVEL && type;
  const address = vmsaAddressFields(record, table ? granuleOf(record) : record.shift);
  // With DS the shareability bits hold address bits instead.
  const rest = places(table).filter(({ name }) => name !== "SH" || !isSet(record.config, WALK_DS));
  return {
    type: table ? "table" : level === LAST_LEVEL ? "page" : "block",
    fields: [...rest, ...address].sort((a, b) => a.lsb - b.lsb),
    output: vmsaAddress(record, address),
  };
}

const FIRST_STAGE = ["P", "RW", "US", "PWT", "PCD", "A", "D", "G", "EA"];
const SECOND_STAGE = ["R", "W", "A", "D", "SNP", "EMT", "IPAT"];

function viewVtd(record: WalkRecord): DescriptorView {
  const { descriptor, level, kind } = record;
  const first = kind === "stage 1";
  const prefix = first ? "FSPTE_" : "SSPTE_";
  const present = first ? isSet(descriptor, vtd.FSPTE_P_LSB) : (descriptor & 3n) !== 0n;
  if (!present) return { type: "invalid", fields: fieldsOf(vtd, prefix, first ? ["P"] : ["R", "W"]) };
  const large = level !== LAST_LEVEL && isSet(descriptor, vtd.FSPTE_PS_LSB);
  const table = level !== LAST_LEVEL && !large;
  const all = first ? FIRST_STAGE : SECOND_STAGE;
  // What a table entry has no meaning for is left out.
  const names = table
    ? all.filter((name) => !["D", "G", "EMT", "IPAT"].includes(name))
    : first
      ? [...all, large ? "PAT_LARGE" : "PS"]
      : all;
  const lsb = table ? 12 : record.shift;
  const named = fieldsOf(vtd, prefix, level === LAST_LEVEL ? names : [...new Set([...names, "PS"])]);
  const fields = named.map((place) =>
    // In a 4 KiB leaf of the first stage the bit of PS is PAT.
    level === LAST_LEVEL && place.name === "PS" ? { ...place, name: "PAT" } : place,
  );
  const address = { name: "ADDR", msb: 51, lsb };
  return {
    type: table ? "table" : large ? "block" : "page",
    fields: [...fields, address].sort((a, b) => a.lsb - b.lsb),
    output: ((descriptor >> BigInt(lsb)) << BigInt(lsb)) & ((1n << 52n) - 1n),
  };
}

/** What the descriptor of `record` is. */
export function viewDescriptor(vendor: Vendor, record: WalkRecord): DescriptorView {
  return vendor === "vtd" ? viewVtd(record) : viewVmsa(record);
}

/** What attribute bits of the tables above take away, by format. */
const TAKEN: Readonly<Record<Vendor, readonly (readonly string[])[]>> = {
  smmuv3: [["unprivileged access", "write", "unprivileged execute", "privileged execute"], []],
  vtd: [
    ["user access", "write"],
    ["read", "write"],
  ],
};

/** Rights so far in words: of a leaf what it leaves, of a table entry what those above it take away. */
export function rightsOf(vendor: Vendor, record: WalkRecord): string {
  if (record.denied !== undefined) return leafRights(record.denied);
  const names = TAKEN[vendor][record.kind === "stage 1" ? 0 : 1] ?? [];
  const taken = names.filter((_, bit) => ((record.attributes >> bit) & 1) !== 0);
  return taken.length === 0 ? "" : `no ${taken.join(", no ")}`;
}

/** "rwx" unprivileged, then privileged; the access codes are read 0, write 1, execute 2, and 4 more privileged. */
function leafRights(denied: number): string {
  const letters = (base: number): string =>
    ["r", "w", "x"].map((letter, code) => (((denied >> (base + code)) & 1) === 0 ? letter : "-")).join("");
  return `unprivileged ${letters(0)}, privileged ${letters(4)}`;
}
