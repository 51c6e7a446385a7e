// The form above the walk: which capture and case, which request, and which caches.

import type { Capture } from "./capture.js";
import { el, hex } from "./dom.js";
import { BUNDLED } from "./sources.js";
import type { PageState } from "./state.js";

/** What the form tells. */
export interface FormEvents {
  onSource(name: string): void;
  onFile(file: File): void;
  onChange(changes: Partial<PageState>): void;
}

const MOST_CASES = 200;

/** The form for `state`; `cases` are those of the loaded file. */
export function requestForm(
  state: PageState,
  cases: readonly Capture[],
  capture: Capture | undefined,
  events: FormEvents,
): HTMLElement[] {
  return [
    el("h2", { id: "request-title" }, "Request"),
    el(
      "div",
      { class: "row" },
      sourceSelect(state, events),
      filePicker(events),
      caseSelect(cases, capture, events),
    ),
    el("div", { class: "row" }, suggestions(capture, state, events)),
    el(
      "form",
      { class: "row", onsubmit: (event) => submit(event, events) },
      ...requestFields(state),
      cacheSelect(state, events),
    ),
  ];
}

const option = (value: string, text: string, selected: boolean): HTMLElement =>
  el("option", { value, selected }, text);

function sourceSelect(state: PageState, events: FormEvents): HTMLElement {
  const bundled = BUNDLED.filter(({ kind }) => kind === "capture");
  const own = state.source === "" ? [option("", "your file", true)] : [];
  return el(
    "label",
    {},
    "Capture",
    el(
      "select",
      { id: "source", onchange: (event) => events.onSource((event.target as HTMLSelectElement).value) },
      ...own,
      ...bundled.map(({ name, title }) => option(name, title, name === state.source)),
    ),
  );
}

function filePicker(events: FormEvents): HTMLElement {
  const take = (event: Event): void => {
    const [file] = (event.target as HTMLInputElement).files ?? [];
    if (file) events.onFile(file);
  };
  return el(
    "label",
    {},
    "Or a snapshot or vector file (drop it anywhere)",
    el("input", { type: "file", id: "file", accept: ".json,.jsonl,.gz", onchange: take }),
  );
}

function caseSelect(
  cases: readonly Capture[],
  capture: Capture | undefined,
  events: FormEvents,
): HTMLElement | undefined {
  if (cases.length < 2) return undefined;
  return el(
    "label",
    {},
    "Case",
    el(
      "select",
      {
        id: "case",
        onchange: (event) => events.onChange({ id: (event.target as HTMLSelectElement).value, flips: [] }),
      },
      ...cases.slice(0, MOST_CASES).map(({ id }) => option(id, id, id === capture?.id)),
    ),
  );
}

function suggestions(
  capture: Capture | undefined,
  state: PageState,
  events: FormEvents,
): HTMLElement | undefined {
  if (!capture || capture.requests.length === 0) return undefined;
  const { requests } = capture;
  const now = requests.findIndex(({ stream, iova }) => stream === state.stream && iova === state.iova);
  const take = (event: Event): void => {
    const request = requests[Number((event.target as HTMLSelectElement).value)];
    if (request)
      events.onChange({ pasid: undefined, execute: false, privileged: false, ...request, selected: 0 });
  };
  return el(
    "label",
    {},
    `Requests of the capture (${requests.length})`,
    el(
      "select",
      { id: "suggestion", onchange: take },
      ...(now < 0 ? [option("-1", "—", true)] : []),
      ...requests.map(({ stream, pasid, iova, write }, n) =>
        option(
          String(n),
          `stream ${stream}${pasid === undefined ? "" : ` PASID ${pasid}`} ${write ? "write" : "read"} ${hex(iova)}`,
          n === now,
        ),
      ),
    ),
  );
}

function requestFields(state: PageState): HTMLElement[] {
  const box = (id: string, text: string, checked: boolean): HTMLElement =>
    el("label", { class: "inline" }, el("input", { type: "checkbox", id, name: id, checked }), text);
  return [
    el(
      "label",
      {},
      "Stream",
      el("input", { id: "stream", name: "stream", inputmode: "numeric", size: 8, value: state.stream }),
    ),
    el(
      "label",
      {},
      "PASID (or empty)",
      el("input", { id: "pasid", name: "pasid", inputmode: "numeric", size: 8, value: state.pasid ?? "" }),
    ),
    el("label", {}, "IOVA", el("input", { id: "iova", name: "iova", class: "hex", value: hex(state.iova) })),
    box("write", "write", state.write),
    box("execute", "execute", state.execute),
    box("privileged", "privileged", state.privileged),
    el("button", { class: "primary", id: "explain", type: "submit" }, "Explain"),
  ];
}

function cacheSelect(state: PageState, events: FormEvents): HTMLElement {
  const kinds = [
    ["off", "cold: every read"],
    ["same", "after the same page"],
    ["next", "after the page beside it"],
  ] as const;
  return el(
    "label",
    {},
    "Caches",
    el(
      "select",
      {
        id: "caches",
        onchange: (event) =>
          events.onChange({ caches: (event.target as HTMLSelectElement).value as PageState["caches"] }),
      },
      ...kinds.map(([value, text]) => option(value, text, value === state.caches)),
    ),
  );
}

/** Numbers are checked here: what is none is said at its field, and nothing changes. */
function submit(event: Event, events: FormEvents): void {
  event.preventDefault();
  const form = event.target as HTMLFormElement;
  const field = (name: string): HTMLInputElement => form.elements.namedItem(name) as HTMLInputElement;
  const whole = (name: string, limit: bigint): bigint | undefined => {
    const text = field(name).value.trim();
    const value = /^(0x[0-9a-f]+|\d+)$/i.test(text) ? BigInt(text) : -1n;
    const good = value >= 0n && value < limit;
    field(name).setCustomValidity(good ? "" : `expected a number below ${hex(limit)}`);
    field(name).reportValidity();
    return good ? value : undefined;
  };
  const stream = whole("stream", 1n << 32n);
  const iova = whole("iova", 1n << 64n);
  field("pasid").setCustomValidity("");
  const pasid = field("pasid").value.trim() === "" ? undefined : whole("pasid", 1n << 20n);
  if (stream === undefined || iova === undefined) return;
  if (pasid === undefined && field("pasid").value.trim() !== "") return;
  events.onChange({
    stream: Number(stream),
    iova,
    pasid: pasid === undefined ? undefined : Number(pasid),
    write: field("write").checked,
    execute: field("execute").checked,
    privileged: field("privileged").checked,
    selected: 0,
  });
}
