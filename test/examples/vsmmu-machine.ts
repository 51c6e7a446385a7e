// A machine for the tests of examples/vsmmu: one VM of the example with a guest that the test writes by hand, over a real
// host whose containers keep the bytes of every call. Register offsets and ioctl numbers are restated, not imported.
// The example's modules are JavaScript: their types are unknown here.

/** Loads a module of the example. */
export const load = (name: string) =>
  import(new URL(`../../examples/vsmmu/${name}.mjs`, import.meta.url).href);

export const { Host } = await load("host");
export const { Vmm } = await load("vmm");

export const RAM = { gpa: 0x4000_0000n, pa: 0x9_4000_0000n, size: 0x1000_0000n };
export const DOORBELL = 0x0809_0000n;
export const STREAM_TABLE = 0x4000_0000n;
export const COMMANDS = 0x4001_0000n;
export const EVENTS = 0x4002_0000n;
/** From here on the guest's RAM is the test's. */
export const FREE = 0x4010_0000n;

export const REG = {
  CR0: 0x20,
  GBPA: 0x44,
  IRQ_CTRL: 0x50,
  GERROR: 0x60,
  GERRORN: 0x64,
  STRTAB_BASE: 0x80,
  STRTAB_BASE_CFG: 0x88,
  CMDQ_BASE: 0x90,
  CMDQ_PROD: 0x98,
  CMDQ_CONS: 0x9c,
  EVENTQ_BASE: 0xa0,
  EVENTQ_PROD: 0x100a8,
  EVENTQ_CONS: 0x100ac,
};
export const ALL_ON = 0xd; // SMMUEN, EVENTQEN, CMDQEN

const CALLS: Record<number, string> = {
  15226: "SET_PASID_TABLE",
  15227: "CACHE_INVALIDATE",
  15228: "SET_MSI_BINDING",
};

export const bytes = (hex: string): Uint8Array =>
  Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
export const hexOf = (value: Uint8Array): string => Buffer.from(value).toString("hex");

/** A VM with devices at guest StreamIDs, and what was asked of the host: "DEVICE CALL HEX" a line, without blanks in HEX. */
export class Machine {
  readonly calls: string[] = [];
  readonly host;
  readonly vmm;
  readonly queueLg2 = 4;
  #produced = 0;

  constructor(streams: readonly number[] = [8], options: { pasidBits?: number; eventLg2?: number } = {}) {
    const devices = streams.map((stream, index) => ({
      stream,
      name: `dev${index}`,
      hostStream: 0x100 + index,
    }));
    this.host = new Host(devices.map(({ name, hostStream }) => ({ name, stream: hostStream })));
    this.#record();
    const { pasidBits = 0, eventLg2 = 4 } = options;
    this.vmm = new Vmm(this.host, { ram: [RAM], devices, doorbell: DOORBELL, pasidBits });
    const { smmu } = this.vmm;
    smmu.write64(REG.STRTAB_BASE, STREAM_TABLE);
    smmu.write32(REG.STRTAB_BASE_CFG, 6); // linear, 64 STEs
    smmu.write64(REG.CMDQ_BASE, COMMANDS | BigInt(this.queueLg2));
    smmu.write64(REG.EVENTQ_BASE, EVENTS | BigInt(eventLg2));
    smmu.write32(REG.IRQ_CTRL, 5);
  }

  /** Keeps the bytes of the three calls of nesting, as they are before the call. */
  #record(): void {
    const { vfio } = this.host;
    const open = vfio.openContainer.bind(vfio);
    let opened = 0;
    vfio.openContainer = () => {
      const container = open();
      const ioctl = container.ioctl.bind(container);
      const device = opened++;
      container.ioctl = (request: number, argument: Uint8Array) => {
        const name = CALLS[request];
        if (name !== undefined) this.calls.push(`dev${device} ${name} ${hexOf(argument)}`);
        return ioctl(request, argument);
      };
      return container;
    };
  }

  /** Queues and translation on; what that asked of the host is forgotten. */
  start(): this {
    this.vmm.smmu.write32(REG.CR0, ALL_ON);
    this.calls.length = 0;
    return this;
  }

  /** Writes 64-bit words at a guest-physical address. */
  write(gpa: bigint, ...words: bigint[]): void {
    for (const [index, word] of words.entries()) this.vmm.memory.writeU64(gpa + BigInt(8 * index), word);
  }

  /** Writes the first words of a stream's STE in the linear table; the others are 0. */
  ste(stream: number, ...words: bigint[]): void {
    this.write(STREAM_TABLE + BigInt(64 * stream), ...words, ...Array(8 - words.length).fill(0n));
  }

  /** Puts commands into the queue without telling. */
  put(...commands: string[]): void {
    for (const hex of commands) {
      const slot = this.#produced % 2 ** this.queueLg2;
      this.vmm.memory.write(COMMANDS + BigInt(16 * slot), bytes(hex));
      this.#produced = (this.#produced + 1) % 2 ** (this.queueLg2 + 1);
    }
  }

  /** Puts commands into the queue and rings CMDQ_PROD; returns what was asked of the host. */
  send(...commands: string[]): string[] {
    this.put(...commands);
    const before = this.calls.length;
    this.vmm.smmu.write32(REG.CMDQ_PROD, this.#produced);
    return this.calls.slice(before);
  }
}

/** The line of `Machine.calls` for a call with these bytes, blanks in them for reading. */
export const call = (device: number, name: string, hex: string): string =>
  `dev${device} ${name} ${hex.replaceAll(" ", "")}`;
