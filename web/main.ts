// The explorer page: state from the address, a capture, the walk of one request, and what follows from flipped bits.

import traceUrl from "../build/trace.wasm?url";
import { type Capture, CaptureError, readCaptures } from "./capture.js";
import { detailPanel } from "./detail.js";
import { byId, el, hex } from "./dom.js";
import { mountPlayer } from "./player.js";
import { requestForm } from "./request-form.js";
import { BUNDLED, fetchBundled } from "./sources.js";
import { type PageState, readState, writeState } from "./state.js";
import { type WalkView, walkOf } from "./walk.js";
import { walkGrid } from "./walk-grid.js";

/** Bytes of the trace build, fetched once; the page cannot do without it. */
const traceBuild = fetch(traceUrl)
  .then((response) => response.arrayBuffer())
  .then((buffer) => new Uint8Array(buffer));

let state: PageState = readState(location.hash);
let cases: Capture[] = [];

function say(text: string): void {
  byId("status").textContent = text;
}

const captureNow = (): Capture | undefined => cases.find(({ id }) => id === state.id) ?? cases[0];

/** Takes a file's cases; the first request of the first one, unless the address names another. */
async function load(source: string, bytes: Uint8Array, keepRequest: boolean): Promise<void> {
  cases = await readCaptures(bytes);
  const capture = captureNow();
  if (!capture) throw new CaptureError("the file has no case");
  const [request] = capture.requests;
  state = { ...state, source, id: capture.id };
  if (!keepRequest) {
    state = { ...state, flips: [], selected: 0, pasid: undefined, execute: false, privileged: false };
    if (request) state = { ...state, ...request };
  }
  await show();
}

async function change(changes: Partial<PageState>): Promise<void> {
  const before = state.id;
  state = { ...state, ...changes };
  const capture = captureNow();
  const [request] = capture?.requests ?? [];
  if (state.id !== before && request) state = { ...state, pasid: undefined, selected: 0, ...request };
  await show();
}

/** Everything below the header, from the state. */
async function show(): Promise<void> {
  const capture = captureNow();
  history.replaceState(null, "", writeState(state));
  const focused = document.activeElement?.id ?? "";
  byId("request").replaceChildren(
    ...requestForm(state, cases, capture, {
      onSource: (name) => attempt(async () => load(name, await fetchBundled(name), false)),
      onFile: (file) => attempt(async () => load("", new Uint8Array(await file.arrayBuffer()), false)),
      onChange: (changes) => attempt(() => change(changes)),
    }),
  );
  if (focused !== "") document.getElementById(focused)?.focus();
  if (!capture) return;
  showWalk(walkOf(capture, state, await traceBuild));
}

function showWalk(view: WalkView): void {
  const select = (read: number): void => {
    state = { ...state, selected: read };
    history.replaceState(null, "", writeState(state));
    showWalk(view);
    document.querySelector<HTMLElement>(`[data-read="${read}"]`)?.focus();
  };
  const flip = (pa: bigint, bit: number): void => {
    const same = state.flips.filter((one) => one.pa !== pa || one.bit !== bit);
    attempt(() => change({ flips: same.length < state.flips.length ? same : [...state.flips, { pa, bit }] }));
  };
  byId("walk").replaceChildren(
    el("h2", { id: "walk-title" }, "The walk"),
    ...verdict(view),
    legend(),
    walkGrid(view, state.selected, select),
    ...resetButton(),
  );
  byId("detail").replaceChildren(...detailPanel(view, Math.min(state.selected, view.reads.length - 1), flip));
  say(`${view.reads.length} reads; ${verdictText(view)}`);
}

function verdictText({ cold: { answer, fault } }: WalkView): string {
  if (answer.ok) return `${answer.status} to ${hex(answer.pa)}`;
  return fault ? `${fault.name}: ${fault.cause.text}` : answer.status;
}

function verdict(view: WalkView): HTMLElement[] {
  const { answer, fault } = view.cold;
  const lines = [
    el("p", { id: "verdict", class: `verdict ${answer.ok ? "good" : "bad"}` }, verdictText(view)),
  ];
  if (fault?.record) {
    const digits = [...fault.record.bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const says = Object.entries(fault.record.says)
      .map(([name, value]) => `${name} ${typeof value === "bigint" ? hex(value) : value}`)
      .join(", ");
    lines.push(el("p", { class: "soft" }, "Record: ", el("code", { id: "record" }, digits), ` (${says})`));
  }
  if (view.source !== undefined) {
    const spared = `${view.spared.size} of ${view.reads.length} reads are spared`;
    lines.push(el("p", {}, `With warm caches the answer comes from: ${view.source}; ${spared}.`));
  }
  return lines;
}

function legend(): HTMLElement {
  const items = [
    ["structure", "configuration structure"],
    ["stage1", "stage-1 descriptor"],
    ["stage2", "stage-2 descriptor"],
    ["cached", "answered by a cache"],
    ["blamed", "made the fault"],
  ];
  return el("ul", { class: "legend" }, ...items.map(([kind, text]) => el("li", { class: kind }, text)));
}

function resetButton(): HTMLElement[] {
  if (state.flips.length === 0) return [];
  const button = el(
    "button",
    { type: "button", id: "reset-flips", onclick: () => attempt(() => change({ flips: [] })) },
    `Undo ${state.flips.length} flipped ${state.flips.length === 1 ? "bit" : "bits"}`,
  );
  return [button];
}

/** Runs `work`; what goes wrong is said to people, and the page stays as it was. */
function attempt(work: () => Promise<void>): void {
  work().catch((error: unknown) => say(error instanceof Error ? error.message : String(error)));
}

document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", () => document.body.classList.remove("dropping"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  const file = event.dataTransfer?.files[0];
  if (file) attempt(async () => load("", new Uint8Array(await file.arrayBuffer()), false));
});
window.addEventListener("hashchange", () => {
  const next = readState(location.hash);
  if (writeState(next) === writeState(state)) return;
  const other = next.source !== state.source && next.source !== "";
  state = next;
  attempt(async () => (other ? load(next.source, await fetchBundled(next.source), true) : show()));
});

attempt(async () => {
  const known = BUNDLED.some(({ name, kind }) => kind === "capture" && name === state.source);
  const source = known ? state.source : (BUNDLED[0]?.name ?? "");
  await load(source, await fetchBundled(source), known && location.hash.includes("iova="));
  mountPlayer(
    byId("player"),
    () => state,
    (changes) => {
      state = { ...state, ...changes };
      history.replaceState(null, "", writeState(state));
    },
  );
});
