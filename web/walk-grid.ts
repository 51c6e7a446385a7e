// The two-dimensional walk as a picture: one row for each thing that stage 1 reads, one column for each level of the
// stage-2 walk that finds it, and at the end of the row the thing itself. Every cell is a button that shows the read.

import type { ExplainedStep } from "nested-iommu";
import { el, hex } from "./dom.js";
import type { WalkView } from "./walk.js";

interface Row {
  readonly name: string;
  readonly through: readonly ExplainedStep[];
  readonly own: ExplainedStep | undefined;
}

/** The table of the walk; `onSelect` takes the index of a read. */
export function walkGrid(view: WalkView, selected: number, onSelect: (read: number) => void): HTMLElement {
  const rows = rowsOf(view);
  const levels = [...new Set(rows.flatMap(({ through }) => through.map(({ level }) => level ?? 0)))].sort(
    (a, b) => a - b,
  );
  const cell = (step: ExplainedStep | undefined): HTMLElement =>
    el("td", {}, step && button(step, view, selected, onSelect));
  const head = el(
    "tr",
    {},
    el("td"),
    ...levels.map((level) => el("th", { scope: "col" }, `stage 2 level ${level}`)),
    el("th", { scope: "col" }, levels.length > 0 ? "what it finds" : "read"),
  );
  const body = rows.map(({ name, through, own }) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, name),
      ...levels.map((level) => cell(through.find((step) => step.level === level))),
      cell(own),
    ),
  );
  const caption = el("caption", { class: "soft" }, "Numbers are the order of reading.");
  return el(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": "The walk, scrollable" },
    el("table", { id: "grid" }, caption, el("thead", {}, head), el("tbody", {}, ...body)),
  );
}

function rowsOf({ cold }: WalkView): Row[] {
  const rows: Row[] = cold.steps.map((own) => ({ name: nameOf(own), through: own.through, own }));
  for (const { what, level, update } of cold.steps) {
    if (update.length > 0)
      rows.push({ name: `update of ${what} L${level}`, through: update, own: undefined });
  }
  const nested = cold.steps.some(({ what }) => what === "stage 1");
  if (cold.output.length > 0)
    rows.push({ name: nested ? "output" : "IPA", through: cold.output, own: undefined });
  if (cold.unread.length > 0) rows.push({ name: "not read", through: cold.unread, own: undefined });
  return rows;
}

const nameOf = ({ what, level }: ExplainedStep): string =>
  level === undefined ? what : `${what} level ${level}`;

function button(
  step: ExplainedStep,
  { reads, spared, cold }: WalkView,
  selected: number,
  onSelect: (read: number) => void,
): HTMLElement {
  const n = reads.indexOf(step);
  const blamed = cold.fault?.cause.step === n;
  const kind = step.what === "stage 1" ? "stage1" : step.what === "stage 2" ? "stage2" : "structure";
  const isSpared = spared.has(n);
  const index = step.index === undefined ? "" : ` [${step.index}]`;
  const says = step.type === "" ? step.what : step.type;
  const state = `${isSpared ? ", answered by a cache" : ""}${blamed ? ", made the fault" : ""}`;
  return el(
    "button",
    {
      type: "button",
      class: `cell ${isSpared ? "cached" : kind}${blamed ? " blamed" : ""}`,
      "aria-pressed": String(n === selected),
      "data-read": n,
      onclick: () => onSelect(n),
    },
    el("b", {}, `${n} ${says}${index}`),
    el("code", {}, hex(step.words[0] ?? 0n, 16)),
    el("span", { class: "unseen" }, ` ${nameOf(step)} at ${hex(step.pa)}${state}`),
  );
}
