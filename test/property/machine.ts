// A machine under test: the SmmuV3 of the public API with some choice of caches, set up from a random world, and
// its answers compared with the reference model's.

import { type CacheOptions, SmmuV3, type SmmuV3Options } from "../../src/index.js";
import { isRefused, type Outcome, type Request } from "../reference/outcome.js";
import { resumeAbort } from "./command-bytes.js";
import type { World } from "./world.js";

// IHI 0070 6.1: offsets in page 0.
const OFFSETS = { CR0: 0x20, CR2: 0x2c, GBPA: 0x44, STRTAB_BASE: 0x80, STRTAB_BASE_CFG: 0x88 } as const;

const TYPES: Record<string, number> = {
  C_BAD_STREAMID: 0x02,
  F_STE_FETCH: 0x03,
  C_BAD_STE: 0x04,
  F_STREAM_DISABLED: 0x06,
  C_BAD_SUBSTREAMID: 0x08,
  F_CD_FETCH: 0x09,
  C_BAD_CD: 0x0a,
  F_WALK_EABT: 0x0b,
  F_TRANSLATION: 0x10,
  F_ADDR_SIZE: 0x11,
  F_ACCESS: 0x12,
  F_PERMISSION: 0x13,
};

/** The status column that an outcome asks for. */
export function expectedStatus(outcome: Outcome): number {
  if (!isRefused(outcome)) return outcome.kind === "translated" ? 0 : 1;
  if (outcome.kind === "raz-wi") return 2;
  if (outcome.kind === "stalled") return 4;
  return outcome.fault === undefined ? 3 : 0x80 | TYPES[outcome.fault.name]!;
}

/** Table descriptors read, as the fetches column counts them: a read that aborts is not one. */
function fetchesOf(outcome: Outcome): number {
  const reads = outcome.fetches.filter(({ what }) => what === "S1" || what === "S2").length;
  const aborted = isRefused(outcome) && outcome.fault?.name === "F_WALK_EABT";
  return Math.min(aborted ? reads - 1 : reads, 255);
}

const hex = (bytes: Uint8Array | undefined): string =>
  bytes === undefined ? "none" : Buffer.from(bytes).toString("hex");

/** A disagreement: the request's index and what differs. */
export interface Difference {
  at: number;
  text: string;
}

export class Machine {
  readonly smmu: SmmuV3;
  readonly #events: Uint8Array[] = [];
  /** Without any cache the number of fetches must be the reference model's, too. */
  readonly cacheless: boolean;

  constructor(
    readonly name: string,
    caches: CacheOptions & Pick<SmmuV3Options, "core">,
    readonly batchCapacity = 1024,
  ) {
    this.cacheless = [caches.iotlb, caches.walkCaches, caches.configCache].every((cache) => cache === "off");
    this.smmu = new SmmuV3({
      ...caches,
      batchCapacity,
      memoryLimit: 2 ** 28,
      eventSink: (record) => this.#events.push(record.slice()),
    });
  }

  /** Powers on with a world's features, RAM and registers; memory comes with `write`. */
  begin({ idr, image, registers }: World): void {
    const features = {
      idr0: Number(idr.idr0),
      idr1: Number(idr.idr1),
      idr3: Number(idr.idr3),
      idr5: Number(idr.idr5),
    };
    this.smmu.reset({ features, ram: image.ram });
    this.setRegisters(registers);
  }

  setRegisters({ CR0, CR2, GBPA, STRTAB_BASE, STRTAB_BASE_CFG }: World["registers"]): void {
    const { smmu } = this;
    smmu.write32(OFFSETS.CR0, 0);
    smmu.write32(OFFSETS.CR2, Number(CR2));
    smmu.write32(OFFSETS.GBPA, Number(GBPA! | (1n << 31n)));
    smmu.write64(OFFSETS.STRTAB_BASE, STRTAB_BASE!);
    smmu.write32(OFFSETS.STRTAB_BASE_CFG, Number(STRTAB_BASE_CFG));
    smmu.write32(OFFSETS.CR0, Number(CR0));
  }

  write(journal: readonly [pa: bigint, value: bigint][]): void {
    for (const [pa, value] of journal) this.smmu.memory.writeU64(pa, value);
  }

  issue(commands: readonly Uint8Array[]): void {
    for (const command of commands) {
      const code = this.smmu.issue(command);
      if (code !== 0) throw new Error(`${this.name}: command ${hex(command)} gave CERROR ${code}`);
    }
  }

  /** One request whose answer does not matter. */
  ask(request: Request): void {
    this.#fill([request]);
    this.smmu.run(1);
    this.#release();
  }

  /** Aborts what has stalled, so that tags are free again. */
  #release(): void {
    for (const { stream, stag } of this.smmu.stalled()) this.issue([resumeAbort(stream, stag!)]);
  }

  #fill(requests: readonly Request[]): void {
    const { batch } = this.smmu;
    requests.forEach(({ sid, ssid, iova, write, exec, priv }, i) => {
      batch.stream[i] = sid;
      batch.pasid[i] = ssid === undefined ? 0 : 0x8000_0000 | ssid;
      batch.iova[i] = iova;
      batch.access[i] = (write ? 1 : 0) | (exec ? 2 : 0) | (priv ? 4 : 0);
    });
  }

  /** Runs the requests; the first disagreement, or undefined. */
  compare(requests: readonly Request[], outcomes: readonly Outcome[]): Difference | undefined {
    const { batch } = this.smmu;
    this.#fill(requests);
    this.#events.length = 0;
    this.smmu.run(requests.length);
    this.#release();
    let event = 0;
    for (let i = 0; i < requests.length; i++) {
      const outcome = outcomes[i]!;
      const expected = expectedStatus(outcome);
      const actual = batch.status[i]!;
      const refused = isRefused(outcome);
      let difference: string | undefined;
      if (actual !== expected && !(expected === 0x82 && actual === 3)) {
        difference = `status 0x${actual.toString(16)}, expected 0x${expected.toString(16)}`;
      } else if (!refused && batch.pa[i] !== outcome.pa) {
        difference = `pa 0x${batch.pa[i]!.toString(16)}, expected 0x${outcome.pa.toString(16)}`;
      } else if (!refused && !outcome.leafChoices.includes(batch.leafLg2[i]!)) {
        difference = `leafLg2 ${batch.leafLg2[i]}, expected ${outcome.leafChoices.join(" or ")}`;
      } else if (this.cacheless && batch.fetches[i] !== fetchesOf(outcome)) {
        difference = `${batch.fetches[i]} fetches, expected ${fetchesOf(outcome)}`;
      } else if (refused && outcome.event !== undefined) {
        const record = this.#events[event++];
        // STAG, byte 8 and 9, is the machine's own.
        if (outcome.kind === "stalled") record?.fill(0, 8, 10);
        if (hex(record) !== hex(outcome.event))
          difference = `event ${hex(record)}, expected ${hex(outcome.event)}`;
      }
      if (difference !== undefined) {
        const fault = refused && outcome.fault !== undefined ? ` (${outcome.fault.name})` : "";
        const at = batch.source[i];
        const who = `${this.name}: request ${i} ${describeRequest(requests[i]!)}`;
        return { at: i, text: `${who}: ${difference}${fault}, answered by ${at}` };
      }
    }
    if (event === this.#events.length) return undefined;
    return { at: 0, text: `${this.name}: ${this.#events.length - event} events too many` };
  }
}

export function describeRequest({ sid, ssid, iova, write, exec, priv }: Request): string {
  const kind = `${priv ? "privileged " : ""}${write ? "write" : exec ? "execute" : "read"}`;
  return `{sid ${sid}${ssid === undefined ? "" : `, ssid ${ssid}`}, iova 0x${iova.toString(16)}, ${kind}}`;
}
