// A vSMMU: two Linux guests with assigned devices behind one host SMMUv3, each with an SMMUv3 of its own that a small VMM
// emulates on top of VFIO's nesting calls, as QEMU's vSMMUv3 series did.
//
//   node examples/vsmmu/vsmmu.mjs [SNAPSHOT.json.gz [TRACE.itr.gz]]     stage 1; the trace of one window
//
//   guest driver ──registers, commands──► GuestSmmu ──► Vmm ──► VfioBackend ──ioctl──► host: stage 2, invalidations
//   guest tables (stage 1) ◄──────────────────── walked by the host's SMMU, through stage 2 ◄──── DMA of the devices
//   guest Event queue ◄──records── Vmm ◄──irq, ring── DMA-fault region ◄────────────────── faults of stage 1
//
// The first guest is a snapshot of a real one: its tables, registers and command bytes. The second lives a trace again.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { decodeEvent, registers } from "nested-iommu";
import { DmaCheck } from "./dma-check.mjs";
import { Host } from "./host.mjs";
import { LinuxDriver, traceStreams } from "./linux-driver.mjs";
import { LinuxSnapshot } from "./linux-snapshot.mjs";
import { Vmm } from "./vmm.mjs";

const CAPTURES = new URL("../../test/fixtures/captures/", import.meta.url);
const DEMO = new URL("../../demo/demo.itr.gz", import.meta.url);
const [snapshotFile = new URL("snapshots/smmu-s1-lazy-nvme4k-snap0.json.gz", CAPTURES), traceFile = DEMO] =
  process.argv.slice(2);

const GIB = 2n ** 30n;
const DOORBELL = 0x0809_0000n; // the GIC's ITS of the recorded machine

/** 4 GiB of RAM from 1 GiB on, as the recorded machine had it, in two pieces that lie apart on the host. */
const ramAt = (pa) => [
  { gpa: 1n * GIB, pa: pa + 3n * GIB, size: 2n * GIB },
  { gpa: 3n * GIB, pa, size: 2n * GIB },
];

/** The guest's devices, with host StreamIDs that have nothing to do with the guest's. */
const devicesOf = (vm, streams, first) =>
  streams.map((stream, index) => ({
    stream,
    name: `${vm}-${stream.toString(16)}`,
    hostStream: first + 8 * index,
  }));

const counts = (map) =>
  [...map].map(([name, count]) => `${count} ${name.replace("VFIO_IOMMU_", "")}`).join(", ");

function report(vmm, check) {
  console.log(`  guest commands: ${counts(vmm.smmu.commands)}`);
  console.log(`  host calls: ${counts(vmm.calls)}`);
  console.log(`  streams set to: ${counts(vmm.configurations)}`);
  console.log(`  DMA: ${check.accesses} accesses, ${check.wrong.length} wrong`);
  for (const line of check.wrong.slice(0, 5)) console.log(`    ${line}`);
}

const snapshot = new LinuxSnapshot(snapshotFile);
const trace = gunzipSync(readFileSync(traceFile));
const first = devicesOf("vm1", snapshot.streams, 0x100);
const second = devicesOf("vm2", traceStreams(trace), 0x200);
const host = new Host([...first, ...second].map(({ name, hostStream }) => ({ name, stream: hostStream })));

const vm1 = new Vmm(host, { ram: ramAt(0x100n * GIB), devices: first, doorbell: DOORBELL });
const check1 = new DmaCheck(vm1);
console.log(`guest 1: ${snapshot.title}`);
snapshot.run(vm1);
snapshot.repeatAccesses(check1);
snapshot.repeatStale(check1);
report(vm1, check1);
const [record] = vm1.events;
if (record !== undefined) {
  const { name, stream, iova, write } = decodeEvent(record);
  const where = `stream 0x${stream.toString(16)}, ${write ? "write" : "read"} at 0x${iova.toString(16)}`;
  const { faultsDelivered } = host.vfio.counters();
  console.log(`  faults: ${faultsDelivered} in DMA-fault rings, ${vm1.events.length} told to the guest`);
  console.log(`    the first: ${name}, ${where}`);
  const queue = vm1.smmu.registers.get64(registers.REG_EVENTQ_BASE) & 0xff_ffff_ffe0n;
  console.log(`    in its Event queue: ${Buffer.from(vm1.memory.read(queue, 32)).toString("hex")}`);
}

const vm2 = new Vmm(host, { ram: ramAt(0x200n * GIB), devices: second, doorbell: DOORBELL });
const check2 = new DmaCheck(vm2);
console.log("guest 2: a trace");
new LinuxDriver(vm2, check2, { gpa: 1n * GIB, size: 64n * 2n ** 20n }).run(trace);
report(vm2, check2);

// Guest 1 is still there, and untouched by the other's invalidations.
const before = check1.accesses;
snapshot.repeatAccesses(check1);
const wrong = check1.wrong.length + check2.wrong.length;
console.log(`guest 1 again: ${check1.accesses - before} accesses, ${check1.wrong.length} wrong`);
vm1.close();
vm2.close();
process.exitCode = wrong === 0 ? 0 : 1;
