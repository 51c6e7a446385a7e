// The vSMMU example as a whole: what it prints, real guests and their captured commands through it, that it is the
// invalidations that keep addresses right, garbage from a guest, and that nothing is left behind.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { ItrReader } from "nested-iommu";
import { describe, expect, it } from "vitest";
import { DOORBELL, FREE, Host, hexOf, load, Machine, REG, Vmm } from "./vsmmu-machine.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const snapshots = join(root, "test/fixtures/captures/snapshots");
const traces = join(root, "test/fixtures/captures/traces");
const BOOTED = "smmu-s1-lazy-nvme4k-snap0.json.gz";
const unpacked = (file: string) => gunzipSync(readFileSync(file));

const { LinuxSnapshot } = await load("linux-snapshot");
const { LinuxDriver, traceStreams } = await load("linux-driver");
const { DmaCheck } = await load("dma-check");
const { VfioBackend } = await load("vfio-backend");

/** A VM of 4 GiB from 1 GiB on, with a device for each StreamID. */
function machineFor(streams: number[]) {
  const devices = streams.map((stream, index) => ({ stream, name: `d${stream}`, hostStream: 0x40 + index }));
  const host = new Host(devices.map(({ name, hostStream }) => ({ name, stream: hostStream })));
  const ram = [{ gpa: 2n ** 30n, pa: 2n ** 40n, size: 2n ** 32n }];
  const vmm = new Vmm(host, { ram, devices, doorbell: DOORBELL });
  return { host, vmm, check: new DmaCheck(vmm) };
}

function run(...args: string[]) {
  const { status, stdout } = spawnSync(process.execPath, ["examples/vsmmu/vsmmu.mjs", ...args], {
    cwd: root,
    encoding: "utf8",
  });
  return { status, lines: stdout.trimEnd().split("\n") };
}

describe("examples/vsmmu/vsmmu.mjs", () => {
  // Guest 2: the trace's 517 recorded commands are 276 TLBI and, one an unmap, 241 CMD_SYNC, to which setting up adds 34. All 16
  // streams hear of each TLBI and of two more.
  it("prints what guests commanded, what that asked of the host, and no wrong address", () => {
    expect(run()).toEqual({
      status: 0,
      lines: [
        "guest 1: Linux 6.12.95+deb12-arm64, snapshot smmu-s1-lazy-nvme4k-snap0",
        "  guest commands: 1 CFGI_STE_RANGE, 52 SYNC, 1 TLBI_NSNH_ALL, 22 TLBI_NH_ASID, 14 CFGI_CD, 14 CFGI_STE, 7 PREFETCH_CONFIG",
        "  host calls: 7 VFIO_GROUP_SET_CONTAINER, 7 VFIO_SET_IOMMU, 7 VFIO_GROUP_GET_DEVICE_FD, 14 MAP_DMA, 28 SET_PASID_TABLE, 175 CACHE_INVALIDATE, 5 SET_MSI_BINDING",
        "  streams set to: 7 bypass, 21 translate",
        "  DMA: 125 accesses, 0 wrong",
        "  faults: 16 in DMA-fault rings, 16 told to the guest",
        "    the first: F_TRANSLATION, stream 0x8, write at 0xfffb1000",
        "    in its Event queue: 100000000800000000000000000200000010fbff000000000000000000000000",
        "guest 2: a trace",
        "  guest commands: 1 CFGI_STE_RANGE, 275 SYNC, 1 TLBI_NSNH_ALL, 16 CFGI_CD, 16 CFGI_STE, 276 TLBI_NH_VA",
        "  host calls: 16 VFIO_GROUP_SET_CONTAINER, 16 VFIO_SET_IOMMU, 16 VFIO_GROUP_GET_DEVICE_FD, 32 MAP_DMA, 48 SET_PASID_TABLE, 4448 CACHE_INVALIDATE, 16 SET_MSI_BINDING",
        "  streams set to: 16 bypass, 16 abort, 16 translate",
        "  DMA: 1933 accesses, 0 wrong",
        "guest 1 again: 109 accesses, 0 wrong",
      ],
    });
  });

  it("ends with 1 and says which when an address is wrong", () => {
    const folder = mkdtempSync(join(tmpdir(), "vsmmu-"));
    try {
      const image = JSON.parse(unpacked(join(snapshots, BOOTED)).toString());
      image.steps[1].expect.pa = "0x110f740c8"; // 8 bytes on
      const file = join(folder, "wrong.json.gz");
      writeFileSync(file, gzipSync(JSON.stringify(image)));
      const { status, lines } = run(file);
      expect(status).toBe(1);
      expect(lines[4]).toBe("  DMA: 125 accesses, 1 wrong");
      expect(lines[5]).toBe("    stream 0x8 write 0xffff00c0: expected 0x4050f740c8, got 0x4050f740c0");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("a real Linux guest", () => {
  const files = readdirSync(snapshots).filter((name) => name.startsWith("smmu-s1"));

  it("is there in 15 snapshots", () => expect(files).toHaveLength(15));

  for (const file of files) {
    it(`does its DMA through its own tables and stage 2: ${file}`, () => {
      const snapshot = new LinuxSnapshot(join(snapshots, file));
      const image = JSON.parse(unpacked(join(snapshots, file)).toString());
      const { vmm, check } = machineFor(snapshot.streams);
      snapshot.run(vmm);
      expect(vmm.smmu.read32(REG.CMDQ_CONS)).toBe(Number(image.regs.CMDQ_PROD));
      snapshot.repeatAccesses(check);
      snapshot.repeatStale(check);
      expect(check.wrong).toEqual([]);
      expect(check.accesses).toBe(image.steps.length + image.mapped.length + image.stale.length);
      expect(vmm.events).toHaveLength(image.stale.length);
      const counted = [...vmm.smmu.commands.values()].reduce(
        (sum: number, count) => sum + (count as number),
        0,
      );
      expect(counted).toBe(image.queue.filter((hex: string) => /[1-9a-f]/.test(hex)).length);
    });
  }

  for (const name of ["smmu-s1-lazy-nvme4k", "smmu-s1-strict-mixed"]) {
    it(`boots by the register writes that ${name} recorded, in their order`, async () => {
      const { bootWrites } = await load("linux-boot");
      const recorded: [number, bigint][] = [];
      const reader = new ItrReader({ register: (offset, value) => void recorded.push([offset, value]) });
      reader.push(unpacked(join(traces, `${name}.itr.gz`)));
      reader.end();
      const { registers } = new LinuxSnapshot(join(snapshots, `${name}-snap0.json.gz`));
      const writes: [number, bigint][] = bootWrites(registers);
      expect(writes.filter(([offset]) => offset !== REG.CMDQ_PROD)).toEqual(recorded);
    });
  }
});

describe("the guest driver", () => {
  const demo = unpacked(join(root, "demo/demo.itr.gz"));

  it("puts the commands into the queue as Linux did, byte by byte", async () => {
    const { linuxCommand } = await load("linux-commands");
    const of = (kind: string, ...args: bigint[]) => hexOf(linuxCommand(kind, args));
    // bytes from the queues of smmu-s1-lazy-nvme4k-snap0 and smmu-s1-strict-mixed-snap3
    expect(of("all")).toBe("04000000000000001f00000000000000");
    expect(of("sync")).toBe("4620c00f000000000000000000000000");
    expect(of("nsnh")).toBe("30000000000000000000000000000000");
    expect(of("asid", 5n)).toBe("11000000000005000000000000000000");
    expect(of("cd", 0x200n)).toBe("05000000000200000100000000000000");
    expect(of("ste", 0x10n)).toBe("03000000100000000100000000000000");
    expect(of("va", 2n, 0n, 0xffc0_0000n, 5n, 1n, 3n, 1n)).toBe("12400000000002000107c0ff00000000");
    expect(of("va", 2n, 0n, 0xffea_0000n, 26n, 1n, 3n, 1n)).toBe("12c01000000002000107eaff00000000");
    expect(of("va", 8n, 0n, 0xfff7_f000n, 1n, 1n, 3n, 1n)).toBe("120000000000080001f7f7ff00000000");
    expect(() => linuxCommand("ipa", [])).toThrow(RangeError);
  });

  it("would see old addresses if its TLBI commands went nowhere", () => {
    const { invalidateTranslations } = VfioBackend.prototype;
    VfioBackend.prototype.invalidateTranslations = () => {};
    try {
      const { vmm, check } = machineFor(traceStreams(demo));
      new LinuxDriver(vmm, check, { gpa: 2n ** 30n, size: 2n ** 26n }).run(demo);
      expect(check.accesses).toBe(1933);
      expect(check.wrong.length).toBeGreaterThan(100);
    } finally {
      VfioBackend.prototype.invalidateTranslations = invalidateTranslations;
    }
  });

  it("leaves nothing behind when the machine is switched off", () => {
    const { host, vmm, check } = machineFor(traceStreams(demo));
    const before = JSON.stringify(host.vfio.inspect());
    new LinuxDriver(vmm, check, { gpa: 2n ** 30n, size: 2n ** 26n }).run(demo);
    vmm.close();
    const { containers, groups } = host.vfio.inspect();
    expect([containers, groups]).toEqual([[], []]);
    expect(before).toContain("containers");
    expect(host.driver.machine.translate({ stream: 0x40, iova: 2n ** 30n })).toMatchObject({ ok: false });
  });
});

describe("a guest that writes garbage", () => {
  it("meets the architecture's errors, never a refusal of the host (4000 random steps)", () => {
    const seed = 20260731;
    let state = seed;
    const random = (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const word = () => (BigInt(random(2 ** 32)) << 32n) | BigInt(random(2 ** 32));
    const machine = new Machine([8, 9], { pasidBits: 20 }).start();
    const { smmu, memory } = machine.vmm;
    const OPCODES = [0x01, 0x03, 0x04, 0x05, 0x06, 0x10, 0x11, 0x12, 0x13, 0x30, 0x46];
    const STEPS = [
      () => machine.ste(8 + random(2), word() | 0xbn, word(), word()),
      () =>
        machine.ste(8 + random(2), (word() & 0xf800_0000_0fff_ffffn) | 0x4000_000bn, word() & ~0x800_0000n),
      () => machine.write(FREE + BigInt(64 * random(64)), word(), word(), word()),
      () => {
        const body = word() & ~0x4ffn;
        const command = new BigUint64Array([body | BigInt(OPCODES[random(OPCODES.length)]!), word()]);
        machine.send(hexOf(new Uint8Array(command.buffer)));
        if (smmu.read32(REG.GERROR) !== smmu.read32(REG.GERRORN)) recover();
      },
      () => machine.send(`03000000 0${8 + random(2)}000000 0000000000000000`),
      () => machine.vmm.dma(8 + random(2), word() >> BigInt(random(64)), random(2) === 1),
      () => smmu.write32([REG.GBPA, REG.IRQ_CTRL, REG.EVENTQ_CONS, 0x2c, 0x40][random(5)]!, random(2 ** 32)),
      () => smmu.write32(REG.CR0, 0xc | random(2)),
    ];
    function recover() {
      const at = smmu.read32(REG.CMDQ_CONS) & 0xf;
      memory.write(
        0x4001_0000n + BigInt(16 * at),
        Uint8Array.from({ length: 16 }, (_, n) => (n === 0 ? 0x46 : 0)),
      );
      smmu.write32(REG.GERRORN, smmu.read32(REG.GERROR));
    }
    for (let n = 0; n < 4000; n++) {
      expect(() => STEPS[random(STEPS.length)]!(), `seed ${seed}, step ${n}`).not.toThrow();
    }
    expect(smmu.commands.size).toBeGreaterThan(8);
    expect(machine.vmm.configurations.get("translate")).toBeGreaterThan(50);
  }, 120_000);
});
