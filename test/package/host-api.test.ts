// docs/host-api.md against what it describes: its program runs, its layouts are the C compiler's, its numbers are those of
// src/uapi, its profile is PROFILES, and its tables of reasons, responses and commands are what the driver does. Which
// errors a call returns in which order is proven by test/vfio, test/host and the vectors; here, that the numbers exist.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Invalidation } from "../../src/contract/driver.js";
import { RESPONSE_CODES } from "../../src/host/fault/response-codes.js";
import { HEADER_MATRIX } from "../../src/host/invalidate/matrix.js";
import { PROFILES, type Profile } from "../../src/host/profile.js";
import { getField } from "../../src/machine/bit-fields.js";
import { commandName } from "../../src/smmuv3/commands.js";
import { readCapabilities } from "../../src/smmuv3/driver/capabilities.js";
import { type Command, priResp } from "../../src/smmuv3/driver/command.js";
import { deviceTlbCommands } from "../../src/smmuv3/driver/device-tlb.js";
import { faultReport } from "../../src/smmuv3/driver/fault-report.js";
import { invalidationCommands } from "../../src/smmuv3/driver/invalidation.js";
import { eventName } from "../../src/smmuv3/events.js";
import { SMMUV3_PRESETS } from "../../src/smmuv3/features.js";
import { SmmuV3 } from "../../src/smmuv3/smmuv3.js";
import {
  CMD_OPCODE_LSB,
  CMD_OPCODE_MSB,
  CMD_PRI_RESP_LSB,
  CMD_PRI_RESP_MSB,
} from "../../src/spec/smmuv3/commands.js";
import * as errno from "../../src/uapi/errno.js";
import * as ioctls from "../../src/uapi/ioctls.js";
import { abi, numbers, structs } from "../uapi/abi.js";
import { root } from "./imports.js";

const page = readFileSync(join(root, "docs/host-api.md"), "utf8");
const lines = page.split("\n");
const cells = (line: string): string[] =>
  line
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
const named = (text: string): string[] => [...text.matchAll(/`([^`\n]+)`/g)].map(([, name]) => name!);

/** The rows of the first table behind a line that matches, its heading row first. */
function tableAfter(pattern: RegExp): string[][] {
  const from = lines.findIndex((line) => pattern.test(line));
  expect(from, String(pattern)).toBeGreaterThanOrEqual(0);
  const first = lines.findIndex((line, index) => index > from && line.startsWith("|"));
  const end = lines.findIndex((line, index) => index > first && !line.startsWith("|"));
  return lines
    .slice(first, end)
    .filter((line) => !/^[|-]+$/.test(line))
    .map(cells);
}

/** The text from a heading to the next one of its level or above. */
function section(heading: string, level: number): string {
  const from = lines.findIndex((line) => line.startsWith(`${"#".repeat(level)} ${heading}`));
  expect(from, heading).toBeGreaterThanOrEqual(0);
  const next = new RegExp(`^#{1,${level}} `);
  const end = lines.findIndex((line, index) => index > from && next.test(line));
  return lines.slice(from, end < 0 ? undefined : end).join("\n");
}

describe("the program of docs/host-api.md", () => {
  const [, program = "", output = ""] =
    page.match(/```js\n([\s\S]*?)```[\s\S]*?```text\n([\s\S]*?)```/) ?? [];

  it("prints what the page says", () => {
    const args = ["--input-type=module", "--eval", program];
    expect(execFileSync(process.execPath, args, { cwd: root, encoding: "utf8" })).toBe(output);
  });

  it("is in README.md too, word for word, with its output", () => {
    const readme = readFileSync(join(root, "README.md"), "utf8");
    expect(readme).toContain(`\`\`\`js\n${program}\`\`\``);
    expect(readme).toContain(`\`\`\`text\n${output}\`\`\``);
  });
});

describe("the structs of docs/host-api.md", () => {
  const drawn = new Map(
    lines.flatMap((line, index) => {
      const [, name, size] = /^\*\*`struct (\w+)`\*\*, (\d+) bytes/.exec(line) ?? [];
      if (name === undefined) return [];
      const offsets = cells(lines[index + 2]!).map(Number);
      const fields = cells(lines[index + 4]!).map((cell) => named(cell)[0]!.replace("[]", ""));
      return [
        [name, { size: Number(size), fields: fields.map((field, at) => [field, offsets[at]]) }] as const,
      ];
    }),
  );

  it("are all of src/uapi", () => {
    expect([...drawn.keys()].sort()).toEqual([...structs.keys()].sort());
  });

  it.each([...drawn])("%s has the size and offsets of the C compiler", (name, { size, fields }) => {
    const { size: compiled, fields: known } = abi.structs[name]!;
    const expected = Object.entries(known).map(([field, { offset }]) => [field, offset]);
    expect({ size, fields }).toEqual({ size: compiled, fields: expected });
  });
});

describe("the numbers of docs/host-api.md", () => {
  const headings = [...page.matchAll(/^### (VFIO_\w+) \((0x[0-9a-f]+)\)$/gm)].map(([, name, hex]) => [
    name,
    hex,
  ]);
  const spapr = ["VFIO_IOMMU_ENABLE", "VFIO_IOMMU_DISABLE"];

  it("are a section for each ioctl, SPAPR's two named as absent", () => {
    const expected = Object.entries(ioctls).map(([name, number]) => [name, `0x${number.toString(16)}`]);
    expect(headings.sort()).toEqual(expected.filter(([name]) => !spapr.includes(name!)).sort());
    const absent = section("What is not modelled", 2);
    for (const name of spapr) {
      expect(absent).toContain(`\`${name}\` 0x${numbers[name]!.toString(16)}`);
    }
  });

  it("are all constants of src/uapi with their values", () => {
    const listed = section("Constants", 2).matchAll(/`(\w+_)` ((?:\w+ \d+(?: \(never\))?(?:, |))+)/g);
    const values = [...listed].flatMap(([, prefix, names]) =>
      [...names!.matchAll(/(\w+) (\d+)/g)].map(([, name, value]) => [`${prefix}${name}`, Number(value)]),
    );
    const others = Object.entries(numbers).filter(([name]) => !(name in ioctls));
    expect(values.sort()).toEqual(others.sort());
  });

  it("are constants that exist, wherever one is named", () => {
    const names = named(page).filter(
      (name) => /^(VFIO|IOMMU|PASID|KVM)_[\w]+$/.test(name) && !name.endsWith("_"),
    );
    expect(names.length).toBeGreaterThan(40);
    expect(names.filter((name) => !(name in numbers))).toEqual([]);
  });

  it("are error numbers of src/uapi/errno.ts", () => {
    const used = [...page.matchAll(/−(E[A-Z]+)/g)].map(([, name]) => name!);
    expect(new Set(used).size).toBeGreaterThan(8);
    expect(used.filter((name) => !(name in errno))).toEqual([]);
  });

  it("are an errno, 0 or a RangeError in each row of a table of conditions", () => {
    const isErrno = /^(−E[A-Z]+(; `mmap` RangeError)?|0|RangeError)$/;
    let rows = 0;
    for (const [index, line] of lines.entries()) {
      if (!/^\|.*condition, in order \| errno \|$/.test(line)) continue;
      for (let at = index + 2; lines[at]?.startsWith("|"); at++, rows++) {
        expect(cells(lines[at]!).at(-1)).toMatch(isErrno);
      }
    }
    expect(rows).toBeGreaterThan(100);
  });

  it("have a source in each section of a call", () => {
    const calls = lines.filter((line) => /^### (VFIO_|device\.)/.test(line)).map((line) => line.slice(4));
    expect(calls.length).toBe(Object.keys(ioctls).length - spapr.length + 3);
    expect(calls.filter((call) => !section(call, 3).includes("Source:"))).toEqual([]);
  });
});

describe("the links of docs/host-api.md", () => {
  const links = [...page.matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => link!);

  it("lead to files that exist and to headings of this page", () => {
    const slugs = lines
      .filter((line) => /^#+ /.test(line))
      .map((line) =>
        line
          .replace(/^#+ /, "")
          .toLowerCase()
          .replaceAll(/[^\w\- ]/g, "")
          .replaceAll(" ", "-"),
      );
    const dead = links.filter((link) =>
      link.startsWith("#") ? !slugs.includes(link.slice(1)) : !existsSync(join(root, "docs", link)),
    );
    expect(links.length).toBeGreaterThan(20);
    expect(dead).toEqual([]);
  });
});

describe("the profile of docs/host-api.md", () => {
  const rows = tableAfter(/^## Profiles$/).slice(1);

  it("is src/host/profile.ts, each difference with both values", () => {
    const shown = rows.map(([name, header, linux]) => [named(name!)[0], header, linux]);
    const keys = Object.keys(PROFILES.header) as (keyof Profile)[];
    expect(shown).toEqual(
      keys.map((key) => [key, String(PROFILES.header[key]), String(PROFILES["linux-v10"][key])]),
    );
  });

  it("is told where the call is, too", () => {
    const elsewhere = page.replace(section("Profiles", 2), "");
    expect(Object.keys(PROFILES.header).filter((key) => !elsewhere.includes(`\`${key}\``))).toEqual([]);
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
/** One page, so that an address is one command. */
const PAGE = { granularity: "address", address: 0x1000n, size: 4096n } as const;
const COLUMNS: readonly (readonly [title: string, selection: Partial<Invalidation>])[] = [
  ["DOMAIN", { granularity: "domain" }],
  ["PASID, flag PASID", { granularity: "pasid", pasid: 5 }],
  ["PASID, flag ARCHID", { granularity: "pasid", archid: 7 }],
  ["ADDR", PAGE],
  ["ADDR, flag ARCHID", { ...PAGE, archid: 7 }],
];
const CACHE_ROWS: Readonly<Record<string, "pasidCache" | "iotlb" | "deviceTlb">> = {
  "PASID (4)": "pasidCache",
  "IOTLB (1)": "iotlb",
  "DEV_IOTLB (2)": "deviceTlb",
};
const nameOf = (command: Command) => commandName(getField(command, CMD_OPCODE_MSB, CMD_OPCODE_LSB));

describe("the tables of docs/host-api.md", () => {
  it("of reasons are what the driver makes of an event record", () => {
    for (const [event, code, reason] of tableAfter(/^### Reasons$/).slice(1)) {
      const record = new Uint8Array(32);
      record[0] = Number(code);
      expect(eventName(Number(code))).toBe(event);
      const [name] = named(reason!);
      const number = faultReport(record).reason;
      if (number === undefined) expect(reason).toBe("the host's");
      else expect([reason, numbers[name!]]).toEqual([`\`${name}\` (${number})`, number]);
    }
  });

  it("of responses are what the driver sends", () => {
    const rows = lines.filter((line) => /^\| `IOMMU_PAGE_RESP_\w+` \(\d\) \|/.test(line)).map(cells);
    const sent = [...RESPONSE_CODES].map(([code, endpoint]) => {
      const command = priResp({ stream: 0, group: 0, code: endpoint });
      return [code, getField(command, CMD_PRI_RESP_MSB, CMD_PRI_RESP_LSB), endpoint];
    });
    const shown = rows.map(([code, resp, at]) => [numbers[named(code!)[0]!], Number(resp), at]);
    expect(shown).toEqual(sent);
  });

  it("of caches by granularity is the header's matrix, with the commands that the driver issues", () => {
    const capabilities = readCapabilities(new SmmuV3({ features: SMMUV3_PRESETS.host }));
    const endpoint = { name: "nic", stream: 8, pasidBits: 20, ats: true, pri: false };
    const [head, ...rows] = tableAfter(/^#### Cache × granularity$/);
    expect(head).toEqual(["cache", ...COLUMNS.map(([title]) => title)]);
    for (const [cache, ...shown] of rows) {
      const name = CACHE_ROWS[cache!]!;
      const expected = COLUMNS.map(([, selection]) => {
        const request: Invalidation = { ...NOTHING, ...selection, [name]: true };
        if (HEADER_MATRIX[name][request.granularity] === "EINVAL") return "−EINVAL";
        const commands = [
          ...invalidationCommands(request, 1, [8], capabilities),
          ...(request.deviceTlb ? deviceTlbCommands(request, endpoint) : []),
        ];
        return commands.map(nameOf).join(", ");
      });
      expect([cache, ...shown]).toEqual([cache, ...expected]);
    }
    expect(rows.map(([cache]) => cache)).toEqual(Object.keys(CACHE_ROWS));
  });
});
