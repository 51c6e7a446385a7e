// Snapshots and vectors as machines: registers, memory, and requests to begin with. Formats as `nested-iommu verify` takes
// them; of a vector the state before its first step.

import {
  decodeVtdFeatures,
  type MachineOptions,
  registers as R,
  SmmuV3,
  vtdRegisters as V,
  VtdIommu,
} from "nested-iommu";

/** A machine that can be explained. */
export type Machine = SmmuV3 | VtdIommu;

/** A request that a capture suggests. */
export interface SuggestedRequest {
  readonly stream: number;
  readonly iova: bigint;
  readonly pasid?: number;
  readonly write: boolean;
}

/** One case of a file. */
export interface Capture {
  readonly id: string;
  readonly arch: "smmuv3" | "vtd";
  readonly requests: readonly SuggestedRequest[];
  /** A machine in this state. */
  make(options: MachineOptions): Machine;
}

/** A file that cannot be shown, in words for people. */
export class CaptureError extends Error {
  override name = "CaptureError";
}

interface Step {
  op?: string;
  sid?: number;
  ssid?: number | null;
  pasid?: number | null;
  iova?: string;
  write?: boolean;
}

interface RawCase {
  id: string;
  arch: string;
  regs: Record<string, string>;
  idr?: Record<string, string>;
  caps?: Record<string, string | number>;
  ram?: [string, string][];
  memory: [string, string][];
  steps?: Step[];
  mapped?: Step[];
}

const MOST_BYTES = 64 * 2 ** 20;
const MOST_REQUESTS = 400;
/** Of snapshots of VT-d, which do not say it. */
const SNAPSHOT_HOST_WIDTH = 48;
/** IR, EIM and MHMV of ECAP: interrupt remapping is not modelled. */
const ECAP_INTERRUPTS = (1n << 3n) | (1n << 4n) | (0xfn << 20n);

/** The bytes of a file, unpacked if they are gzip. */
async function unpack(bytes: Uint8Array): Promise<string> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return new TextDecoder().decode(bytes);
  const stream = new Blob([bytes as BlobPart]).stream().pipeThrough(new DecompressionStream("gzip"));
  const reader = stream.getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    length += part.value.byteLength;
    if (length > MOST_BYTES) throw new CaptureError(`longer than ${MOST_BYTES >> 20} MiB unpacked`);
  }
  return new Blob(parts as BlobPart[]).text();
}

/**
 * Reads a snapshot (one JSON object) or a vector file (one JSON object a line), plain or gzip.
 *
 * @throws CaptureError that says what is wrong with it
 */
export async function readCaptures(bytes: Uint8Array): Promise<Capture[]> {
  let text: string;
  try {
    text = await unpack(bytes);
  } catch (error) {
    if (error instanceof CaptureError) throw error;
    throw new CaptureError("the gzip data is damaged or ends early");
  }
  const lines = text.trimStart().startsWith("{\n") ? [text] : text.split("\n");
  return lines.flatMap((line, n) => (line.trim() === "" ? [] : [captureOf(parse(line, n + 1), n + 1)]));
}

function parse(line: string, n: number): RawCase {
  try {
    return JSON.parse(line) as RawCase;
  } catch {
    throw new CaptureError(`line ${n} is not JSON`);
  }
}

function captureOf(raw: RawCase, n: number): Capture {
  if (typeof raw !== "object" || raw === null || !Array.isArray(raw.memory) || typeof raw.regs !== "object") {
    throw new CaptureError(`line ${n} is no snapshot and no vector: expected "regs" and "memory"`);
  }
  if (raw.arch !== "smmuv3" && raw.arch !== "vtd") {
    throw new CaptureError(`line ${n}: arch expected smmuv3 or vtd, got ${JSON.stringify(raw.arch)}`);
  }
  const { id, arch } = raw;
  const steps = [...(raw.mapped ?? []), ...(raw.steps ?? [])];
  const requests = steps
    .filter((step) => step.op === "access" && step.sid !== undefined && step.iova !== undefined)
    .slice(0, MOST_REQUESTS)
    .map((step): SuggestedRequest => {
      const pasid = step.ssid ?? step.pasid ?? undefined;
      return {
        stream: step.sid ?? 0,
        iova: BigInt(step.iova ?? 0),
        write: step.write === true,
        ...(pasid !== undefined && { pasid }),
      };
    });
  const make = arch === "smmuv3" ? makeSmmu : makeVtd;
  return {
    id,
    arch,
    requests,
    make(options) {
      try {
        return make(raw, options);
      } catch (error) {
        throw new CaptureError(`case ${id}: ${error instanceof Error ? error.message : String(error)}`);
      }
    },
  };
}

function fill(machine: Machine, raw: RawCase): void {
  for (const [pa, digits] of raw.memory) {
    const bytes = Uint8Array.from({ length: digits.length / 2 }, (_, n) =>
      Number.parseInt(digits.slice(2 * n, 2 * n + 2), 16),
    );
    machine.memory.write(BigInt(pa), bytes);
  }
}

function ramOf(raw: RawCase): { ram?: (readonly [bigint, bigint])[] } {
  return raw.ram ? { ram: raw.ram.map(([base, size]) => [BigInt(base), BigInt(size)] as const) } : {};
}

function makeSmmu(raw: RawCase, options: MachineOptions): SmmuV3 {
  const ids = raw.idr ?? raw.regs;
  const idr = (name: string): number => Number(ids[name] ?? 0);
  const smmu = new SmmuV3({
    ...options,
    ...ramOf(raw),
    features: { idr0: idr("IDR0"), idr1: idr("IDR1"), idr3: idr("IDR3"), idr5: idr("IDR5") },
    // Records come with the answers; a queue would fill.
    eventSink: () => {},
  });
  fill(smmu, raw);
  const value = (name: string): bigint => BigInt(raw.regs[name] ?? 0);
  const write = (offset: number, name: string): void =>
    smmu.write32(offset, Number(value(name) & 0xffff_ffffn));
  write(R.REG_CR2, "CR2");
  smmu.write64(R.REG_STRTAB_BASE, value("STRTAB_BASE"));
  write(R.REG_STRTAB_BASE_CFG, "STRTAB_BASE_CFG");
  smmu.write32(R.REG_GBPA, Number(value("GBPA")) + 2 ** R.GBPA_UPDATE_LSB);
  smmu.write32(R.REG_CR0, Number(value("CR0")) & (2 ** R.CR0_SMMUEN_LSB));
  return smmu;
}

function makeVtd(raw: RawCase, options: MachineOptions): VtdIommu {
  const caps = raw.caps ?? raw.regs;
  const vtd = new VtdIommu({
    ...options,
    ...ramOf(raw),
    features: {
      cap: BigInt(caps.CAP ?? 0),
      ecap: BigInt(caps.ECAP ?? 0) & ~ECAP_INTERRUPTS,
      hostWidth: Number(raw.caps?.HAW ?? SNAPSHOT_HOST_WIDTH),
    },
  });
  fill(vtd, raw);
  vtd.write64(V.REG_RTADDR, BigInt(raw.regs.RTADDR ?? 0));
  vtd.write32(V.REG_GCMD, 2 ** V.GCMD_SRTP_LSB);
  if (((BigInt(raw.regs.GSTS ?? 0) >> BigInt(V.GCMD_TE_LSB)) & 1n) !== 0n) {
    vtd.write32(V.REG_GCMD, 2 ** V.GCMD_TE_LSB);
  }
  return vtd;
}

/** Room for another fault record, as software makes it. */
export function serveFaults(machine: Machine): void {
  if (machine instanceof SmmuV3) return;
  const { faultRecordOffset, faultRecords } = decodeVtdFeatures(machine.features);
  for (let n = 0; n < faultRecords; ++n) {
    machine.write64(faultRecordOffset + 16 * n + 8, 1n << BigInt(V.FRCD_F_LSB - 64));
  }
}
