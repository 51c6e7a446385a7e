// An IOMMU of the vendor contract without tables: answers translation requests as it is told, lets translated accesses
// pass, and writes everything down.

import {
  type Batch,
  type DmaAnswer,
  type DmaRequest,
  SmmuV3,
  type TranslationCompletion,
  type TranslationRequest,
} from "../../src/index.js";

/** Success for the range of 2^lg2 bytes around `iova`, which leads to `pa` and on; rights as letters of "rwxpU". */
export function granted(rights: string, pa: bigint, sizeLg2 = 12): TranslationCompletion {
  const has = (letter: string): boolean => rights.includes(letter);
  return {
    result: "success",
    pa,
    sizeLg2,
    read: has("r"),
    write: has("w"),
    execute: has("x"),
    privileged: has("p"),
    untranslatedOnly: has("U"),
    noSnoop: false,
  };
}

export const DENIED = granted("", 0n);
export const UNSUPPORTED: TranslationCompletion = { ...DENIED, result: "unsupported", sizeLg2: 0 };
export const ABORTED: TranslationCompletion = { ...DENIED, result: "abort", sizeLg2: 0 };

/** See above. */
export class FakeIommu {
  /** Its batch columns are real ones; the machine that they belong to does nothing else. */
  readonly batch: Batch = new SmmuV3({ batchCapacity: 8 }).batch;
  readonly requests: TranslationRequest[] = [];
  readonly accesses: DmaRequest[] = [];
  /** Answers translation requests. */
  complete: (request: TranslationRequest) => TranslationCompletion = () => DENIED;
  /** Answers accesses. */
  access: (request: DmaRequest) => DmaAnswer = ({ iova }) => ({ ok: true, pa: iova });

  requestTranslation(request: TranslationRequest): TranslationCompletion {
    this.requests.push(request);
    return this.complete(request);
  }

  translate(request: DmaRequest): DmaAnswer {
    this.accesses.push(request);
    return this.access(request);
  }

  runTranslated(count: number): number {
    const { stream, iova, access, pasid, pa, status } = this.batch;
    let failed = 0;
    for (let n = 0; n < count; n++) {
      const answer = this.translate({
        stream: stream[n]!,
        ...(pasid[n]! >= 2 ** 31 && { pasid: pasid[n]! & 0xfffff }),
        iova: iova[n]!,
        write: (access[n]! & 1) !== 0,
        execute: (access[n]! & 2) !== 0,
        privileged: (access[n]! & 4) !== 0,
        translated: true,
      });
      pa[n] = answer.pa;
      status[n] = answer.ok ? 1 : 3;
      if (!answer.ok) failed++;
    }
    return failed;
  }
}
