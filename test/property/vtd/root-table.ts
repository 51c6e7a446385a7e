// The root table and the context tables of a random world, in either mode (VT-d 9.1, 9.2).

import type { PhysicalImage } from "../physical-image.js";
import type { Random } from "../random.js";
import type { Device } from "./device.js";

export interface RootTable {
  address: bigint;
  /** Doublewords in use (a legacy root entry, half of a scalable one) and their sound values. */
  entries: { pa: bigint; word: bigint }[];
}

/** Puts the devices' context entries into fresh tables and writes them. */
export function placeDevices(
  random: Random,
  image: PhysicalImage,
  devices: readonly Device[],
  scalable: boolean,
): RootTable {
  const root: RootTable = { address: image.allocateSurely(4096n), entries: [] };
  const tables = new Map<bigint, bigint>();
  for (const device of devices) {
    const devfn = device.sid & 0xff;
    const upper = scalable && devfn >= 128;
    const pa = root.address + BigInt(device.sid >> 8) * 16n + (upper ? 8n : 0n);
    let table = tables.get(pa);
    if (table === undefined) {
      table = image.allocateSurely(4096n);
      tables.set(pa, table);
      const word = table | 1n;
      root.entries.push({ pa, word });
      // Now and then reserved bits, or a context table outside RAM (the host has at least 39 bits of address).
      const wrong = random.chance(0.5) ? word | (1n << BigInt(random.between(1, 11))) : (1n << 38n) | 0x4001n;
      image.write(pa, random.chance(0.98) ? word : wrong);
    }
    device.address = table + BigInt(scalable ? (devfn & 0x7f) * 32 : devfn * 16);
    device.write();
  }
  return root;
}
