// Where leaves of random tables lead in host memory: anywhere a host address reaches, and now and then to the
// interrupt range FEEx_xxxx or to what lies around it (VT-d 3.14).

import type { Random } from "../random.js";

const INTERRUPTS = 0xfee0_0000n;

export function hostOutput(random: Random, haw: number, sizeLg2: number): bigint {
  const near = random.chance(0.05);
  const address = near ? INTERRUPTS ^ (random.flag(0.5) << BigInt(random.between(16, 24))) : random.bits(haw);
  return (address >> BigInt(sizeLg2)) << BigInt(sizeLg2);
}
