// A case of arch "host" written by hand, bytes after linux/vfio.h: a mapping of 64 KiB, DMA inside and outside, the fault
// region; and the command that runs it and what tests make of it.
import { type Tally, Verifier } from "../../src/cli/verify.js";
import { jsonl, scratch } from "./run.js";

export type Json = Record<string, unknown>;
export interface Case extends Json {
  devices: Json[];
  memory: unknown[];
  steps: Json[];
}

/** An ioctl step. */
export const ioctl = (fd: string, cmd: string, arg: string | number, expected: Json): Json => ({
  op: "ioctl",
  fd,
  cmd,
  ...(typeof arg === "number" ? { argInt: arg } : { arg }),
  expect: expected,
});
const dma = (iova: string, expected: Json): Json => ({
  ...{ op: "access", stream: 8, pasid: null, iova, size: 8, write: false, exec: false, priv: false },
  expect: expected,
});
/** argsz 24, flags 0, iova 0x80000000 and a size. */
export const unmap = (size: string): string => `18000000000000000000008000000000${size}`;
const READ_HEADER = { op: "region-read", fd: "dev0", region: 9, offset: 0, length: 20 };
/** The fault region's header as it begins: tail 0, 64-byte entries, 512 of them, ring at 4096, head 0. */
export const HEADER = "0000000040000000000200000010000000000000";

/** Index of steps of the case below. */
export const AT = {
  ...{ container: 0, iommu: 1, open: 2, map: 3, inside: 4, outside: 5, memory: 7 },
  ...{ region: 8, irqs: 9, tail: 10, call: 11, unmap: 12, gone: 13 },
};

/** The case. */
export const good: Case = {
  id: "host-1",
  arch: "host",
  vendor: "smmuv3",
  profile: "header",
  devices: [{ name: "dev0", stream: 8, pasidBits: 20, ats: false, pri: false }],
  memory: [["0x40000010", "0102"]],
  steps: [
    ioctl("group:dev0", "0x3b68", "03000000", { ret: ">=0" }),
    ioctl("container", "0x3b66", 6, { ret: 0 }),
    ioctl("group:dev0", "0x3b6a", "6465763000", { ret: ">=0" }),
    ioctl("container", "0x3b71", "2000000003000000000000400000000000000080000000000000010000000000", {
      ret: 0,
    }),
    dma("0x80001234", { pa: "0x40001234" }),
    dma("0x70000000", { fault: true }),
    { op: "write", pa: "0x40000012", hex: "03" },
    { op: "expect-memory", pa: "0x40000010", hex: "010203" },
    { ...READ_HEADER, expect: { ret: 20, hex: HEADER } },
    { op: "expect-irq", fd: "dev0", index: 5, count: 0 },
    { op: "region-write", fd: "dev0", region: 9, offset: 0, hex: "01000000", expect: { ret: 4 } },
    { op: "call", fd: "dev0", name: "bindGpasid", arg: "00".repeat(72), expect: { ret: -19 } },
    // twice the mapping's size: the size that was unmapped is written back
    ioctl("container", "0x3b72", unmap("0000020000000000"), { ret: 0, arg: unmap("0000010000000000") }),
    dma("0x80001234", { fault: true }),
  ],
  tags: [],
  note: "",
};

/** The case with a change. */
export const edit = (change: (vector: Case) => void): Case => {
  const vector = structuredClone(good);
  change(vector);
  return vector;
};
/** The case with fields of a step changed. */
export const editStep = (index: number, changes: Json): Case =>
  edit((vector) => {
    vector.steps[index] = { ...vector.steps[index], ...changes };
  });
/** Steps of the case. */
export const steps = good.steps.length;

/** A verifier in this process, with files for its cases; what the program makes of it is the matter of verify.test.ts. */
export function verifier(): ReturnType<typeof scratch> & { run(...vectors: object[]): Promise<Tally> } {
  const files = scratch();
  return {
    ...files,
    run: (...vectors) => new Verifier({}).file(files.file("cases.jsonl", jsonl(vectors))),
  };
}
