// Conformance vector files and snapshots as the reference model's tests read them (JSON, gzip).

import { readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { ReferenceSmmu, type Request } from "./smmu.js";

export interface Expectation {
  pa?: string;
  bypass?: boolean;
  event?: string;
  abort?: boolean;
  parts?: (Expectation & { off: number; len: number })[];
  value?: string;
  mask?: string;
  hex?: string;
}

export interface Step {
  op: "access" | "write" | "cmd" | "reg" | "readreg" | "read";
  sid?: number;
  ssid?: number;
  iova?: string;
  size?: number;
  write?: boolean;
  exec?: boolean;
  priv?: boolean;
  pa?: string;
  hex?: string;
  len?: number;
  name?: string;
  value?: string;
  expect?: Expectation;
  category?: string;
}

export interface VectorCase {
  id: string;
  idr: Record<"IDR0" | "IDR1" | "IDR3" | "IDR5", string>;
  ram: [string, string][];
  regs: Record<string, string | number>;
  memory: [string, string][];
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

const fixtures = new URL("../fixtures/", import.meta.url);

export const vectorFiles = (): string[] =>
  readdirSync(new URL("conformance/smmuv3/", fixtures))
    .filter((name) => name.endsWith(".jsonl.gz"))
    .sort();

export const snapshotFiles = (): string[] =>
  readdirSync(new URL("captures/snapshots/", fixtures))
    .filter((name) => name.startsWith("smmu-"))
    .sort();

const text = (path: string): string => gunzipSync(readFileSync(new URL(path, fixtures))).toString("utf8");

export function readVectors(name: string): VectorCase[] {
  return text(`conformance/smmuv3/${name}`)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as VectorCase);
}

export const readSnapshot = (name: string): Snapshot =>
  JSON.parse(text(`captures/snapshots/${name}`)) as Snapshot;

export const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** A reference model with a case's registers and memory. */
export function prepare(
  regs: Record<string, string | number>,
  idr: VectorCase["idr"],
  ram: [string, string][],
  memory: [string, string][],
): ReferenceSmmu {
  const smmu = new ReferenceSmmu({
    idr: { idr0: BigInt(idr.IDR0), idr1: BigInt(idr.IDR1), idr3: BigInt(idr.IDR3), idr5: BigInt(idr.IDR5) },
    ram: ram.map(([base, size]) => [BigInt(base), BigInt(size)] as const),
  });
  for (const [name, value] of Object.entries(regs)) smmu.presetRegister(name, BigInt(value));
  for (const [pa, hex] of memory) {
    if (!smmu.memory.write(BigInt(pa), fromHex(hex))) throw new RangeError(`memory at ${pa} is outside RAM`);
  }
  return smmu;
}

/** The outcome of one access in the words of the vector files. */
export function answer(smmu: ReferenceSmmu, request: Request): Expectation {
  const outcome = smmu.access(request);
  switch (outcome.kind) {
    case "translated":
      return { pa: `0x${outcome.pa.toString(16)}` };
    case "bypassed":
      return { bypass: true, pa: `0x${outcome.pa.toString(16)}` };
    default:
      return outcome.event === undefined ? { abort: true } : { event: toHex(outcome.event) };
  }
}

/** Every disagreement of one access step, as text; a step with `parts` is one access per part. */
export function accessDifferences(smmu: ReferenceSmmu, step: Step): string[] {
  const expected = step.expect?.parts ?? [{ ...step.expect, off: 0, len: step.size ?? 1 }];
  return expected.flatMap(({ off, len: _, ...expectation }) => {
    const request: Request = {
      sid: step.sid!,
      ssid: step.ssid,
      iova: BigInt.asUintN(64, BigInt(step.iova!) + BigInt(off)),
      write: step.write,
      exec: step.exec,
      priv: step.priv,
    };
    const actual = answer(smmu, request);
    const same =
      actual.event === expectation.event &&
      actual.abort === expectation.abort &&
      (actual.bypass ?? false) === (expectation.bypass ?? false) &&
      (actual.pa === undefined
        ? expectation.pa === undefined
        : expectation.pa !== undefined && BigInt(actual.pa) === BigInt(expectation.pa));
    return same
      ? []
      : [`${step.iova}+${off}: expected ${JSON.stringify(expectation)}, got ${JSON.stringify(actual)}`];
  });
}
