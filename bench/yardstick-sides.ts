// The yardsticks' sides: they read the caller's request arrays as they are.
import { newAnswers } from "./requests.js";
import { type After, batchChecksum, type Side } from "./side.js";
import type { Workload } from "./workloads.js";
import type { Translator } from "./yardstick/translator.js";

/**
 * A yardstick over the caller's arrays.
 *
 * @param yardstick made for the same tables
 * @param workload a multiple of `batch` requests
 * @param batch requests a call
 * @param after what happens after each batch
 * @returns the side
 */
export function yardstickSide(
  yardstick: Pick<Translator, "translate">,
  workload: Workload,
  batch: number,
  after?: After,
): Side {
  const { requests } = workload;
  const answers = newAnswers(batch);
  const { pa32 } = answers;
  const { count } = requests;
  return {
    workload,
    checksum: batchChecksum(workload, batch),
    pass: () => {
      let sum = 0;
      for (let from = 0; from < count; from += batch) {
        sum = (sum + yardstick.translate(requests, from, from + batch, answers)) | 0;
        sum = (Math.imul(sum, 31) + pa32[0]!) | 0;
        if (after !== undefined) after(from / batch);
      }
      return sum;
    },
    checkAll: (check) => {
      for (let from = 0; from < count; from += batch) {
        yardstick.translate(requests, from, from + batch, answers);
        for (let i = 0; i < batch; i++) check(from + i, answers.pa[i]!, answers.info[i]! & 0xff);
        after?.(from / batch);
      }
    },
  };
}
