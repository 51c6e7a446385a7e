// Invalidation lines of a trace as SMMUv3 commands (Arm IHI 0070 G.b, 4.3, 4.4).
//
// A trace has what the guest's driver sent. Nested, a hypervisor confines it to the guest: the VM's VMID takes the place
// of the guest's, and what would reach further (all of EL1, all of stage 2) becomes TLBI_NH_ALL of that VMID.
import { commands } from "../index.js";
import { command, type Structure } from "./structures.js";

/** Largest NUM + 1 of a range invalidation. */
const MAX_NUM = 32n;

/** The VMIDs that commands get. */
export interface VmidRule {
  /** VMID for every command of a guest; undefined: the trace's own. */
  guest: number | undefined;
  /** VMID of an address space whose command names only the ASID. */
  ofAsid(asid: number): number;
}

/** The 16-byte commands for one line. Throws RangeError for a line that is not SMMUv3's. */
export function encodeInvalidation(kind: string, args: readonly bigint[], vmids: VmidRule): Uint8Array[] {
  const [first = 0n, second = 0n] = args;
  const vmid = (recorded: bigint): number => vmids.guest ?? Math.max(0, Number(recorded));
  switch (kind) {
    case "va":
      return addressed(commands.CMD_TLBI_NH_VA, args, vmid(second));
    case "ipa":
      return vmids.guest === undefined
        ? addressed(commands.CMD_TLBI_S2_IPA, args, vmid(second))
        : [tagged(commands.CMD_TLBI_NH_ALL, vmids.guest)];
    case "asid":
      return [tagged(commands.CMD_TLBI_NH_ASID, vmids.guest ?? vmids.ofAsid(Number(first)), Number(first))];
    case "s12":
      return [
        tagged(
          vmids.guest === undefined ? commands.CMD_TLBI_S12_VMALL : commands.CMD_TLBI_NH_ALL,
          vmid(first),
        ),
      ];
    case "nh":
      return [tagged(commands.CMD_TLBI_NH_ALL, vmid(first))];
    case "nsnh":
      return vmids.guest === undefined
        ? [command(commands.CMD_TLBI_NSNH_ALL).bytes]
        : [tagged(commands.CMD_TLBI_NH_ALL, vmids.guest)];
    case "ste":
      return [streamCommand(commands.CMD_CFGI_STE, first).bytes];
    case "cd":
      return [streamCommand(commands.CMD_CFGI_CD_ALL, first).bytes];
    case "sterange":
      return streamRange(first, second);
    case "sync":
      return [command(commands.CMD_SYNC).bytes];
    default:
      throw new RangeError(`"i" line: ${kind} is no SMMUv3 command`);
  }
}

function tagged(opcode: number, vmid: number, asid = 0): Uint8Array {
  return command(opcode)
    .set(commands.CMD_VMID_MSB, commands.CMD_VMID_LSB, vmid)
    .set(commands.CMD_ASID_MSB, commands.CMD_ASID_LSB, asid).bytes;
}

function streamCommand(opcode: number, stream: bigint): Structure {
  return command(opcode).set(commands.CMD_STREAMID_MSB, commands.CMD_STREAMID_LSB, stream);
}

/** Aligned power-of-two ranges that cover first..last. */
function streamRange(first: bigint, last: bigint): Uint8Array[] {
  const result: Uint8Array[] = [];
  for (let at = first; at <= last; ) {
    let lg2 = 0n;
    while (lg2 < 32n && at % (2n << lg2) === 0n && at + (2n << lg2) - 1n <= last) lg2++;
    const whole =
      lg2 === 0n ? streamCommand(commands.CMD_CFGI_STE, at) : streamCommand(commands.CMD_CFGI_STE_RANGE, at);
    if (lg2 > 0n) whole.set(commands.CMD_RANGE_MSB, commands.CMD_RANGE_LSB, lg2 - 1n);
    result.push(whole.bytes);
    at += 1n << lg2;
  }
  return result;
}

/** TLBI by address: one command, or for a page count that no NUM and SCALE give, a few. */
function addressed(opcode: number, args: readonly bigint[], vmid: number): Uint8Array[] {
  const [asid = 0n, , address = 0n, pages = 1n, tg = 0n, ttl = 0n, leaf = 0n] = args;
  const one = (at: bigint, num: bigint, scale: bigint): Uint8Array => {
    // a range of one page for any level is what TG = 0 says; with TG it would be illegal (4.4.1)
    const range = tg !== 0n && (num > 0n || scale > 0n || ttl > 0n);
    const tlbi = command(opcode)
      .set(commands.CMD_VMID_MSB, commands.CMD_VMID_LSB, vmid)
      .set(commands.CMD_LEAF_MSB, commands.CMD_LEAF_LSB, leaf)
      .set(commands.CMD_ADDRESS_MSB, commands.CMD_ADDRESS_LSB, at >> 12n);
    if (opcode === commands.CMD_TLBI_NH_VA)
      tlbi.set(commands.CMD_ASID_MSB, commands.CMD_ASID_LSB, asid < 0n ? 0n : asid);
    if (!range) return tlbi.bytes;
    return tlbi
      .set(commands.CMD_TG_MSB, commands.CMD_TG_LSB, tg)
      .set(commands.CMD_TTL_MSB, commands.CMD_TTL_LSB, ttl)
      .set(commands.CMD_NUM_MSB, commands.CMD_NUM_LSB, num)
      .set(commands.CMD_SCALE_MSB, commands.CMD_SCALE_LSB, scale).bytes;
  };
  if (tg === 0n) return [one(address, 0n, 0n)];
  const granule = 1n << (10n + 2n * tg);
  const result: Uint8Array[] = [];
  let at = address;
  for (let left = pages; left > 0n; ) {
    let scale = 0n;
    while (scale < 31n && left >> scale > MAX_NUM) scale++;
    const num = left >> scale;
    result.push(one(at, num - 1n, scale));
    at += (num << scale) * granule;
    left -= num << scale;
  }
  return result;
}
