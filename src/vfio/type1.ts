// The requests of a container that has a type 1 IOMMU: struct in, flags, over to the host, struct out.
// Source: Linux 5.10, vfio_iommu_type1_ioctl; kernel series "SMMUv3 Nested Stage Setup (VFIO part)" v10, 1 to 3/11, for
// the calls of nesting. What the addresses and tables in them mean is the host's part (src/host).

import { Refusal } from "../contract/refusal.js";
import type { HostDomain } from "../host/host-domain.js";
import { EINVAL } from "../uapi/errno.js";
import * as uapi from "../uapi/index.js";
import type { Argument } from "./argument.js";
import { answerInfo } from "./capability-chain.js";
import type { Settings } from "./options.js";

/** One request; it returns when the call succeeds. @throws Refusal */
type Type1Request = (domain: HostDomain, arg: Argument, settings: Settings) => void;

function unknownFlags(struct: string, flags: number): Refusal {
  return new Refusal(EINVAL, `"${struct}.flags" expected one known combination, got 0x${flags.toString(16)}`);
}

/** All IOVAs that stage 2 takes, one range. */
function iovaRanges({ driver }: Settings): Uint8Array {
  const { size } = uapi.vfio_iommu_type1_info_cap_iova_range;
  const bytes = new Uint8Array(size + uapi.vfio_iova_range.size);
  uapi.vfio_iommu_type1_info_cap_iova_range.encodeInto(bytes, 0, {
    header: { id: uapi.VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, version: 1, next: 0 },
    nr_iovas: 1,
    reserved: 0,
  });
  uapi.vfio_iova_range.encodeInto(bytes, size, { start: 0n, end: (1n << BigInt(driver.inputBits)) - 1n });
  return bytes;
}

function getInfo(_domain: HostDomain, arg: Argument, settings: Settings): void {
  const struct = uapi.vfio_iommu_type1_info;
  const minsz = struct.endOf("iova_pgsizes");
  const info = {
    ...arg.copyIn(struct, minsz),
    flags: uapi.VFIO_IOMMU_INFO_PGSIZES,
    iova_pgsizes: settings.driver.pageSizes,
  };
  answerInfo(arg, struct, minsz, info, uapi.VFIO_IOMMU_INFO_CAPS, [iovaRanges(settings)]);
}

/**
 * The one hot request, a call a page in the worst case: fields are read where they lie, since decoding the struct would
 * cost 270 ns a call (src/uapi/codec.ts).
 */
function mapDma(domain: HostDomain, arg: Argument): void {
  const map = arg.fixedPart("vfio_iommu_type1_dma_map", 32);
  const vaddr = map.getBigUint64(8, true);
  const iova = map.getBigUint64(16, true);
  domain.mapDma(vaddr, iova, map.getBigUint64(24, true), map.getUint32(4, true));
}

function unmapDma(domain: HostDomain, arg: Argument): void {
  const struct = uapi.vfio_iommu_type1_dma_unmap;
  const unmap = arg.copyIn(struct);
  if (unmap.flags !== 0) throw unknownFlags(struct.name, unmap.flags);
  const size = domain.unmapDma(unmap.iova, unmap.size);
  arg.copyOut({ at: 0, bytes: struct.encode({ ...unmap, size }) });
}

function setPasidTable(domain: HostDomain, arg: Argument, { profile }: Settings): void {
  const struct = uapi.vfio_iommu_type1_set_pasid_table;
  const { flags, config } = arg.copyIn(struct);
  const looked = profile.pasidTableFlagsBitByBit
    ? flags & uapi.VFIO_PASID_TABLE_FLAG_SET || flags & uapi.VFIO_PASID_TABLE_FLAG_UNSET
    : flags;
  if (looked === uapi.VFIO_PASID_TABLE_FLAG_SET) domain.setPasidTable(config);
  else if (looked === uapi.VFIO_PASID_TABLE_FLAG_UNSET) domain.unsetPasidTable();
  else throw unknownFlags(struct.name, flags);
}

function cacheInvalidate(domain: HostDomain, arg: Argument): void {
  const struct = uapi.vfio_iommu_type1_cache_invalidate;
  const { flags, info } = arg.copyIn(struct);
  if (flags !== 0) throw unknownFlags(struct.name, flags);
  domain.invalidate(info);
}

function setMsiBinding(domain: HostDomain, arg: Argument): void {
  const struct = uapi.vfio_iommu_type1_set_msi_binding;
  const { flags, iova, gpa, size } = arg.copyIn(struct);
  if (flags === uapi.VFIO_IOMMU_BIND_MSI) domain.bindMsi(iova, gpa, size);
  else if (flags === uapi.VFIO_IOMMU_UNBIND_MSI) domain.unbindMsi(iova, size);
  else throw unknownFlags(struct.name, flags);
}

/** The requests by number. */
export const TYPE1_REQUESTS: ReadonlyMap<number, Type1Request> = new Map<number, Type1Request>([
  [uapi.VFIO_IOMMU_GET_INFO, getInfo],
  [uapi.VFIO_IOMMU_MAP_DMA, mapDma],
  [uapi.VFIO_IOMMU_UNMAP_DMA, unmapDma],
  [uapi.VFIO_IOMMU_SET_PASID_TABLE, setPasidTable],
  [uapi.VFIO_IOMMU_CACHE_INVALIDATE, cacheInvalidate],
  [uapi.VFIO_IOMMU_SET_MSI_BINDING, setMsiBinding],
]);
