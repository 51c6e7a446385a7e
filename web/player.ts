// The trace player: a recorded trace replayed a slice a frame, with the IOTLB that it works on as a picture, the counters of
// the machine, and how fast this browser translates.

import { createTraceReader, type TraceReader } from "nested-iommu";
import { TraceReplay } from "nested-iommu/replay";
import { el, grouped } from "./dom.js";
import { BUNDLED, fetchBundled } from "./sources.js";
import type { PageState } from "./state.js";
import { TlbGrid } from "./tlb-grid.js";

const ENTRIES = [16, 64, 256, 1024, 2048, 4096];
const WAYS = [1, 2, 4, 8, 16];
/** Bytes of trace text a frame, by speed. */
const SPEEDS = { slow: 512, normal: 16 * 1024, fast: 256 * 1024 } as const;
const LARGEST_BLOCK = 256 * 1024;

type Speed = keyof typeof SPEEDS;

/** A run of a trace from its beginning. */
interface Run {
  readonly replay: TraceReplay;
  readonly reader: TraceReader;
  at: number;
  seconds: number;
}

/** Puts the player into `root`. */
export function mountPlayer(
  root: HTMLElement,
  state: () => PageState,
  change: (changes: Partial<PageState>) => void,
): void {
  new Player(root, state, change).render();
}

class Player {
  readonly #root: HTMLElement;
  readonly #state: () => PageState;
  readonly #change: (changes: Partial<PageState>) => void;
  readonly #grid = new TlbGrid(
    el("canvas", { id: "tlb", role: "img", "aria-label": "IOTLB: a column a set, a row a way" }),
  );
  readonly #counters = el("dl", { class: "counters", id: "counters" });
  readonly #words = el("p", { id: "player-status", role: "status" }, "Nothing played yet.");
  readonly #bar = el("progress", { max: 1, value: 0, "aria-label": "Part of the trace played" });
  readonly #play = el("button", { type: "button", class: "primary", id: "play" }, "Play");
  #speed: Speed = "normal";
  #bytes: Uint8Array | undefined;
  #run: Run | undefined;
  #playing = false;

  constructor(root: HTMLElement, state: () => PageState, change: (changes: Partial<PageState>) => void) {
    this.#root = root;
    this.#state = state;
    this.#change = change;
    this.#play.addEventListener("click", () => this.#toggle());
  }

  render(): void {
    this.#root.replaceChildren(
      el("h2", { id: "player-title" }, "A trace and the IOTLB"),
      el(
        "p",
        { class: "soft" },
        "The driver's maps, unmaps and invalidations and the devices' accesses, as they were recorded, on a machine of this page.",
      ),
      el(
        "div",
        { class: "row" },
        this.#geometry(),
        this.#speeds(),
        this.#play,
        this.#stepButton(),
        this.#restartButton(),
      ),
      this.#bar,
      this.#words,
      el(
        "figure",
        {},
        this.#grid.canvas,
        el(
          "figcaption",
          { class: "soft" },
          "A column is a set, a row a way. Colour: the translation space; bright: filled since the last picture; dark: a larger page; grey: empty.",
        ),
      ),
      this.#counters,
    );
  }

  #geometry(): HTMLElement {
    const { entries, ways } = this.#state();
    const select = (id: "entries" | "ways", values: readonly number[], now: number): HTMLElement =>
      el(
        "label",
        {},
        id === "entries" ? "IOTLB entries" : "Ways",
        el(
          "select",
          {
            id,
            onchange: (event) => {
              this.#change({ [id]: Number((event.target as HTMLSelectElement).value) });
              this.#restart();
            },
          },
          ...values.map((value) => el("option", { value, selected: value === now }, String(value))),
        ),
      );
    return el("div", { class: "row" }, select("entries", ENTRIES, entries), select("ways", WAYS, ways));
  }

  #speeds(): HTMLElement {
    const take = (event: Event): void => {
      this.#speed = (event.target as HTMLSelectElement).value as Speed;
    };
    return el(
      "label",
      {},
      "Speed",
      el(
        "select",
        { id: "speed", onchange: take },
        ...Object.keys(SPEEDS).map((name) =>
          el("option", { value: name, selected: name === this.#speed }, name),
        ),
      ),
    );
  }

  #stepButton(): HTMLElement {
    const step = (): void => {
      this.#pause();
      this.#attempt(async () => {
        await this.#prepare();
        this.#advance(SPEEDS.slow);
      });
    };
    return el("button", { type: "button", id: "step", onclick: step }, "Step");
  }

  #restartButton(): HTMLElement {
    return el("button", { type: "button", id: "restart", onclick: () => this.#restart() }, "Restart");
  }

  #toggle(): void {
    if (this.#playing) {
      this.#pause();
      return;
    }
    this.#attempt(async () => {
      await this.#prepare();
      this.#playing = true;
      this.#play.textContent = "Pause";
      requestAnimationFrame(() => this.#frame());
    });
  }

  #pause(): void {
    this.#playing = false;
    this.#play.textContent = "Play";
  }

  #restart(): void {
    this.#pause();
    this.#run = undefined;
    this.#bar.value = 0;
    this.#words.textContent = "At the beginning.";
    this.#counters.replaceChildren();
  }

  async #prepare(): Promise<void> {
    const name = BUNDLED.find(({ kind }) => kind === "trace")?.name ?? "";
    this.#bytes ??= await unpacked(await fetchBundled(name));
    if (this.#run && this.#run.at < this.#bytes.length) return;
    const { entries, ways } = this.#state();
    const caches = { iotlb: { entries, ways: Math.min(ways, entries) } };
    const replay = new TraceReplay({ caches, nested: false, stage2LeafLg2: 21 });
    const reader = createTraceReader("itr", (events) => replay.take(events), { file: name });
    this.#run = { replay, reader, at: 0, seconds: 0 };
  }

  #frame(): void {
    if (!this.#playing) return;
    this.#attempt(async () => {
      this.#advance(SPEEDS[this.#speed]);
      if (this.#playing) requestAnimationFrame(() => this.#frame());
    });
  }

  /** Plays the next `bytes` of the trace and shows what came of it. */
  #advance(bytes: number): void {
    const run = this.#run;
    if (!run || !this.#bytes) return;
    const start = performance.now();
    const slice = this.#bytes.subarray(run.at, run.at + Math.min(bytes, LARGEST_BLOCK));
    run.reader.push(slice);
    run.reader.flush();
    run.at += slice.length;
    const done = run.at >= this.#bytes.length;
    if (done) run.reader.end();
    run.seconds += (performance.now() - start) / 1000;
    this.#bar.value = run.at / this.#bytes.length;
    this.#show(run, done);
    if (done) this.#pause();
  }

  #show({ replay, seconds }: Run, done: boolean): void {
    const { counters, accesses, translateSeconds, differences } = replay.progress();
    const { iotlb } = replay.machine.iommu.inspect();
    const fullness = iotlb ? this.#grid.draw(iotlb) : "";
    const hits = counters ? counters.iotlbHits / Math.max(1, counters.iotlbHits + counters.iotlbMisses) : 0;
    const rows: [string, string][] = [
      ["accesses", grouped(accesses)],
      ["IOTLB hit rate", `${(100 * hits).toFixed(2)} %`],
      ["IOTLB hits", grouped(counters?.iotlbHits ?? 0)],
      ["IOTLB misses", grouped(counters?.iotlbMisses ?? 0)],
      ["descriptor fetches", grouped(counters?.fetches ?? 0)],
      ["invalidations", grouped(counters?.invalidations ?? 0)],
      ["entries invalidated", grouped(counters?.invalidatedEntries ?? 0)],
      ["wrong addresses", grouped(differences)],
      ["translations a second", grouped(accesses / Math.max(translateSeconds, 1e-9))],
      ["accesses a second, all", grouped(accesses / Math.max(seconds, 1e-9))],
    ];
    this.#counters.replaceChildren(
      ...rows.map(([name, value]) =>
        el("div", {}, el("dt", {}, name), el("dd", { "data-counter": name }, value)),
      ),
    );
    this.#words.textContent = `${done ? "Played to the end" : "Playing"}: ${fullness}.`;
  }

  #attempt(work: () => Promise<void>): void {
    work().catch((error: unknown) => {
      this.#pause();
      this.#words.textContent = error instanceof Error ? error.message : String(error);
    });
  }
}

async function unpacked(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes as BlobPart]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
