// Conformance vector files and snapshots of VT-d as the reference model's tests read them (JSON, gzip).

import { readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { RamRange } from "../memory.js";
import { type Outcome, ReferenceVtd } from "./iommu.js";

export interface FaultExpectation {
  addr?: string | number;
  sid?: number;
  type?: "read" | "write";
  /** The code, measured. */
  reason?: string;
  /** Any of these. */
  reasons?: string[];
  /** The architecture's code where QEMU recorded another one. */
  spec_reason?: string;
  spec_reasons?: string[];
  /** Deviation file: possible codes. */
  codes?: string[];
  recorded?: boolean;
  record?: string;
  record_mask?: string;
}

export interface Expectation {
  pa?: string;
  fault?: FaultExpectation;
  value?: string | number;
  mask?: string | number;
  hex?: string;
}

export interface Step {
  op: "access" | "write" | "inv" | "reg" | "readreg" | "expect-memory";
  sid?: number;
  pasid?: number | null;
  iova?: string;
  size?: number;
  write?: boolean;
  pa?: string;
  hex?: string;
  name?: string;
  value?: string;
  expect?: Expectation;
  category?: string;
}

export interface VectorCase {
  id: string;
  mode: "scalable" | "legacy";
  caps: { CAP: string; ECAP: string; VER: string; HAW: number };
  ram: [string, string][];
  regs: Record<string, string>;
  memory: [string, string][];
  /** "manual": the case empties the recording register itself. */
  log?: "manual";
  steps: Step[];
}

export interface Snapshot {
  id: string;
  regs: Record<string, string>;
  memory: [string, string][];
  steps: Step[];
  mapped: Step[];
  stale: Step[];
}

const folder = new URL("../../fixtures/conformance/vtd/", import.meta.url);

const names = (path: string, ending: string): string[] =>
  readdirSync(new URL(path, folder))
    .filter((name) => name.endsWith(ending))
    .sort();

export const vectorFiles = (): string[] => names(".", ".jsonl.gz").map((name) => name.replace(/\..*/, ""));
export const snapshotFiles = (): string[] =>
  names("snapshots/", ".json.gz").map((name) => name.replace(/\..*/, ""));

const text = (path: string): string => gunzipSync(readFileSync(new URL(path, folder))).toString("utf8");

export function readVectors(name: string): VectorCase[] {
  return text(`${name}.jsonl.gz`)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as VectorCase);
}

export const readSnapshot = (name: string): Snapshot =>
  JSON.parse(text(`snapshots/${name}.json.gz`)) as Snapshot;

export const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** A reference model with a case's registers and memory. */
export function prepare(
  { CAP, ECAP, VER, HAW }: VectorCase["caps"],
  ram: readonly [string, string][],
  regs: Record<string, string>,
  memory: readonly [string, string][],
): ReferenceVtd {
  const vtd = new ReferenceVtd({
    cap: BigInt(CAP),
    ecap: BigInt(ECAP),
    version: Number(VER),
    haw: HAW,
    ram: ram.map(([base, size]): RamRange => [BigInt(base), BigInt(size)]),
  });
  for (const [name, value] of Object.entries(regs)) vtd.presetRegister(name, BigInt(value));
  for (const [pa, hex] of memory) {
    if (!vtd.memory.write(BigInt(pa), fromHex(hex))) throw new RangeError(`memory at ${pa} is outside RAM`);
  }
  return vtd;
}

const hexOf = (value: number): string => `0x${value.toString(16)}`;

/** The codes that an expected fault may have. */
export const codesOf = ({
  reason,
  reasons,
  spec_reason,
  spec_reasons,
  codes,
}: FaultExpectation): string[] => [
  ...[reason, spec_reason].filter((code) => code !== undefined),
  ...(reasons ?? []),
  ...(spec_reasons ?? []),
  ...(codes ?? []),
];

/** What a record of 16 bytes says, in the words of the vector files. */
function describeRecord(bytes: Uint8Array): { addr: bigint; sid: number; type: string; code: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const high = view.getBigUint64(8, true);
  return {
    addr: view.getBigUint64(0, true),
    sid: Number(high & 0xffffn),
    type: ((high >> 62n) & 1n) === 1n ? "read" : "write",
    code: Number((high >> 32n) & 0xffn),
  };
}

const maskedEqual = (actual: Uint8Array, expected: Uint8Array, mask: Uint8Array): boolean =>
  actual.every((byte, i) => (byte & mask[i]!) === (expected[i]! & mask[i]!));

/** Every disagreement with an expected fault; `taken` is the record that the access left, if it left one. */
function faultDifferences(
  expected: FaultExpectation,
  outcome: Outcome,
  taken: Uint8Array | undefined,
): string[] {
  if (outcome.kind !== "blocked")
    return [`expected a fault, got ${outcome.kind} ${hexOf(Number(outcome.pa))}`];
  const differences: string[] = [];
  if (!codesOf(expected).includes(hexOf(outcome.reason))) {
    differences.push(`expected code ${codesOf(expected).join("|")}, got ${hexOf(outcome.reason)}`);
  }
  if (expected.recorded === false) {
    return taken === undefined ? differences : [...differences, "expected no record"];
  }
  if (taken === undefined) return [...differences, "expected a record"];
  const { addr, sid, type, code } = describeRecord(taken);
  if (code !== outcome.reason) differences.push(`record has code ${hexOf(code)}`);
  if (addr !== BigInt(expected.addr!)) differences.push(`expected address ${expected.addr}, got ${addr}`);
  if (sid !== expected.sid || type !== expected.type) differences.push(`record has ${sid} ${type}`);
  if (expected.record === undefined) return differences;
  // The mask holds FR only where QEMU recorded the architecture's code.
  const same = maskedEqual(taken, fromHex(expected.record), fromHex(expected.record_mask!));
  return same ? differences : [...differences, `record ${toHex(taken)}, expected ${expected.record}`];
}

export function accessDifferences(vtd: ReferenceVtd, step: Step): string[] {
  const before = vtd.faults.records[0]!;
  const outcome = vtd.access({
    sid: step.sid!,
    pasid: step.pasid ?? undefined,
    iova: BigInt(step.iova!),
    write: step.write,
  });
  const { expect } = step;
  if (expect === undefined) return [];
  if (expect.pa !== undefined) {
    const pa = outcome.kind === "blocked" ? outcome.cause : outcome.pa;
    return pa === BigInt(expect.pa) ? [] : [`expected ${expect.pa}, got ${pa.toString(16)}`];
  }
  const after = vtd.faults.records[0]!;
  const taken = after === before || outcome.kind !== "blocked" ? undefined : outcome.record;
  return faultDifferences(expect.fault!, outcome, taken);
}
