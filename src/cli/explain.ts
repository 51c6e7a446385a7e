// The explain command: sets a case of a vector file or a snapshot up, and explains one request. The machine runs the trace
// build of the core with all caches off, so that every read of the walk is made and shown.
import { readFileSync } from "node:fs";
import { type Explanation, explain, type TranslateRequest } from "../index.js";
import { cacheOptions } from "./caches.js";
import { explanationLines } from "./explain-text.js";
import { Field } from "./fields.js";
import { InputError, messageOf } from "./input-error.js";
import { readJson } from "./json-input.js";
import { readCase, type VerifyCase } from "./verify-case.js";
import { SmmuRunner } from "./verify-smmuv3.js";
import { VtdRunner } from "./verify-vtd.js";

/** What to explain, as the command line has it. */
export interface ExplainRequest {
  /** Case id; may be left out where the file has one case. */
  id?: string | undefined;
  /** Steps before this one are run first; the request is taken from it where the options leave it out. */
  step?: number | undefined;
  stream?: number | undefined;
  pasid?: number | undefined;
  iova?: bigint | undefined;
  write?: boolean | undefined;
  execute?: boolean | undefined;
  privileged?: boolean | undefined;
}

const SHOWN_IDS = 5;
const SHOWN_STREAMS = 8;
const MOST_PASID = 0xf_ffff;

const RUNNERS = { smmuv3: SmmuRunner, vtd: VtdRunner } as const;

let bytes: Uint8Array | undefined;

/** The bytes of the trace build, read once. */
function traceBuild(): Uint8Array {
  bytes ??= readFileSync(new URL("../../build/trace.wasm", import.meta.url));
  return bytes;
}

/** Runs the command; returns the exit code. */
export async function explainCommand(file: string, asked: ExplainRequest, json: boolean): Promise<number> {
  const vector = await findCase(file, asked.id);
  const explanation = explainCase(vector, asked, file);
  if (json) console.log(JSON.stringify(explanation, plainValue));
  else for (const line of explanationLines(vector, explanation)) console.log(line);
  return 0;
}

/** The explanation of a request in a case. */
export function explainCase(vector: VerifyCase, asked: ExplainRequest, file: string): Explanation {
  const make = RUNNERS[vector.arch as keyof typeof RUNNERS];
  if (make === undefined) throw new InputError(`arch ${vector.arch} has no walk to explain`, file);
  const runner = new make({ ...cacheOptions("off"), trace: traceBuild() });
  const run = runner.start(vector);
  const { machine } = runner;
  if (machine === undefined) throw new InputError(`case ${vector.id} needs what the model lacks`, file);
  if (asked.step !== undefined && asked.step >= vector.steps.length) {
    throw new InputError(
      `--step expected one of the ${vector.steps.length} steps of case ${vector.id}, from 0, got ${asked.step}`,
      file,
    );
  }
  const steps = vector.steps.slice(0, asked.step ?? 0);
  for (const step of steps) {
    if (run(step).kind === "unsupported") {
      throw new InputError(`step ${step.label} of case ${vector.id} is not supported`, file);
    }
  }
  const request = requestOf(vector, asked, file);
  let explanation: Explanation;
  try {
    explanation = explain(machine, request);
  } catch (error) {
    throw new InputError(messageOf(error), file);
  }
  if (asked.stream !== undefined) refuseStranger(vector, asked.stream, explanation, file);
  return explanation;
}

/** A stream that no step of the case has, and that the case does not set up either, was not meant. */
function refuseStranger(vector: VerifyCase, stream: number, explanation: Explanation, file: string): void {
  const { steps, output, answer, fault } = explanation;
  const walked = output.length > 0 || steps.some(({ level }) => level !== undefined);
  const streams = new Set<unknown>(vector.steps.map(({ field }) => field.member("sid")));
  streams.delete(undefined);
  if (walked || answer.ok || streams.size === 0 || streams.has(stream)) return;
  const shown = [...streams]
    .sort((a, b) => Number(a) - Number(b))
    .slice(0, SHOWN_STREAMS)
    .join(", ");
  const names = streams.size > SHOWN_STREAMS ? `${shown}, ...` : shown;
  throw new InputError(
    `--stream expected one that case ${vector.id} sets up (${names}), got ${stream} (${fault?.name ?? answer.status})`,
    file,
  );
}

async function findCase(file: string, id: string | undefined): Promise<VerifyCase> {
  let found: VerifyCase | undefined;
  const ids: string[] = [];
  for await (const { line, value } of readJson(file)) {
    const vector = readCase(new Field(value, "", file, line));
    if (vector.id === id) return vector;
    if (ids.length < SHOWN_IDS) ids.push(vector.id);
    else if (id === undefined) break;
    found = found === undefined ? vector : { ...found, id: "" };
  }
  if (id === undefined && found !== undefined && found.id !== "") return found;
  const names = `${ids.join(", ")}${ids.length === SHOWN_IDS ? ", ..." : ""}`;
  const got = id === undefined ? "several" : `"${id}"`;
  throw new InputError(`--case expected one of its cases (${names}), got ${got}`, file);
}

/** The request: what the options say, and for the rest the access of the step. */
function requestOf(vector: VerifyCase, asked: ExplainRequest, file: string): TranslateRequest {
  const field = asked.step === undefined ? undefined : vector.steps[asked.step]?.field;
  const access = field?.get("op").text() === "access" ? field : undefined;
  const hex = (name: string): bigint | undefined => (access?.has(name) ? access.get(name).hex() : undefined);
  const flag = (name: string): boolean => access?.has(name) === true && access.get(name).flag();
  const number = (name: string, most: number): number | undefined =>
    access?.has(name) && access.get(name).value !== null ? access.get(name).integer(most) : undefined;
  const mostStream = vector.arch === "vtd" ? 0xffff : 0xffff_ffff;
  if (vector.arch === "vtd" && asked.stream !== undefined && asked.stream > mostStream) {
    throw new InputError(`--stream expected 0..${mostStream} of arch vtd, got ${asked.stream}`, file);
  }
  const stream = asked.stream ?? number("sid", mostStream);
  const iova = asked.iova ?? hex("iova");
  if (stream === undefined || iova === undefined) {
    throw new InputError("expected --stream and --iova, or --step with the index of an access", file);
  }
  const pasid = asked.pasid ?? number("ssid", MOST_PASID) ?? number("pasid", MOST_PASID);
  return {
    stream,
    ...(pasid !== undefined && { pasid }),
    iova,
    write: asked.write ?? flag("write"),
    execute: asked.execute ?? flag("exec"),
    privileged: asked.privileged ?? flag("priv"),
  };
}

/** 64-bit values as hexadecimal text, bytes as one string of digits. */
function plainValue(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return `0x${value.toString(16)}`;
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
}
