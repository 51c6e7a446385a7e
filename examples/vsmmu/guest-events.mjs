// A fault that the host reports → the event record that the guest's own SMMU would have written.
// Source: struct iommu_fault of linux/iommu.h; Arm IHI 0070 G.b, 7.3. The host already has left out what is its own
// affair (stage 2). What the fault does not tell is what stage 1 alone can have: S2 = 0, CLASS by the reason.

import { events as E, encodeEvent, uapi } from "nested-iommu";

/** reason → event and what was being accessed. @type {Map<number, [number, import("nested-iommu").FaultClass]>} */
const EVENTS = new Map([
  [uapi.IOMMU_FAULT_REASON_PASID_FETCH, [E.EVT_F_CD_FETCH, "CD"]],
  [uapi.IOMMU_FAULT_REASON_BAD_PASID_ENTRY, [E.EVT_C_BAD_CD, "CD"]],
  [uapi.IOMMU_FAULT_REASON_PASID_INVALID, [E.EVT_C_BAD_SUBSTREAMID, "CD"]],
  [uapi.IOMMU_FAULT_REASON_WALK_EABT, [E.EVT_F_WALK_EABT, "TT"]],
  [uapi.IOMMU_FAULT_REASON_PTE_FETCH, [E.EVT_F_TRANSLATION, "IN"]],
  [uapi.IOMMU_FAULT_REASON_PERMISSION, [E.EVT_F_PERMISSION, "IN"]],
  [uapi.IOMMU_FAULT_REASON_ACCESS, [E.EVT_F_ACCESS, "IN"]],
  [uapi.IOMMU_FAULT_REASON_OOR_ADDRESS, [E.EVT_F_ADDR_SIZE, "IN"]],
]);

/**
 * Encodes the guest's event record.
 *
 * @param {Uint8Array} entry 64 bytes of the fault ring, struct iommu_fault
 * @param {number} stream the guest's StreamID of the device
 * @param {import("./guest-memory.mjs").GuestMemory} memory turns the host's fetch address into the guest's
 * @returns {Uint8Array | undefined} 32 bytes; undefined for what is no event of this guest's SMMU (a page request)
 */
export function eventOf(entry, stream, memory) {
  const fault = uapi.iommu_fault.decode(entry);
  if (fault.type !== uapi.IOMMU_FAULT_DMA_UNRECOV) return undefined;
  const { reason, flags, pasid, perm, addr, fetch_addr } = uapi.iommu_fault.member(fault, "event");
  const event = EVENTS.get(reason);
  if (event === undefined) return undefined;
  const [type, what] = event;
  return encodeEvent({
    type,
    stream,
    pasid: flags & uapi.IOMMU_FAULT_UNRECOV_PASID_VALID ? pasid : undefined,
    iova: flags & uapi.IOMMU_FAULT_UNRECOV_ADDR_VALID ? addr : 0n,
    write: (perm & uapi.IOMMU_FAULT_PERM_READ) === 0,
    execute: (perm & uapi.IOMMU_FAULT_PERM_EXEC) !== 0,
    privileged: (perm & uapi.IOMMU_FAULT_PERM_PRIV) !== 0,
    stage2: false,
    class: what,
    tableWrite: false,
    ipa: 0n,
    fetchAddress: flags & uapi.IOMMU_FAULT_UNRECOV_FETCH_ADDR_VALID ? (memory.toGuest(fetch_addr) ?? 0n) : 0n,
  });
}
