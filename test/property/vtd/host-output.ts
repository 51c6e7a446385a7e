// Random addresses: outputs of leaves in host memory, and addresses in the interrupt range FEEx_xxxx or around it, which
// both outputs and inputs are now and then (VT-d 3.14).

import type { Random } from "../random.js";

const INTERRUPTS = 0xfee0_0000n;

/** In the range, or beside it in the same 32 MiB. */
export const nearInterrupts = (random: Random): bigint =>
  INTERRUPTS ^ (random.flag(0.5) << BigInt(random.between(16, 24)));

/** The output of a leaf of this size: anywhere a host address reaches, now and then near the range. */
export function hostOutput(random: Random, haw: number, sizeLg2: number): bigint {
  const address = random.chance(0.05) ? nearInterrupts(random) : random.bits(haw);
  return (address >> BigInt(sizeLg2)) << BigInt(sizeLg2);
}
