// The verify command: vectors and snapshots step by step against the model. Counting: every element of `steps` (and of
// `mapped` and `stale` in a snapshot) is one step; passed + failed + unsupported = steps.
import { basename } from "node:path";
import type { CacheOptions } from "../index.js";
import { Field } from "./fields.js";
import { InputError, messageOf } from "./input-error.js";
import { readJson } from "./json-input.js";
import { Progress } from "./progress.js";
import { count, styled, table } from "./text.js";
import { failed, type Runner, readCase, unsupported, type Verdict, type VerifyCase } from "./verify-case.js";
import { HostRunner } from "./verify-host.js";
import { SmmuRunner } from "./verify-smmuv3.js";
import { VtdRunner } from "./verify-vtd.js";

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
    for (const [reason, steps] of other.reasons) this.#lacks(reason, steps);
  }

  /** Counts what came of a step. */
  count(id: string, step: number | string, verdict: Verdict): void {
    this.steps++;
    this[verdict.kind]++;
    if (verdict.kind === "unsupported") this.#lacks(verdict.reason, 1);
    else if (verdict.kind === "failed")
      this.failures.push({ id, step, expected: verdict.expected, actual: verdict.actual });
  }

  #lacks(reason: string, steps: number): void {
    this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + steps);
  }
}

type MakeRunner = (caches: CacheOptions) => Runner;

/** What runs the cases of an arch. */
const RUNNERS: ReadonlyMap<string, MakeRunner> = new Map<string, MakeRunner>([
  ["smmuv3", (caches) => new SmmuRunner(caches)],
  ["host", (caches) => new HostRunner(caches)],
  ["vtd", (caches) => new VtdRunner(caches)],
]);

/** Runs the cases of files and counts their steps. */
export class Verifier {
  readonly #caches: CacheOptions;
  readonly #runners = new Map<string, Runner>();

  constructor(caches: CacheOptions) {
    this.#caches = caches;
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

  /** What was taken otherwise than the cases have it, for people. */
  notes(): string[] {
    return [...this.#runners.values()].flatMap((runner) => [...(runner.notes?.() ?? [])]);
  }

  #case(vector: VerifyCase, tally: Tally): void {
    tally.cases++;
    const runner = this.#runner(vector.arch);
    const run = runner.start(vector);
    let lacking: string | undefined;
    for (const step of vector.steps) {
      const verdict = lacking === undefined ? attempt(runner, () => run(step)) : unsupported(lacking);
      if (verdict.kind === "unsupported" && verdict.spoilt) lacking = verdict.reason;
      tally.count(vector.id, step.label, verdict);
    }
  }

  #runner(arch: string): Runner {
    let runner = this.#runners.get(arch);
    if (runner === undefined) {
      runner = RUNNERS.get(arch)?.(this.#caches) ?? unknownArch(arch);
      this.#runners.set(arch, runner);
    }
    return runner;
  }
}

function unknownArch(arch: string): Runner {
  return { start: () => () => unsupported(`arch ${arch}`), broken() {} };
}

/** A step that the model answers with an exception fails. */
function attempt(runner: Runner, run: () => Verdict): Verdict {
  try {
    return run();
  } catch (error) {
    if (error instanceof InputError) throw error;
    runner.broken();
    return failed("an answer", { error: messageOf(error) });
  }
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
  // Beside the counts: what is printed as JSON stays as it is.
  for (const note of verifier.notes()) console.error(`note: ${note}`);
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
