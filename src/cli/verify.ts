// The verify command: vectors and snapshots step by step against the model. Counting: every element of `steps` (and of
// `mapped` and `stale` in a snapshot) is one step; passed + failed + unsupported = steps.
import { basename } from "node:path";
import { type CacheOptions, commands, SmmuV3, validateFeatures } from "../index.js";
import { Field } from "./fields.js";
import { readJson } from "./input.js";
import { InputError, messageOf } from "./input-error.js";
import { Progress } from "./progress.js";
import { count, styled, table } from "./text.js";
import { readCase, type VerifyCase } from "./verify-case.js";
import { runStep, setRegister, type Verdict } from "./verify-step.js";

/** A step that did not come out as it should. */
export interface Failure {
  id: string;
  step: number | string;
  expected: unknown;
  actual: unknown;
}

/** Counts of one file or of all. */
export class Tally {
  cases = 0;
  steps = 0;
  passed = 0;
  failed = 0;
  unsupported = 0;
  readonly failures: Failure[] = [];
  /** Steps by what the model lacks for them. */
  readonly reasons = new Map<string, number>();

  add(other: Tally): void {
    for (const key of ["cases", "steps", "passed", "failed", "unsupported"] as const) this[key] += other[key];
    this.failures.push(...other.failures);
    for (const [reason, steps] of other.reasons) this.lacks(reason, steps);
  }

  lacks(reason: string, steps: number): void {
    this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + steps);
  }
}

/** Runs cases, on machines that are kept from case to case. */
export class Verifier {
  readonly #options: CacheOptions;
  #queues: SmmuV3 | undefined;
  #sink: SmmuV3 | undefined;
  /** Why the last machine does not have the features of its case, if so. */
  #refused: string | undefined;

  constructor(options: CacheOptions) {
    this.#options = options;
  }

  /** Runs all cases of a file. */
  async file(file: string, onCase: (tally: Tally) => void = () => {}): Promise<Tally> {
    const tally = new Tally();
    for await (const { line, value } of readJson(file)) {
      this.#case(readCase(new Field(value, "", file, line)), tally);
      onCase(tally);
    }
    return tally;
  }

  #case(vector: VerifyCase, tally: Tally): void {
    tally.cases++;
    tally.steps += vector.steps.length;
    if (vector.unsupported !== undefined) {
      tally.unsupported += vector.steps.length;
      tally.lacks(vector.unsupported, vector.steps.length);
      return;
    }
    const smmu = this.#machine(vector);
    let spoilt: string | undefined = this.#refused;
    let list = "steps";
    for (const step of vector.steps) {
      if (step.list === "stale" && list !== "stale") coldCaches(smmu);
      list = step.list;
      const verdict: Verdict =
        spoilt === undefined
          ? this.#step(() => runStep(smmu, step.field, step.list))
          : { kind: "unsupported", reason: spoilt, spoilt: true };
      tally[verdict.kind]++;
      if (verdict.kind === "unsupported") {
        tally.lacks(verdict.reason, 1);
        if (verdict.spoilt) spoilt = verdict.reason;
      } else if (verdict.kind === "failed") {
        const { expected, actual } = verdict;
        tally.failures.push({ id: vector.id, step: step.label, expected, actual });
      }
    }
  }

  /** A step that the model answers with an exception fails; the machine is not used again. */
  #step(run: () => Verdict): Verdict {
    try {
      return run();
    } catch (error) {
      if (error instanceof InputError) throw error;
      this.#queues = undefined;
      this.#sink = undefined;
      return { kind: "failed", expected: "an answer", actual: { error: messageOf(error) } };
    }
  }

  /** A machine in the initial state of a case: raw cases have their queues in memory, others an event sink. */
  #machine(vector: VerifyCase): SmmuV3 {
    this.#queues ??= new SmmuV3(this.#options);
    this.#sink ??= new SmmuV3({ ...this.#options, eventSink: () => {} });
    const smmu = vector.raw ? this.#queues : this.#sink;
    this.#refused = undefined;
    try {
      validateFeatures(vector.features);
    } catch (error) {
      this.#refused = `features: ${messageOf(error)}`;
      return smmu;
    }
    vector.place.attempt("ram", () => smmu.reset({ features: vector.features, ram: vector.ram }));
    for (const [field, pa, bytes] of vector.memory) field.attempt("", () => smmu.memory.write(pa, bytes));
    for (const [name, value] of vector.registers) setRegister(smmu, name, value);
    return smmu;
  }
}

/** Drops everything that is cached, as a driver would. */
function coldCaches(smmu: SmmuV3): void {
  const all = new Uint8Array(16);
  all[0] = commands.CMD_CFGI_STE_RANGE;
  all[8] = commands.CMD_RANGE_ALL;
  smmu.issue(all);
  smmu.issue(Uint8Array.of(commands.CMD_TLBI_NSNH_ALL, ...new Uint8Array(15)));
}

/** Runs the command; returns the exit code. */
export async function verify(
  files: readonly string[],
  options: CacheOptions,
  json: boolean,
): Promise<number> {
  const verifier = new Verifier(options);
  const total = new Tally();
  const rows: string[][] = [["", "cases", "steps", "passed", "failed", "unsupported"]];
  for (const file of files) {
    const progress = new Progress(basename(file));
    const tally = await verifier.file(file, ({ cases, steps }) =>
      progress.update(cases, undefined, `${count(cases)} cases, ${count(steps)} steps`),
    );
    progress.end();
    total.add(tally);
    rows.push(row(basename(file), tally));
    if (!json) for (const failure of tally.failures) console.log(failureLine(failure));
  }
  if (json) {
    const { cases, steps, passed, failed, unsupported, failures } = total;
    console.log(JSON.stringify({ cases, steps, passed, failed, unsupported, failures }));
  } else {
    if (files.length > 1) rows.push(row("all files", total));
    console.log(table(rows));
    for (const [reason, steps] of total.reasons)
      console.log(`unsupported: ${reason} (${count(steps)} steps)`);
    console.log(
      total.failed > 0
        ? styled("red", `${count(total.failed)} ${total.failed === 1 ? "step" : "steps"} failed`)
        : styled("green", "no step failed"),
    );
  }
  return total.failed > 0 ? 1 : 0;
}

function row(name: string, tally: Tally): string[] {
  return [name, ...[tally.cases, tally.steps, tally.passed, tally.failed, tally.unsupported].map(count)];
}

function failureLine({ id, step, expected, actual }: Failure): string {
  const where = typeof step === "number" ? `step ${step}` : step;
  return `${styled("red", "FAIL")} ${id} ${where}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`;
}
