// One read in full: its fields by the manual's names, and its bits, each of which can be flipped to see what follows.

import type { ExplainedStep } from "nested-iommu";
import { el, hex } from "./dom.js";
import type { WalkView } from "./walk.js";

/** The panel of read `n`; `onFlip` takes a bit's doubleword and its number there. */
export function detailPanel(
  view: WalkView,
  n: number,
  onFlip: (pa: bigint, bit: number) => void,
): HTMLElement[] {
  const step = view.reads[n];
  if (!step) return [el("h2", { id: "detail-title" }, "No read to show")];
  const { cause } = view.cold.fault ?? {};
  const blamed = cause?.step === n ? (cause.bits ?? []) : [];
  const where =
    step.address === step.pa
      ? `at ${hex(step.pa)}`
      : `at IPA ${hex(step.address)}, which stage 2 puts at ${hex(step.pa)}`;
  const name =
    step.level === undefined ? step.what : `${step.what}, level ${step.level}, entry ${step.index}`;
  return [
    el("h2", { id: "detail-title" }, `Read ${n}: ${name}`),
    el("p", { class: "mono soft" }, where),
    step.rights ? el("p", {}, `Rights: ${step.rights}.`) : el("p", { hidden: true }),
    fieldTable(step),
    el("p", { class: "soft" }, "Press a bit to flip it in memory; the walk above is made anew."),
    ...step.words.map((word, index) => wordBits(step, index, word, blamed, onFlip)),
  ];
}

function fieldTable({ fields }: ExplainedStep): HTMLElement {
  const shown = fields.filter(({ value }) => value !== 0n);
  const zero = fields.filter(({ value }) => value === 0n).map(({ name }) => name);
  const rows = shown.map(({ name, msb, lsb, value }) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, name),
      el("td", { class: "text mono" }, msb === lsb ? String(lsb) : `${msb}:${lsb}`),
      el("td", { class: "text mono" }, hex(value)),
    ),
  );
  return el(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": "Fields, scrollable" },
    el(
      "table",
      { id: "fields" },
      el(
        "thead",
        {},
        el("tr", {}, ...["Field", "Bits", "Value"].map((text) => el("th", { scope: "col" }, text))),
      ),
      el("tbody", {}, ...rows),
    ),
    zero.length > 0 ? el("p", { class: "soft" }, `Zero: ${zero.join(", ")}.`) : undefined,
  );
}

function wordBits(
  step: ExplainedStep,
  index: number,
  word: bigint,
  blamed: readonly (readonly [number, number])[],
  onFlip: (pa: bigint, bit: number) => void,
): HTMLElement {
  const buttons = Array.from({ length: 64 }, (_, n) => {
    const bit = 63 - n;
    const whole = index * 64 + bit;
    const set = ((word >> BigInt(bit)) & 1n) !== 0n;
    const guilty = blamed.some(([msb, lsb]) => whole <= msb && whole >= lsb);
    const field = step.fields.find(({ msb, lsb }) => whole <= msb && whole >= lsb)?.name;
    return el(
      "button",
      {
        type: "button",
        class: guilty ? "blamed" : "",
        "aria-pressed": String(set),
        title: field ?? "",
        "data-bit": whole,
        onclick: () => onFlip(step.pa + BigInt(8 * index), bit),
      },
      `${whole}`,
      el("br"),
      set ? "1" : "0",
      el("span", { class: "unseen" }, field ? ` ${field}` : ""),
    );
  });
  const open = step.words.length === 1 || word !== 0n;
  return el(
    "details",
    { open },
    el("summary", { class: "mono" }, `doubleword ${index}: ${hex(word, 16)}`),
    el(
      "div",
      {
        class: "scroll",
        tabindex: 0,
        role: "region",
        "aria-label": `Bits of doubleword ${index}, scrollable`,
      },
      el("div", { class: "bits" }, ...buttons),
    ),
  );
}
