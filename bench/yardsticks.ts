// The yardsticks of an image, by the names that their ratios have: the typed-array one in three forms, and one for each kind
// of Map key. All have the IOTLB size of the model.
import { type ImageName, IOTLB_ENTRIES, imageOf, WALK_CACHES } from "./machines.js";
import { newAnswers } from "./requests.js";
import { STREAM_TABLE, STREAM_TABLE_LG2 } from "./smmuv3-structures.js";
import { makeWorkload } from "./workloads.js";
import { BigintMapYardstick } from "./yardstick/bigint-map.js";
import { NumberMapYardstick } from "./yardstick/number-map.js";
import type { Translator, YardstickOptions } from "./yardstick/translator.js";
import { createYardstick, type Yardstick } from "./yardstick/yardstick.js";

/** The yardsticks by name. */
export type YardstickName =
  | "typed arrays"
  | "typed arrays, branchless"
  | "typed arrays, walk caches"
  | "Map by number"
  | "Map by bigint";

/** Makes the yardsticks of an image, each once. */
export class Yardsticks {
  readonly #options: YardstickOptions;
  readonly #seed: number;
  readonly #made = new Map<YardstickName, Translator>();
  #typed: Yardstick | undefined;

  /**
   * @param image whose tables
   * @param entries IOTLB entries
   * @param seed seed of the warm-up's requests
   */
  constructor(image: ImageName, entries: number, seed: number) {
    this.#seed = seed;
    const { buffer } = imageOf(image);
    this.#options = {
      memory: new Int32Array(buffer),
      streamTable: STREAM_TABLE,
      streamTableLg2: STREAM_TABLE_LG2,
      entries,
      walkCaches: WALK_CACHES,
    };
    if (image === "streams" && entries === IOTLB_ENTRIES) this.#warmUp();
  }

  /** The yardstick with a name. */
  get(name: YardstickName): Translator {
    let yardstick = this.#made.get(name);
    if (yardstick === undefined) {
      yardstick = this.#make(name);
      this.#made.set(name, yardstick);
    }
    return yardstick;
  }

  /** Empties every cache. */
  flush(): void {
    for (const yardstick of this.#made.values()) yardstick.flush();
  }

  #make(name: YardstickName): Translator {
    if (name === "Map by number") return new NumberMapYardstick(this.#options);
    if (name === "Map by bigint") return new BigintMapYardstick(this.#options);
    this.#typed ??= createYardstick(this.#options);
    return formOf(this.#typed, name);
  }

  /**
   * Brings the typed-array one to the optimising compiler by many short calls. A function that is compiled in the middle
   * of a long loop first does not get its closure's constants folded in, and stays up to twice as slow.
   */
  #warmUp(): void {
    this.#typed = createYardstick(this.#options);
    const answers = newAnswers(16);
    for (const name of ["hot", "stride"] as const) {
      const { requests } = makeWorkload(name, { count: 4096, entries: IOTLB_ENTRIES, seed: this.#seed });
      for (let turn = 0; turn < 80; turn++) {
        this.#typed.useWalkCaches(turn % 2 === 1);
        const translate = turn % 4 < 2 ? this.#typed.translate : this.#typed.translateBranchless;
        for (let from = 0; from < requests.count; from += 16) translate(requests, from, from + 16, answers);
      }
    }
  }
}

/** One form of the typed-array yardstick; which walk it uses is set before every run of requests. */
function formOf(yardstick: Yardstick, name: YardstickName): Translator {
  const walkCaches = name === "typed arrays, walk caches";
  const { translate, translateBranchless } = yardstick;
  if (name === "typed arrays, branchless") {
    return {
      ...yardstick,
      translate: (requests, from, to, answers) => {
        yardstick.useWalkCaches(false);
        return translateBranchless(requests, from, to, answers);
      },
    };
  }
  return {
    ...yardstick,
    translate: (requests, from, to, answers) => {
      yardstick.useWalkCaches(walkCaches);
      return translate(requests, from, to, answers);
    },
  };
}
