// VT-d registers by the names that vectors and snapshots use (Rev 5.10, 11.4). Those that the capability registers place
// are looked up in the machine.
import { decodeVtdFeatures, vtdRegisters as facts, type VtdIommu } from "../index.js";

/** Registers of 64 bits; all others have 32. */
const WIDE = new Set([
  ...["CAP", "ECAP", "RTADDR", "CCMD", "IVA", "IOTLB", "FRCD_LO", "FRCD_HI"],
  ...["IQH", "IQT", "IQA", "IQERCD", "PQH", "PQT", "PQA"],
]);

/** Offset of a register, or undefined for a name that is none. */
export function vtdOffsetOf(vtd: VtdIommu, name: string): number | undefined {
  const { faultRecordOffset, iotlbOffset } = decodeVtdFeatures(vtd.features);
  const placed: Readonly<Record<string, number>> = {
    FRCD_LO: faultRecordOffset,
    FRCD_HI: faultRecordOffset + 8,
    IVA: iotlbOffset,
    IOTLB: iotlbOffset + 8,
  };
  const offset: unknown = Object.hasOwn(placed, name)
    ? placed[name]
    : (facts as Record<string, unknown>)[`REG_${name}`];
  return typeof offset === "number" ? offset : undefined;
}

/** Writes a register by name; it must exist. */
export function writeVtdRegister(vtd: VtdIommu, name: string, value: bigint): void {
  const offset = vtdOffsetOf(vtd, name) as number;
  if (WIDE.has(name)) vtd.write64(offset, value);
  else vtd.write32(offset, Number(BigInt.asUintN(32, value)));
}

/** Reads a register by name; it must exist. */
export function readVtdRegister(vtd: VtdIommu, name: string): bigint {
  const offset = vtdOffsetOf(vtd, name) as number;
  return WIDE.has(name) ? vtd.read64(offset) : BigInt(vtd.read32(offset) >>> 0);
}
