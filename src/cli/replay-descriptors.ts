// Invalidation lines of a trace as VT-d descriptors (Intel VT-d Rev 5.10, 6.5.2).
//
// A trace has what the guest's driver sent. Nested, a hypervisor confines it to the guest: its own domain-ids take the place
// of the guest's, what would reach further becomes one descriptor for each domain of the guest, the guest's context entries
// are those PASID entries that the hypervisor made from them, and interrupts are not the guest's to remap.
import { vtdInvalidation as I } from "../index.js";
import { Structure } from "./structures.js";

/** How the lines of a trace become descriptors. */
export interface DescriptorRule {
  /** Bytes of a descriptor: 16 in legacy mode, 32 in scalable mode. */
  readonly bytes: number;
  /** Where a wait descriptor's status goes, a multiple of 4. */
  readonly status: bigint;
  /** Domain-ids that a hypervisor has for the guest's; undefined: there is none, the trace's are the unit's. */
  readonly guest: ReadonlyMap<number, number> | undefined;
}

type Encode = (args: readonly bigint[], rule: DescriptorRule) => readonly Structure[];

const RID_PASID = 0;
/** What Linux lets the hardware write when a wait descriptor is done. */
const DONE = 2;

const LINES: ReadonlyMap<string, Encode> = new Map<string, Encode>([
  ["cc global", (args, rule) => contexts(I.CC_GLOBAL, args, rule)],
  ["cc domain", (args, rule) => contexts(I.CC_DOMAIN, args, rule)],
  ["cc device", (args, rule) => contexts(I.CC_DEVICE, args, rule)],
  [
    "iotlb global",
    (_, rule) =>
      rule.guest === undefined
        ? [typed(rule, I.INV_IOTLB, I.IOTLB_GLOBAL)]
        : [...rule.guest.values()].map((did) => ofDomain(typed(rule, I.INV_IOTLB, I.IOTLB_DOMAIN), did)),
  ],
  ["iotlb domain", ([did], rule) => translations(rule, I.INV_IOTLB, I.IOTLB_DOMAIN, did)],
  ["iotlb page", pages],
  ["piotlb pasid", ([did, pasid], rule) => translations(rule, I.INV_PASID_IOTLB, I.PIOTLB_PASID, did, pasid)],
  ["piotlb page", pasidPages],
  ["devtlb", deviceTlb],
  ["iec", (args, rule) => (rule.guest === undefined ? interruptEntries(args, rule) : [])],
  ["wait", (_, rule) => [waitDescriptor(rule)]],
]);

/** The descriptors for one line. Throws RangeError for a line that is not VT-d's. */
export function encodeDescriptors(kind: string, args: readonly bigint[], rule: DescriptorRule): Uint8Array[] {
  const encode = LINES.get(kind);
  if (encode === undefined) throw new RangeError(`"i" line: ${kind} is no VT-d descriptor`);
  return encode(args, rule).map(({ bytes }) => bytes);
}

/** The descriptors after a stream's entries changed: what it had under its domain-id goes. */
export function encodeEntryChange(stream: number, did: number, rule: DescriptorRule): Uint8Array[] {
  const context = typed(rule, I.INV_CONTEXT_CACHE, I.CC_DEVICE);
  const changes = [ofDomain(context, did).set(I.CC_SID_MSB, I.CC_SID_LSB, stream)];
  if (rule.bytes > 16) changes.push(ofDomain(typed(rule, I.INV_PASID_CACHE, I.PC_DOMAIN), did));
  changes.push(ofDomain(typed(rule, I.INV_IOTLB, I.IOTLB_DOMAIN), did));
  return changes.map(({ bytes }) => bytes);
}

function typed(rule: DescriptorRule, type: number, granularity = 0): Structure {
  return new Structure(8 * rule.bytes)
    .set(I.INV_TYPE_LOW_MSB, I.INV_TYPE_LOW_LSB, type)
    .set(I.INV_G_MSB, I.INV_G_LSB, granularity);
}

function ofDomain(descriptor: Structure, did: number): Structure {
  return descriptor.set(I.INV_DID_MSB, I.INV_DID_LSB, did);
}

/** A descriptor that names a domain: none for one that the guest does not have. */
function translations(
  rule: DescriptorRule,
  type: number,
  granularity: number,
  did = 0n,
  pasid = 0n,
): Structure[] {
  const own = rule.guest === undefined ? Number(did) : rule.guest.get(Number(did));
  if (own === undefined) return [];
  return [ofDomain(typed(rule, type, granularity), own).set(I.INV_PASID_MSB, I.INV_PASID_LSB, pasid)];
}

/** A source-id out of a line that has room for more. */
function sourceId(sid: bigint): bigint {
  if (sid > 0xffffn)
    throw new RangeError(`"i" line: SID expected 0..0xffff of arch vtd, got 0x${sid.toString(16)}`);
  return sid;
}

function contexts(granularity: number, args: readonly bigint[], rule: DescriptorRule): Structure[] {
  if (rule.guest !== undefined) {
    return [...rule.guest.values()].map((did) =>
      ofDomain(typed(rule, I.INV_PASID_CACHE, I.PC_PASID), did).set(
        I.INV_PASID_MSB,
        I.INV_PASID_LSB,
        RID_PASID,
      ),
    );
  }
  const [did = 0n, sid = 0n, mask = 0n] = args;
  return [
    ofDomain(typed(rule, I.INV_CONTEXT_CACHE, granularity), Number(did))
      .set(I.CC_SID_MSB, I.CC_SID_LSB, sourceId(sid))
      .set(I.CC_FM_MSB, I.CC_FM_LSB, mask),
  ];
}

/** Pages of the second stage: of a guest's, the hypervisor has none, and drops the domain. */
function pages(args: readonly bigint[], rule: DescriptorRule): Structure[] {
  const [did, ...range] = args;
  if (rule.guest !== undefined) return translations(rule, I.INV_IOTLB, I.IOTLB_DOMAIN, did);
  return translations(rule, I.INV_IOTLB, I.IOTLB_PAGE, did).map((descriptor) => inRange(descriptor, range));
}

function pasidPages(args: readonly bigint[], rule: DescriptorRule): Structure[] {
  const [did, pasid, ...range] = args;
  const named = translations(rule, I.INV_PASID_IOTLB, I.PIOTLB_PAGE, did, pasid);
  return named.map((descriptor) => inRange(descriptor, range));
}

function inRange(descriptor: Structure, [address = 0n, mask = 0n, hint = 0n]: readonly bigint[]): Structure {
  return descriptor
    .set(I.INV_ADDR_MSB, I.INV_ADDR_LSB, address >> 12n)
    .set(I.INV_AM_MSB, I.INV_AM_LSB, mask)
    .set(I.INV_IH_MSB, I.INV_IH_LSB, hint);
}

function deviceTlb(
  [sid = 0n, address = 0n, size = 0n]: readonly bigint[],
  rule: DescriptorRule,
): Structure[] {
  return [
    typed(rule, I.INV_DEVICE_TLB)
      .set(I.DTLB_SID_MSB, I.DTLB_SID_LSB, sourceId(sid))
      .set(I.INV_ADDR_MSB, I.INV_ADDR_LSB, address >> 12n)
      .set(I.DTLB_S_MSB, I.DTLB_S_LSB, size),
  ];
}

function interruptEntries(
  [granularity = 0n, index = 0n, mask = 0n]: readonly bigint[],
  rule: DescriptorRule,
): Structure[] {
  return [
    typed(rule, I.INV_INTERRUPT_ENTRY_CACHE)
      .set(I.IEC_G_MSB, I.IEC_G_LSB, granularity)
      .set(I.IEC_IIDX_MSB, I.IEC_IIDX_LSB, index)
      .set(I.IEC_IM_MSB, I.IEC_IM_LSB, mask),
  ];
}

function waitDescriptor(rule: DescriptorRule): Structure {
  return typed(rule, I.INV_WAIT)
    .set(I.WAIT_SW_MSB, I.WAIT_SW_LSB, 1)
    .set(I.WAIT_FN_MSB, I.WAIT_FN_LSB, 1)
    .set(I.WAIT_DATA_MSB, I.WAIT_DATA_LSB, DONE)
    .set(I.WAIT_ADDRESS_MSB, I.WAIT_ADDRESS_LSB, rule.status >> 2n);
}
