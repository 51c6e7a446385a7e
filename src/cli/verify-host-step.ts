// Runs the steps of a case of arch "host" and compares. What comes of a step has the form of a vector's `expect`; a call
// that was refused says why, too.
import { type Container, type Device, type Group, uapi } from "../index.js";
import type { Field } from "./fields.js";
import { failed, PASSED, refuse, type StepKind, unsupported, type Verdict } from "./verify-case.js";
import { compareCall, hex } from "./verify-host-compare.js";
import type { HostSession } from "./verify-host-session.js";

type Kind = StepKind & { run(session: HostSession, step: Field): Verdict };

const KINDS: Readonly<Record<string, Kind>> = {
  ioctl: { fields: ["fd", "cmd", "arg", "argInt", "expect"], changes: true, run: ioctl },
  call: { fields: ["fd", "name", "arg", "expect"], changes: true, run: call },
  "region-read": { fields: ["fd", "region", "offset", "length", "expect"], changes: false, run: regionRead },
  "region-write": { fields: ["fd", "region", "offset", "hex", "expect"], changes: true, run: regionWrite },
  // counting begins anew
  "expect-irq": { fields: ["fd", "index", "count"], changes: true, run: expectIrq },
  write: { fields: ["pa", "hex"], changes: true, run: write },
  "expect-memory": { fields: ["pa", "hex"], changes: false, run: expectMemory },
  // a fault goes into a ring
  access: {
    fields: ["stream", "pasid", "iova", "size", "write", "exec", "priv", "expect"],
    changes: true,
    run: access,
  },
  "page-request": {
    fields: ["stream", "pasid", "grpid", "addr", "read", "write", "last"],
    changes: true,
    run: pageRequest,
  },
  "expect-response": { fields: ["stream", "pasid", "grpid", "code"], changes: false, run: expectResponse },
};

/** The operations of linux/iommu.h that have no ioctl. */
const CALLS: Readonly<Record<string, (device: Device, bytes: Uint8Array) => number>> = {
  bindGpasid: (device, bytes) => device.bindGpasid(bytes),
  unbindGpasid: (device, bytes) => device.unbindGpasid(bytes),
  pageResponse: (device, bytes) => device.pageResponse(bytes),
};

/** What stands for the container in GROUP_SET_CONTAINER (rule 12). */
const CONTAINER_FD = 3;
const GROUP = "group:";
/** A position in a device's file is the region's index above so many bits of offset. */
const REGION_BITS = 40;
const MOST_REGIONS = 2 ** 13 - 1;
const MOST_BYTES = 2 ** 24;
const PAGE = 4096n;

/** Runs one step; throws InputError for a malformed one. */
export function runHostStep(session: HostSession, step: Field): Verdict {
  return refuse(step, KINDS) ?? (KINDS[step.get("op").text()] as Kind).run(session, step);
}

function ioctl(session: HostSession, step: Field): Verdict {
  const name = step.get("fd").text();
  const file = fileOf(session, step.get("fd"));
  if (file === undefined) return notOpen(step);
  const cmd = Number(step.get("cmd").hex(32));
  if (step.has("argInt")) {
    if (step.has("arg")) return unsupported("ioctl with two arguments", true);
    const ret = file.ioctl(cmd, step.get("argInt").integer(0xffff_ffff));
    return compareCall(step.get("expect"), "arg", { ret, reason: file.reason });
  }
  const before = step.get("arg").bytes();
  const bytes = before.slice();
  const ofGroup = name.startsWith(GROUP);
  const putIn = ofGroup && cmd === uapi.VFIO_GROUP_SET_CONTAINER && int32(before) === CONTAINER_FD;
  if (putIn) view(bytes).setInt32(0, session.container.fd, true);
  const ret = file.ioctl(cmd, bytes);
  const { reason } = file;
  if (putIn) view(bytes).setInt32(0, CONTAINER_FD, true);
  if (ofGroup && cmd === uapi.VFIO_GROUP_GET_DEVICE_FD && ret >= 0) session.opened(ret);
  return compareCall(step.get("expect"), "arg", { ret, bytes, before, reason });
}

function call(session: HostSession, step: Field): Verdict {
  const name = step.get("name").text();
  const run = Object.hasOwn(CALLS, name) ? CALLS[name] : undefined;
  if (run === undefined) return unsupported(`call ${name}`, true);
  const device = deviceOf(session, step.get("fd"));
  if (device === undefined) return notOpen(step);
  const before = step.get("arg").bytes();
  const bytes = before.slice();
  const ret = run(device, bytes);
  return compareCall(step.get("expect"), "arg", { ret, bytes, before, reason: device.reason });
}

function regionRead(session: HostSession, step: Field): Verdict {
  const device = deviceOf(session, step.get("fd"));
  if (device === undefined) return notOpen(step);
  const into = new Uint8Array(step.get("length").integer(MOST_BYTES));
  const ret = device.read(position(step), into);
  const bytes = ret < 0 ? into : into.subarray(0, ret);
  const before = new Uint8Array(bytes.length);
  return compareCall(step.get("expect"), "hex", { ret, bytes, before, reason: device.reason });
}

function regionWrite(session: HostSession, step: Field): Verdict {
  const device = deviceOf(session, step.get("fd"));
  if (device === undefined) return notOpen(step);
  const ret = device.write(position(step), step.get("hex").bytes());
  return compareCall(step.get("expect"), "hex", { ret, reason: device.reason });
}

function expectIrq(session: HostSession, step: Field): Verdict {
  const name = knownName(session, step.get("fd"));
  const expected = step.get("count").integer(Number.MAX_SAFE_INTEGER);
  const count = session.takeIrqs(name, step.get("index").integer(0xffff_ffff));
  return count === expected ? PASSED : failed({ count: expected }, { count });
}

function write({ driver }: HostSession, step: Field): Verdict {
  driver.memory.write(step.get("pa").hex(52), step.get("hex").bytes());
  return PASSED;
}

function expectMemory({ driver }: HostSession, step: Field): Verdict {
  const expected = step.get("hex").bytes();
  const actual = driver.memory.read(step.get("pa").hex(52), expected.length);
  return hex(expected) === hex(actual) ? PASSED : failed({ hex: hex(expected) }, { hex: hex(actual) });
}

function access({ driver }: HostSession, step: Field): Verdict {
  const iova = step.get("iova").hex();
  const size = BigInt(step.get("size").integer(MOST_BYTES));
  if ((iova % PAGE) + size > PAGE) return unsupported("access across a page", true);
  const { ok, pa, fault } = driver.machine.translate({
    ...source(step),
    iova,
    write: step.get("write").flag(),
    execute: step.get("exec").flag(false),
    privileged: step.get("priv").flag(false),
  });
  const told = fault?.recorded === true;
  const actual = ok ? { pa: `0x${pa.toString(16)}` } : told ? { fault: true } : { abort: true };
  const expected = expectedAccess(step.get("expect"));
  if (typeof expected === "string") return unsupported(`expectation "${expected}"`);
  if (JSON.stringify(expected) === JSON.stringify(actual)) return PASSED;
  return failed(expected, fault === undefined ? actual : { ...actual, name: fault.name });
}

/** The `expect` of an access: one member out of three, or the names of what is there. */
function expectedAccess(expect: Field): { pa: string } | { fault: true } | { abort: true } | string {
  const shape = Object.keys(expect.object()).join(" ");
  if (shape === "pa") return { pa: `0x${expect.get("pa").hex().toString(16)}` };
  const isTrue = expect.has(shape) && expect.get(shape).value === true;
  if (shape === "fault" && isTrue) return { fault: true };
  return shape === "abort" && isTrue ? { abort: true } : shape;
}

function pageRequest({ driver, endpoints }: HostSession, step: Field): Verdict {
  const group = requestGroup(step);
  const last = step.get("last").flag();
  endpoints.requests(group, last);
  driver.machine.requestPage({
    ...group,
    address: step.get("addr").hex(),
    read: step.get("read").flag(),
    write: step.get("write").flag(),
    last,
  });
  return PASSED;
}

function expectResponse({ endpoints }: HostSession, step: Field): Verdict {
  const code = step.get("code").text();
  if (!["success", "invalid", "failure", "none"].includes(code)) return unsupported(`response "${code}"`);
  const answers = endpoints.answers(requestGroup(step));
  const actual = answers.length === 0 ? "none" : answers.join(" ");
  return actual === code ? PASSED : failed({ code }, { code: actual });
}

function requestGroup(step: Field): { stream: number; pasid?: number; group: number } {
  return { ...source(step), group: step.get("grpid").integer(511) };
}

/** Who asks: `pasid` null is none. */
function source(step: Field): { stream: number; pasid?: number } {
  const stream = step.get("stream").integer(0xffff_ffff);
  const pasid = step.get("pasid");
  return pasid.value === null ? { stream } : { stream, pasid: pasid.integer(0xf_ffff) };
}

function position(step: Field): number {
  const region = step.get("region").integer(MOST_REGIONS);
  return region * 2 ** REGION_BITS + step.get("offset").integer(2 ** REGION_BITS - 1);
}

/** The open file that a step names; undefined: a device that was not opened. */
function fileOf(session: HostSession, fd: Field): Container | Group | Device | undefined {
  const name = fd.text();
  if (name === "container") return session.container;
  if (!name.startsWith(GROUP)) return deviceOf(session, fd);
  if (!session.knows(name.slice(GROUP.length))) throw unknownFile(fd);
  return session.group(name.slice(GROUP.length));
}

function deviceOf(session: HostSession, fd: Field): Device | undefined {
  return session.device(knownName(session, fd));
}

function knownName(session: HostSession, fd: Field): string {
  const name = fd.text();
  if (!session.knows(name)) throw unknownFile(fd);
  return name;
}

const unknownFile = (fd: Field): Error => fd.wrong('"container", a device or "group:" and a device');

const notOpen = (step: Field): Verdict =>
  failed(step.get("expect").value, { error: `${step.get("fd").text()} is not open` });

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const int32 = (bytes: Uint8Array): number | undefined =>
  bytes.length < 4 ? undefined : view(bytes).getInt32(0, true);
