// docs/capabilities-vtd.md and the VT-d tables of docs/host-api.md against what the code does: fault codes and names, what
// features may be, reasons, response codes, and the descriptors of each cache and granularity.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Invalidation } from "../../src/contract/driver.js";
import { TagPool } from "../../src/driver/tag-pool.js";
import { RESPONSE_CODES } from "../../src/host/fault/response-codes.js";
import { HEADER_MATRIX } from "../../src/host/invalidate/matrix.js";
import { getField, type Words } from "../../src/machine/bit-fields.js";
import * as F from "../../src/spec/vtd/faults.js";
import * as I from "../../src/spec/vtd/invalidation.js";
import * as uapi from "../../src/uapi/iommu-constants.js";
import { descriptorName, descriptorType } from "../../src/vtd/descriptors.js";
import { pageGroupResponse } from "../../src/vtd/driver/descriptor.js";
import { deviceTlbDescriptor } from "../../src/vtd/driver/device-tlb.js";
import { DomainIds } from "../../src/vtd/driver/domain-ids.js";
import { faultReport } from "../../src/vtd/driver/fault-report.js";
import { invalidationDescriptors } from "../../src/vtd/driver/invalidation.js";
import { encodeFaultRecord } from "../../src/vtd/fault-record.js";
import { FIELD_RULES } from "../../src/vtd/feature-rules.js";
import { root } from "./imports.js";

const linesOf = (name: string): string[] => readFileSync(join(root, "docs", name), "utf8").split("\n");
const cells = (line: string): string[] =>
  line
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());

/** The rows of the first table behind a heading. */
function rowsAfter(lines: readonly string[], heading: string): string[][] {
  const from = lines.indexOf(heading);
  expect(from, heading).toBeGreaterThanOrEqual(0);
  const first = lines.findIndex((line, index) => index > from && line.startsWith("|"));
  const end = lines.findIndex((line, index) => index > first && !line.startsWith("|"));
  return lines.slice(first + 2, end).map(cells);
}

const capabilities = linesOf("capabilities-vtd.md");
const hostApi = linesOf("host-api.md");
const codes = new Map(Object.entries(F).map(([name, code]) => [name.slice("FR_".length), code]));
const hexes = (text: string): number[] => [...text.matchAll(/0x[0-9A-Fa-f]+/g)].map(([hex]) => Number(hex));

describe("docs/capabilities-vtd.md", () => {
  const rows = rowsAfter(capabilities, "## Order of checks, and fault codes");

  it("names fault codes as the model does", () => {
    for (const [, scalable, legacy, name] of rows) {
      const named = [...name!.matchAll(/[A-Z][A-Z_]+/g)].map(([each]) => codes.get(each));
      expect(named, name).not.toContain(undefined);
      expect(hexes(`${scalable} ${legacy}`), name).toEqual(expect.arrayContaining(named as number[]));
    }
  });

  it("has every fault code of the model in the table, or says why it is not", () => {
    const text = capabilities.join("\n");
    const notes = text.slice(text.indexOf("Page requests alone"), text.indexOf("## Fault log"));
    const listed = new Set([
      ...rows.flatMap(([, scalable, legacy]) => hexes(`${scalable} ${legacy}`)),
      ...hexes(notes),
    ]);
    expect([...codes].filter(([, code]) => !listed.has(code))).toEqual([]);
  });

  it("has every field of CAP and ECAP in the row of its register", () => {
    const registers = rowsAfter(capabilities, "## Registers");
    for (const { register, name } of FIELD_RULES) {
      const row = registers.find(([, title]) => title === register.toUpperCase());
      expect(row?.[2], `${register}.${name}`).toMatch(new RegExp(`\\b${name}\\b`));
    }
  });
});

const NOTHING: Invalidation = {
  iotlb: false,
  deviceTlb: false,
  pasidCache: false,
  granularity: "domain",
  leaf: false,
  address: 0n,
  size: 0n,
};
const PAGE = { granularity: "address", address: 0x1000n, size: 4096n } as const;
/** ARCHID alone selects nothing on VT-d. */
const COLUMNS: readonly (Partial<Invalidation> | "EINVAL")[] = [
  { granularity: "domain" },
  { granularity: "pasid", pasid: 5 },
  "EINVAL",
  PAGE,
  { ...PAGE, pasid: 5 },
  "EINVAL",
];
const CACHES = ["pasidCache", "iotlb", "deviceTlb"] as const;
const GRANULARITIES: Readonly<Record<number, readonly string[]>> = {
  [I.INV_PASID_IOTLB]: ["", "", " (PASID)", " (page)"],
  [I.INV_PASID_CACHE]: [" (domain)", " (PASID)", "", " (global)"],
};

function nameOf(descriptor: Words): string {
  const type = descriptorType(descriptor);
  return `${descriptorName(type)}${GRANULARITIES[type]?.[getField(descriptor, I.INV_G_MSB, I.INV_G_LSB)] ?? ""}`;
}

describe("the VT-d tables of docs/host-api.md", () => {
  it("of caches by granularity have the descriptors that the driver issues", () => {
    const ids = new DomainIds(new TagPool(1));
    ids.bind(5, "");
    const expected = CACHES.map((name) =>
      COLUMNS.map((selection) => {
        if (selection === "EINVAL") return "−EINVAL";
        const request: Invalidation = { ...NOTHING, ...selection, [name]: true };
        if (HEADER_MATRIX[name][request.granularity] === "EINVAL") return "−EINVAL";
        const endpoint = { stream: 8, hasPasids: true };
        const deviceTlbs = request.deviceTlb ? [deviceTlbDescriptor(request, endpoint)] : [];
        return [...invalidationDescriptors(request, ids), ...deviceTlbs].map(nameOf).join(", ");
      }),
    );
    expect(rowsAfter(hostApi, "#### The same on VT-d").map(([, ...row]) => row)).toEqual(expected);
  });

  it("of reasons are what the driver makes of a record; no code is left out", () => {
    const shown = new Map<string, string>();
    for (const [fault, code, reason] of rowsAfter(hostApi, "#### Reasons on VT-d").slice(0, -1)) {
      expect(codes.get(/\w+/.exec(fault!)![0])).toBe(Number(code));
      shown.set(`${Number(code)} ${fault!.includes("second stage")}`, reason!);
    }
    const never = [F.FR_EXECUTE, F.FR_FS_UPDATE_FAILED];
    for (const code of codes.values()) {
      for (const isSecondStage of [false, true]) {
        const at = { reason: code, stream: 8, pasid: 5, address: 0n, access: "read" } as const;
        const record = encodeFaultRecord({ ...at, execute: false, privileged: false });
        const { reason } = faultReport(record, () => isSecondStage);
        if (never.includes(code) || (code !== F.FR_WRITE && isSecondStage)) continue;
        const name = Object.entries(uapi).find(
          ([constant, value]) => constant.startsWith("IOMMU_FAULT_REASON_") && value === reason,
        )?.[0];
        const expected = reason === undefined ? "the host's" : `\`${name}\` (${reason})`;
        expect(shown.get(`${code} ${isSecondStage}`) ?? "the host's", `0x${code.toString(16)}`).toBe(
          expected,
        );
      }
    }
  });

  it("of responses are what the driver sends", () => {
    const rows = hostApi.filter((line) => /^\| `IOMMU_PAGE_RESP_\w+` \(\d\) \|/.test(line)).map(cells);
    const sent = [...RESPONSE_CODES].map(([code, endpoint]) => {
      const response = pageGroupResponse({ stream: 0, group: 0, code: endpoint });
      return [code, getField(response, I.PGR_RC_MSB, I.PGR_RC_LSB)];
    });
    expect(rows.map(([code, , , rc]) => [Number(/\((\d)\)/.exec(code!)![1]), Number(rc)])).toEqual(sent);
  });
});
