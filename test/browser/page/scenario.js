// Runs vector cases (test/fixtures/README.md) through the package, in a page or in Node: the same file in both.
// Only what the `basic` kind of cases needs: registers, memory and accesses.

const REGISTERS = { CR1: 0x28, CR2: 0x2c, GBPA: 0x44, STRTAB_BASE_CFG: 0x88, CR0: 0x20 };
const STRTAB_BASE = 0x80;
const GBPA_UPDATE = 0x80000000;

function bytesOf(hex) {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function hexOf(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function machineOf({ SmmuV3 }, { idr, ram, regs, memory }, core) {
  const machine = new SmmuV3({
    features: {
      idr0: Number(idr.IDR0),
      idr1: Number(idr.IDR1),
      idr3: Number(idr.IDR3),
      idr5: Number(idr.IDR5),
    },
    ram: ram.map(([base, size]) => [BigInt(base), BigInt(size)]),
    core,
    eventSink: () => {},
  });
  for (const [pa, hex] of memory) machine.memory.write(BigInt(pa), bytesOf(hex));
  machine.write64(STRTAB_BASE, BigInt(regs.STRTAB_BASE));
  for (const [name, offset] of Object.entries(REGISTERS)) {
    const value = Number(regs[name]);
    machine.write32(offset, name === "GBPA" ? (value | GBPA_UPDATE) >>> 0 : value);
  }
  return machine;
}

/** The answers to every access of `cases`, each as a physical address or an event record in hexadecimal. */
export function answersOf(nestedIommu, cases, core) {
  return cases.map((vector) => {
    const machine = machineOf(nestedIommu, vector, core);
    return vector.steps.map(({ op, sid, iova, write }) => {
      if (op !== "access") throw new Error(`expected only accesses, got ${op}`);
      const answer = machine.translate({ stream: sid, iova: BigInt(iova), write });
      if (answer.ok) return `0x${answer.pa.toString(16)}`;
      return answer.event ? hexOf(answer.event) : answer.status;
    });
  });
}
