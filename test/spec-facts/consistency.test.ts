// The layouts in src/spec hold together: derived from the exported names, so that a new field is checked by
// being there. Overlaps are errors but for the listed aliases, which share bits on purpose.

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as cd from "../../src/spec/smmuv3/cd.js";
import * as commands from "../../src/spec/smmuv3/commands.js";
import * as events from "../../src/spec/smmuv3/events.js";
import * as l1cd from "../../src/spec/smmuv3/l1cd.js";
import * as l1std from "../../src/spec/smmuv3/l1std.js";
import * as pri from "../../src/spec/smmuv3/pri.js";
import * as registers from "../../src/spec/smmuv3/registers.js";
import * as ste from "../../src/spec/smmuv3/ste.js";
import * as descriptor from "../../src/spec/vmsa/descriptor.js";
import * as contextEntry from "../../src/spec/vtd/context-entry.js";
import * as pagingEntry from "../../src/spec/vtd/paging-entry.js";
import * as pasidEntry from "../../src/spec/vtd/pasid-entry.js";
import * as rootEntry from "../../src/spec/vtd/root-entry.js";

interface Field {
  name: string;
  msb: number;
  lsb: number;
}

// [title, module, prefix, bits, fields that may overlap others]
type Structure = readonly [string, Record<string, number>, string, number, readonly RegExp[]];

const STRUCTURES: readonly Structure[] = [
  ["STE", ste, "STE_", 512, []],
  ["L1STD", l1std, "L1STD_", 64, []],
  ["CD", cd, "CD_", 512, [/^TTB[01]_56$/]],
  ["L1CD", l1cd, "L1CD_", 64, []],
  // Fields of particular commands lie over the common ones.
  [
    "command",
    commands,
    "CMD_",
    128,
    [/^(RANGE|NUM|SCALE|SCALE_DS|VMID|ASID|TTL128|TTL|TG|ADDRESS)$/, /^(ATC|PRI|RESUME|SYNC)_/],
  ],
  ["PRI queue entry", pri, "PRI_", 128, []],
  ["event", events, "EVT_", 256, [/^REASON$/, /^TREQ_/, /^FETCHADDR$/]],
  // Table descriptors and the address pieces of each granule share the bits of leaf descriptors.
  ["stage 1 descriptor", descriptor, "PTE_", 64, [/TABLE$/, /^ADDRESS_/, /^NT$/]],
  ["stage 2 descriptor", descriptor, "S2PTE_", 64, []],
  ["VT-d root entry, legacy", rootEntry, "RE_", 128, []],
  ["VT-d root entry, scalable", rootEntry, "SRE_", 128, []],
  ["VT-d context entry, legacy", contextEntry, "CE_", 128, []],
  ["VT-d context entry, scalable", contextEntry, "SCE_", 256, []],
  ["VT-d PASID directory entry", pasidEntry, "PDE_", 64, []],
  ["VT-d PASID table entry", pasidEntry, "PASIDE_", 512, []],
  // The PAT bit of a large leaf lies under a small one's address.
  ["VT-d first-stage entry", pagingEntry, "FSPTE_", 64, [/^PAT_LARGE$/]],
  ["VT-d second-stage entry", pagingEntry, "SSPTE_", 64, [/^I[RW]$/]],
];

const REGISTERS: readonly (readonly [string, number])[] = [
  ["IDR0_", 32],
  ["IDR1_", 32],
  ["IDR3_", 32],
  ["IDR5_", 32],
  ["CR0_", 32],
  ["CR1_", 32],
  ["CR2_", 32],
  ["GBPA_", 32],
  ["IRQ_CTRL_", 32],
  ["GERROR_", 32],
  ["STRTAB_BASE_", 64],
  ["STRTAB_BASE_CFG_", 32],
  ["CMDQ_BASE_", 64],
  ["CMDQ_PROD_", 32],
  ["CMDQ_CONS_", 32],
  ["EVENTQ_BASE_", 64],
  ["EVENTQ_PROD_", 32],
  ["EVENTQ_CONS_", 32],
  ["PRIQ_BASE_", 64],
  ["PRIQ_PROD_", 32],
  ["PRIQ_CONS_", 32],
  ["IRQ_CFG0_", 64],
  ["IRQ_CFG1_", 32],
  ["IRQ_CFG2_", 32],
  ["PRIQ_IRQ_CFG2_", 32],
];

function fieldsOf(module: Record<string, number>, prefix: string): Field[] {
  const fields: Field[] = [];
  for (const [name, msb] of Object.entries(module)) {
    if (!name.startsWith(prefix) || !name.endsWith("_MSB")) continue;
    const stem = name.slice(prefix.length, -4);
    if (prefix === "STRTAB_BASE_" && stem.startsWith("CFG_")) continue;
    const lsb = module[`${prefix}${stem}_LSB`];
    expect(lsb, `${prefix}${stem}_LSB`).toBeTypeOf("number");
    fields.push({ name: stem, msb, lsb: lsb! });
  }
  return fields;
}

function check(
  module: Record<string, number>,
  prefix: string,
  bits: number,
  aliases: readonly RegExp[],
): void {
  const fields = fieldsOf(module, prefix);
  expect(fields.length).toBeGreaterThan(0);
  const owner = new Map<number, string>();
  for (const { name, msb, lsb } of fields) {
    expect(msb, `${prefix}${name}: MSB ≥ LSB`).toBeGreaterThanOrEqual(lsb);
    expect(lsb, `${prefix}${name}: inside`).toBeGreaterThanOrEqual(0);
    expect(msb, `${prefix}${name}: inside`).toBeLessThan(bits);
    if (aliases.some((alias) => alias.test(name))) continue;
    for (let bit = lsb; bit <= msb; bit++) {
      expect(owner.get(bit), `bit ${bit} of ${prefix}${name}`).toBeUndefined();
      owner.set(bit, name);
    }
  }
  const stray = Object.keys(module).filter(
    (n) => n.endsWith("_LSB") && !(n.replace(/LSB$/, "MSB") in module),
  );
  expect(stray).toEqual([]);
}

describe("layouts hold together", () => {
  for (const [title, module, prefix, bits, aliases] of STRUCTURES) {
    it(`${title}: fields lie inside ${bits} bits and don't overlap`, () =>
      check(module, prefix, bits, aliases));
  }
  for (const [prefix, bits] of REGISTERS) {
    it(`${prefix.slice(0, -1)}: fields lie inside ${bits} bits and don't overlap`, () =>
      check(registers, prefix, bits, []));
  }

  it("checks every field of the register file", () => {
    const known = Object.keys(registers).filter((n) => n.endsWith("_MSB"));
    const seen = REGISTERS.flatMap(([p]) => fieldsOf(registers, p).map((f) => `${p}${f.name}_MSB`));
    expect(seen.sort()).toEqual(known.sort());
  });

  it("states the size of each record", () => {
    expect([ste.STE_BITS, cd.CD_BITS, l1std.L1STD_BITS, l1cd.L1CD_BITS]).toEqual([512, 512, 64, 64]);
    expect([commands.CMD_BITS, events.EVT_BITS, descriptor.PTE_BITS]).toEqual([128, 256, 64]);
  });

  it("gives every register its own aligned offset", () => {
    const offsets = Object.entries(registers).filter(([n]) => n.startsWith("REG_") && n !== "REG_PAGE_BYTES");
    expect(new Set(offsets.map(([, o]) => o)).size).toBe(offsets.length);
    for (const [name, offset] of offsets) {
      const bytes = /_BASE$|_CFG0$|S2PII$/.test(name) ? 8 : 4;
      expect(offset % bytes, name).toBe(0);
      expect(offset, name).toBeLessThan(0x20000);
    }
  });

  it("gives every opcode and every event its own number", () => {
    const opcodes = Object.entries(commands).filter(
      ([n]) =>
        /^CMD_(PREFETCH|CFGI|TLBI|DPTI)_/.test(n) ||
        /^CMD_(ATC_INV|PRI_RESP|RESUME|STALL_TERM|SYNC)$/.test(n),
    );
    expect(opcodes.length).toBe(34);
    expect(new Set(opcodes.map(([, o]) => o)).size).toBe(opcodes.length);
    const types = Object.entries(events).filter(([n]) => /^EVT_[CEF]_/.test(n));
    expect(types.length).toBe(19);
    expect(new Set(types.map(([, t]) => t)).size).toBe(types.length);
  });
});

describe("leaf files stay readable by both compilers", () => {
  const root = new URL("../../src/spec/", import.meta.url);
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((f) => f.endsWith(".ts"));

  it("finds the files", () => expect(files.length).toBeGreaterThanOrEqual(8));

  for (const file of files) {
    it(`${file} holds nothing but number literals`, () => {
      const text = readFileSync(new URL(file, root), "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
      for (const line of text.split("\n")) {
        const code = line.replace(/\/\/.*$/, "").trim();
        if (code === "") continue;
        expect(code).toMatch(/^export const [A-Z0-9_]+ = (0x)?[0-9a-f]+(, [A-Z0-9_]+ = (0x)?[0-9a-f]+)*;$/);
      }
    });
  }
});
