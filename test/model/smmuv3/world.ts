// A machine and the models beside it: what the operations act on, and CR0, which concerns all of them.

import { PageLedger } from "../page-ledger.js";
import { Different } from "../script.js";
import type { Answer, Request } from "./answer.js";
import { EventQueue } from "./event-queue.js";
import { configuration, everything, sync } from "./invalidation.js";
import { PageRequests } from "./page-requests.js";
import { Transactions } from "./transactions.js";
import { CR0, Unit, type WorldOptions } from "./unit.js";

export class World {
  readonly unit: Unit;
  readonly events = new EventQueue();
  readonly transactions: Transactions;
  readonly pages: PageRequests;
  readonly ledger = new PageLedger();
  /** GBPA.ABORT. */
  abortAll = false;

  constructor(readonly options: WorldOptions) {
    this.unit = new Unit(options);
    this.transactions = new Transactions(this.events, options, (request) => this.#retried(request));
    // Streams 1 and 2 have PPAR, 0..5 a valid STE.
    const ppar = (stream: number) => (stream <= 5 ? stream === 1 || stream === 2 : undefined);
    this.pages = new PageRequests(ppar, options.substreams);
  }

  /** The one answer to a retry: `quiet` has seen to it. */
  #retried(request: Request): Answer {
    const [answer, ...others] = this.unit.answers(request);
    if (answer === undefined || others.length > 0) throw new Different("a retry with more than one answer");
    return answer;
  }

  /** Before held transactions may be retried, nothing that concerns them may be left to chance. */
  quiet(): void {
    if (this.unit.remembers() === 0) return;
    if (this.transactions.held.some(({ request }) => this.unit.answers(request).length > 1)) this.forget();
  }

  forget(): void {
    this.unit.invalidate(everything(), configuration(), sync());
  }

  /** CMDQEN always; what is not named stays. */
  cr0(changes: { smmu?: boolean; events?: boolean; pages?: boolean }): void {
    const { events, pages, transactions, unit } = this;
    const smmu = changes.smmu ?? transactions.enabled;
    events.enabled = changes.events ?? events.enabled;
    pages.enabled = changes.pages ?? pages.enabled;
    if (transactions.enabled && !smmu) transactions.disable();
    transactions.enabled = smmu;
    pages.smmuEnabled = smmu;
    unit.smmu.write32(CR0, 8 | (smmu ? 1 : 0) | (pages.enabled ? 2 : 0) | (events.enabled ? 4 : 0));
    transactions.settle();
  }
}
