// An independent model of stalled transactions, in the words of IHI 0070 3.12.2, 4.7.1, 4.7.2, 6.3.9.6 and 7.2.1, with
// the choices that docs/capabilities.md names: what cannot be recorded waits, oldest first. Tags are told to the model.

/** What a stream's CD says of faults. */
export type Ending = "stall" | "abort" | "raz-wi" | "silent";

/** A transaction on its way. */
export interface Pending {
  readonly stream: number;
  readonly page: number;
  /** Its number once it has stalled. */
  id: number;
  /** True when its record was written last. */
  recorded: boolean;
}

/** What the model expects in the Event queue: a stall says which transaction it is. */
export interface ExpectedEvent {
  readonly stream: number;
  readonly page: number;
  readonly stalled: Pending | undefined;
}

/** How a transaction ends. */
export type Status = "translated" | "aborted" | "raz-wi" | "bypassed";

export class StallModel {
  enabled = true;
  queueOn = true;
  /** Records that software has not read. */
  readonly queue: ExpectedEvent[] = [];
  overflow = false;
  lost = 0;
  /** All that are held, oldest stall first. */
  readonly held: Pending[] = [];
  readonly waiting: Pending[] = [];
  /** What has ended since the last look: number and status. */
  readonly ended: [number, Status][] = [];
  #ids = 0;

  /** mapped: which (stream, page) translate. */
  constructor(
    readonly stallMax: number,
    readonly capacity: number,
    readonly endings: Map<number, Ending>,
    readonly mapped: Set<string>,
  ) {}

  #canRecord(): boolean {
    const tagged = this.held.filter(({ recorded }) => recorded).length;
    return this.queueOn && this.queue.length < this.capacity && tagged < this.stallMax;
  }

  /** A transaction arrives, or is retried; its status, "stalled" if it is held. */
  arrive(one: Pending): Status | "stalled" {
    if (!this.enabled) return "bypassed";
    if (this.mapped.has(`${one.stream} ${one.page}`)) return "translated";
    const ending = this.endings.get(one.stream)!;
    if (ending === "stall") {
      if (one.id === 0) one.id = ++this.#ids;
      one.recorded = this.#canRecord();
      this.held.push(one);
      if (one.recorded) this.queue.push({ stream: one.stream, page: one.page, stalled: one });
      else this.waiting.push(one);
      return "stalled";
    }
    if (ending === "silent") return "aborted";
    if (this.queueOn && this.queue.length < this.capacity) {
      this.queue.push({ stream: one.stream, page: one.page, stalled: undefined });
    } else {
      this.lost++;
      this.overflow ||= this.queueOn;
    }
    return ending === "abort" ? "aborted" : "raz-wi";
  }

  #release(one: Pending): void {
    for (const list of [this.held, this.waiting]) {
      const at = list.indexOf(one);
      if (at >= 0) list.splice(at, 1);
    }
  }

  #retry(one: Pending): void {
    this.#release(one);
    const status = this.arrive(one);
    if (status !== "stalled") this.ended.push([one.id, status]);
  }

  /** Something may have become possible. */
  settle(): void {
    while (this.waiting.length > 0 && this.#canRecord()) this.#retry(this.waiting[0]!);
  }

  /** CMD_RESUME that names a recorded transaction. */
  resume(one: Pending, action: "retry" | "abort" | "raz-wi"): void {
    if (action === "retry") this.#retry(one);
    else {
      this.#release(one);
      this.ended.push([one.id, action === "abort" ? "aborted" : "raz-wi"]);
    }
    this.settle();
  }

  #abort(all: Pending[]): void {
    for (const one of all.sort((a, b) => a.id - b.id)) {
      this.#release(one);
      this.ended.push([one.id, "aborted"]);
    }
  }

  /** CMD_STALL_TERM. */
  terminate(stream: number): void {
    this.#abort(this.held.filter((one) => one.stream === stream));
    this.settle();
  }

  /** CR0. */
  enable(enabled: boolean, queueOn: boolean): void {
    this.enabled = enabled;
    this.queueOn = queueOn;
    if (!enabled) this.#abort([...this.held]);
    this.settle();
  }

  /** Software reads `count` records and acknowledges an overflow. */
  consume(count: number): ExpectedEvent[] {
    const read = this.queue.splice(0, count);
    this.overflow = false;
    this.settle();
    return read;
  }
}
