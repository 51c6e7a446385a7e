// Calls on a program in one state, each held against what must be so: a whole number comes back, negative ones are known
// error numbers with a reason, and a refused call leaves everything as it was. After a call that changed something the
// state is made anew.

import type { Random } from "../property/random.js";
import { type Attempt, attemptsOf, type Density } from "./arguments.js";
import { CALLS, type Call, INTEGER_CALLS, type Kind, type Operation, REQUESTS } from "./calls.js";
import { type Condition, Program, type State } from "./program.js";
import { quirkOf } from "./quirks.js";
import { INTEGERS } from "./values.js";
import { Witness } from "./witness.js";

// asm-generic/errno-base.h: ENOENT, EBADF, ENOMEM, EFAULT, EBUSY, EEXIST, ENODEV, EINVAL, ENOTTY, ENOSPC.
const ERRNOS = new Set([2, 9, 12, 14, 16, 17, 19, 22, 25, 28]);
const EBADF = 9;
const EFAULT = 14;
const EINVAL = 22;
const ENOTTY = 25;
/** Refused calls between two looks at what devices get. */
const PROBE_EVERY = 16;
const MOST_VIOLATIONS = 10;
/** Share of the lengths of a struct that has had its turn. */
const AGAIN = 0.1;
/** States in which calls are refused for the order alone. */
const EARLY: readonly State[] = ["fresh", "in a container", "closed"];
const KINDS: readonly Kind[] = ["container", "group", "device"];

/** Requests that no kind of file has, and numbers that only look like one. */
const UNKNOWN = [
  0, 1, 0x3b, 0x3b63, 0x3b73, 0x3b74, 0x3b75, 0x3b7d, 0x3b80, 0xbb71, 0x4020_3b71, 0x8000_3b64, 0xffff_ffff,
];

export class Session {
  readonly violations: string[] = [];
  /** Names of the calls whose valid argument was taken. */
  readonly taken = new Set<string>();
  calls = 0;
  readonly #condition: Condition;
  readonly #random: Random;
  #program: Program;
  #witness: Witness;
  #probed: string;
  #sinceProbe = 0;

  constructor(condition: Condition, random: Random) {
    this.#condition = condition;
    this.#random = random;
    this.#program = new Program(condition);
    this.#probed = this.#program.probe();
    this.#witness = new Witness(this.#program);
  }

  /** Every call with every argument, on the file that it is for; then on the other ones, and what is no call at all. */
  run(density: Density): void {
    const seen = new Set<string | undefined>();
    for (const call of CALLS) {
      if (this.#program.files[call.kind] === undefined) continue;
      // Lengths are the struct's matter: once is enough.
      const lengths = seen.has(call.struct) ? Math.min(density.lengths, AGAIN) : density.lengths;
      seen.add(call.struct);
      const attempts = attemptsOf(call, this.#random, { ...density, lengths });
      for (const attempt of attempts) this.#try(call, attempt);
      if (typeof call.cmd !== "number") continue;
      for (const integer of INTEGERS) this.#expect(call, `integer ${integer}`, integer, -EFAULT);
      for (const kind of KINDS) this.#tryElsewhere(call, kind);
    }
    for (const { cmd, name, kind } of INTEGER_CALLS) {
      for (const integer of INTEGERS) this.#make(kind, cmd, name, `integer ${integer}`, integer);
    }
    for (const kind of KINDS) {
      for (const cmd of UNKNOWN) {
        for (const arg of [0, new Uint8Array(64)]) this.#make(kind, cmd, "unknown", "", arg, -ENOTTY);
      }
    }
    this.#probe("the last calls");
  }

  #try(call: Call, { what, bytes, argsz = bytes.length }: Attempt): void {
    const { kind, cmd, name, least } = call;
    const ret = this.#make(kind, cmd, name, what, bytes);
    // Where nothing else is wrong, what is missing is.
    const isOrderly = !EARLY.includes(this.#condition.state) && !this.#isMissing(call);
    if (ret === undefined || !isOrderly) return;
    const expected = bytes.length < least ? -EFAULT : argsz < least ? -EINVAL : ret;
    if (ret !== expected && !what.startsWith("random")) {
      this.#violation(name, what, bytes, ret, `expected ${expected} for missing bytes`);
    }
  }

  /** Operations that the driver does not have are refused before anybody looks at the bytes. */
  #isMissing({ cmd }: Call): boolean {
    const { vendor, type, profile } = this.#condition;
    if (cmd === "pageResponse") return type !== 6 && profile === "header";
    return typeof cmd === "string" && vendor !== "vtd";
  }

  /** A request on a file of another kind is none. */
  #tryElsewhere({ cmd, name, bytes, kind }: Call, other: Kind): void {
    if (other === kind || typeof cmd !== "number" || REQUESTS[other].has(cmd)) return;
    this.#make(other, cmd, `${name} on a ${other}`, "valid", bytes.slice(), -ENOTTY);
  }

  #expect({ kind, cmd, name }: Call, what: string, arg: number, expected: number): void {
    if (typeof cmd !== "number") return;
    const isEarly = EARLY.includes(this.#condition.state);
    this.#make(kind, cmd, name, what, arg, isEarly ? undefined : expected);
  }

  /** Makes one call and looks at everything. @returns what it gave, undefined when there is no such file */
  #make(
    kind: Kind,
    cmd: number | Operation,
    name: string,
    what: string,
    arg: Uint8Array | number,
    expected?: number,
  ): number | undefined {
    const file = this.#program.files[kind];
    if (file === undefined || this.violations.length >= MOST_VIOLATIONS) return undefined;
    const given = typeof arg === "number" ? arg : arg.slice();
    let ret: number;
    try {
      ret = typeof cmd === "number" ? file.ioctl(cmd, arg) : this.#program.device[cmd](arg as Uint8Array);
    } catch (error) {
      this.#violation(name, what, given, Number.NaN, `threw ${error}`);
      this.#restart();
      return undefined;
    }
    this.calls++;
    if (what === "valid" && ret >= 0) this.taken.add(name);
    const fail = (why: string) => this.#violation(name, what, given, ret, why);
    if (!Number.isInteger(ret) || (ret < 0 && !ERRNOS.has(-ret))) fail("no known result");
    if (ret < 0 !== (file.reason !== "")) fail(`reason "${file.reason}"`);
    const isClosed = this.#condition.state === "closed";
    if (isClosed ? ret !== -EBADF : expected !== undefined && ret !== expected) fail(`expected ${expected}`);
    if (ret >= 0) this.#afterSuccess(name, fail);
    else this.#afterRefusal(cmd, name, arg, given, ret, fail);
    return ret;
  }

  #afterRefusal(
    cmd: Call["cmd"],
    name: string,
    arg: Uint8Array | number,
    given: Uint8Array | number,
    ret: number,
    fail: (why: string) => void,
  ): void {
    if (typeof arg !== "number" && Buffer.compare(arg, given as Uint8Array) !== 0)
      fail("the argument has changed");
    const change = this.#witness.change();
    if (change === undefined) {
      if (++this.#sinceProbe >= PROBE_EVERY) this.#probe(name);
      return;
    }
    const quirk = quirkOf(this.#condition.profile, cmd, given, ret);
    if (quirk === undefined || (quirk.changes === "caches" && !change.inMemoryOnly)) fail(change.what);
    this.#recover(change.inMemoryOnly);
  }

  #afterSuccess(name: string, fail: (why: string) => void): void {
    const change = this.#witness.change();
    if (change === undefined) return;
    if (name.includes("GET_INFO") || name.includes("GET_STATUS") || name.includes("CHECK")) fail(change.what);
    this.#recover(change.inMemoryOnly);
  }

  /** After a change: back to the state, by calls if that will do. */
  #recover(inMemoryOnly: boolean): void {
    const isPlain = !EARLY.includes(this.#condition.state);
    if (!inMemoryOnly) {
      if (isPlain) this.#program.refill();
      if (!this.#witness.isAlike) {
        this.#restart();
        return;
      }
    }
    this.#look();
  }

  #probe(name: string): void {
    const probed = this.#program.probe();
    if (probed !== this.#probed) {
      const why = `DMA gets ${probed}, before ${this.#probed}`;
      this.#violation(name, "or one just before", 0, 0, why);
    }
    this.#look();
  }

  #look(): void {
    this.#sinceProbe = 0;
    this.#witness.look();
  }

  #restart(): void {
    this.#program = new Program(this.#condition);
    this.#probed = this.#program.probe();
    this.#witness = new Witness(this.#program);
    this.#sinceProbe = 0;
  }

  #violation(name: string, what: string, arg: Uint8Array | number, ret: number, why: string): void {
    const { vendor, profile, type, state } = this.#condition;
    const where = `${vendor}, ${profile}, type ${type}, ${state}`;
    const shown = typeof arg === "number" ? arg : Buffer.from(arg).toString("hex");
    this.violations.push(`${where}: ${name} (${what}) ${shown} = ${ret}: ${why}`);
  }
}
