// An explanation as lines for people: one line a read, in the tree of who needed it; the number in front is the order of
// reading.
import { type ExplainedStep, type Explanation, explainedInOrder } from "../index.js";
import { styled } from "./text.js";
import type { VerifyCase } from "./verify-case.js";

const hex = (value: bigint, digits = 1): string => `0x${value.toString(16).padStart(digits, "0")}`;

/** The lines of an explanation. */
export function explanationLines({ id, arch }: VerifyCase, explanation: Explanation): string[] {
  const order = explainedInOrder(explanation);
  const { request, steps, output, unread } = explanation;
  const lines = [styled("bold", `${id}: ${arch}, ${requestText(request)}`), ""];
  const blamed = explanation.fault?.cause.step;
  const add = (step: ExplainedStep, depth: number): void => {
    const number = order.indexOf(step);
    lines.push(stepLine(step, number, depth, number === blamed));
    for (const inner of step.through) add(inner, depth + 1);
    for (const inner of step.update) add(inner, depth + 1);
  };
  for (const step of steps) add(step, 0);
  const heading = (text: string, list: readonly ExplainedStep[], depth: number): void => {
    if (list.length === 0) return;
    if (text !== "") lines.push(styled("dim", `      ${text}`));
    for (const step of list) add(step, depth);
  };
  heading(
    steps.some(({ what }) => what === "stage 1") ? "the output of stage 1 through stage 2:" : "",
    output,
    0,
  );
  heading("stage 2 of what could not be read:", unread, 0);
  return [...lines, "", ...verdictLines(explanation)];
}

function requestText({ stream, pasid, iova, write, execute, privileged }: Explanation["request"]): string {
  const access = write ? "write" : execute ? "execute" : "read";
  const who = `stream ${stream}${pasid === undefined ? "" : `, PASID ${pasid}`}`;
  return `${who}, ${privileged ? "privileged " : ""}${access} of ${hex(iova)}`;
}

function stepLine(step: ExplainedStep, number: number, depth: number, blamed: boolean): string {
  const place = `${"  ".repeat(depth)}${depth > 0 ? "└ " : ""}`;
  const name =
    step.level === undefined
      ? step.what
      : `${step.what} L${step.level} ${hex(step.table ?? 0n)}[${step.index}]`;
  const where =
    step.address === step.pa ? `at ${hex(step.pa)}` : `at IPA ${hex(step.address)} = ${hex(step.pa)}`;
  const from = step.cached ? " (walk cache)" : "";
  const words = step.level === undefined ? "" : ` ${hex(step.words[0] ?? 0n, 16)} ${step.type}`;
  const leads = step.output === undefined ? "" : ` → ${hex(step.output)}`;
  const covers = step.type === "block" || step.type === "page" ? ` (${size(step.coversLg2 ?? 0)})` : "";
  const fields = step.fields
    .filter(({ value, name: field }) => value !== 0n && !/^ADDR/.test(field))
    .map(({ name: field, value }) => `${field}=${value < 10n ? value : hex(value)}`)
    .join(" ");
  const rights = step.rights === undefined ? "" : `; ${step.rights}`;
  const text = `${name} ${where}${from}${words}${leads}${covers}`;
  return `${String(number).padStart(4)}  ${place}${styled(blamed ? "red" : colourOf(step), text)} ${styled("dim", `${fields}${rights}`)}`;
}

function colourOf({ what }: ExplainedStep): "cyan" | "green" | "yellow" {
  if (what === "stage 1") return "cyan";
  return what === "stage 2" ? "green" : "yellow";
}

function size(lg2: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  return `${2 ** (lg2 % 10)} ${units[Math.floor(lg2 / 10)]}`;
}

function verdictLines({ answer, fault }: Explanation): string[] {
  if (answer.ok) {
    const from = answer.status === "bypassed" ? "bypassed" : `translated, entry of ${size(answer.leafLg2)}`;
    return [styled("green", `${hex(answer.pa)} (${from})`)];
  }
  if (!fault) return [styled("red", `${answer.status}, without a fault`)];
  const { cause, record } = fault;
  const bits = cause.bits
    ?.map(([msb, lsb]) => (msb === lsb ? `bit ${lsb}` : `bits ${msb}:${lsb}`))
    .join(", ");
  const where = cause.step === undefined ? "" : ` (read ${cause.step}${bits ? `, ${bits}` : ""})`;
  const lines = [styled("red", `${fault.name}: ${cause.text}${where}; ${answer.status}`)];
  if (!record) return [...lines, "no record is written"];
  const says = Object.entries(record.says)
    .map(([name, value]) => `${name}=${typeof value === "bigint" ? hex(value) : value}`)
    .join(" ");
  return [...lines, `record ${Buffer.from(record.bytes).toString("hex")}`, `       ${says}`];
}
