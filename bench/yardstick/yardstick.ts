// Yardstick: the IOTLB and the request loop, as well written as plain TypeScript allows: 4 ways, FIFO, hash of page and
// context, one 64-byte line of an Int32Array a set, branch-chain compare, no BigInt, no allocation, int32 throughout.
// The same function as the model's benchmark path: StreamID and SubstreamID → context, IOTLB, permission, nested walk
// on a miss, and the same answers (PA, status, leaf size, descriptor reads); faults give a status, no event record.
// Tables are a flat array instead of sparse memory, and the context records are decoded beforehand: a head start.
//
// A closure and not a class: V8 folds constants of a closure that exists once into its code (9 ns a hit, 12-15 ns as a
// class; arrays of requests and answers that are constants too would give 6, but then it serves one caller only).
import type { Answers, Requests } from "../requests.js";
import { createCachedWalk } from "./cached-walk.js";
import {
  CTX_FIRST,
  CTX_LG2,
  CTX_MODE,
  CTX_PASID_COUNT,
  CTX_PASIDS,
  CTX_SEED,
  CTX_SIZES,
  CTX_STATUS,
  CTX_TAG,
} from "./context-record.js";
import { decodeContexts } from "./contexts.js";
import { createInvalidation } from "./invalidation.js";
import { createSingleWalk } from "./single-walk.js";
import type { Translator, YardstickOptions } from "./translator.js";
import { createPlainWalk, FOUND_WORDS } from "./walk.js";

// Constants of this file fold into the code; imported ones would be loaded from their cells.
const TAG = CTX_TAG;
const SEED = CTX_SEED;
const SIZES = CTX_SIZES;
const FIRST = CTX_FIRST;
const STATUS = CTX_STATUS;
const MODE = CTX_MODE;
const PASIDS = CTX_PASIDS;
const PASID_COUNT = CTX_PASID_COUNT;
const STAGE_2 = 2;
const BOTH_STAGES = 3;
const RECORD_LG2 = CTX_LG2;
const BAD_STREAMID = 0x82;
const BAD_SUBSTREAMID = 0x88;
const TRANSLATION = 0x90;
const ADDR_SIZE = 0x91;

/** A plain-TypeScript IOTLB and nested walker over typed arrays. */
export interface Yardstick extends Translator {
  /**
   * The same with a compare of the ways that does not branch: slower where the branches of the other are predicted
   * (few pages), faster on random pages.
   *
   * @param requests the request columns
   * @param from index of the first request
   * @param to index after the last request
   * @param answers the answer columns, written at 0..to-from-1
   * @returns how many did not succeed
   */
  translateBranchless(requests: Requests, from: number, to: number, answers: Answers): number;
  /** Walks with or without walk caches from here on; without is the start. */
  useWalkCaches(on: boolean): void;
  /** Requests so far that the IOTLB did not answer. */
  misses(): number;
}

/**
 * Makes a yardstick for the tables in a flat memory.
 *
 * @param options tables and sizes
 * @returns the yardstick, with empty caches
 * @throws RangeError when the tables ask for what it does not model
 */
export function createYardstick(options: YardstickOptions): Yardstick {
  const { records: contexts, ids } = decodeContexts(
    options.memory,
    options.streamTable,
    options.streamTableLg2,
  );
  const streams = 1 << options.streamTableLg2;
  const found = new Int32Array(FOUND_WORDS);
  const walk = createPlainWalk(options.memory, contexts, found);
  const singleWalk = createSingleWalk(options.memory, contexts, found);
  const caches = createCachedWalk(options.memory, contexts, found, options.walkCaches);
  const cachedWalk = caches.walk;
  // 16 words a set, 4 a way: VA[31:12] | lg2, VA[47:32] | tag, (PA ^ VA)[31:12] | rights, (PA ^ VA)[47:32]
  const sets = new Int32Array(options.entries * 4);
  const turns = new Uint8Array(options.entries >> 2);
  const setMask = (options.entries >> 2) - 1;
  let cached = false;
  let missed = 0;

  function fail(status: number, fetches: number, answers: Answers, o: number): number {
    answers.pa32[2 * o] = 0;
    answers.pa32[2 * o + 1] = 0;
    answers.info[o] = status | (fetches << 16);
    return 1;
  }

  /** The record of a stream, or of one of its SubstreamIDs; -1 when there is none. */
  function recordOf(sid: number, pid: number): number {
    if (sid < 0 || sid >= streams) return -1;
    const at = sid << RECORD_LG2;
    if (pid === 0) return at;
    const index = pid & 0xfffff;
    if (pid > 0 || index >= contexts[at | PASID_COUNT]!) return -1;
    return (contexts[at | PASIDS]! + index) << RECORD_LG2;
  }

  /** A request that the first probe did not answer: other leaf sizes, the walk, faults. Returns 1 when it failed. */
  function other(requests: Requests, i: number, answers: Answers, o: number): number {
    const sid = requests.stream[i]!;
    const lo = requests.iova32[i << 1]! | 0;
    const hi = requests.iova32[(i << 1) | 1]! | 0;
    const access = requests.access[i]!;
    if (sid >= streams) return fail(BAD_STREAMID, 0, answers, o);
    const pid = requests.pasid[i]! | 0;
    const own = contexts[(sid << RECORD_LG2) | TAG]!;
    const withPasids = contexts[(sid << RECORD_LG2) | PASID_COUNT]! > 0;
    if (own === -1 && (pid === 0 || !withPasids)) {
      return fail(contexts[(sid << RECORD_LG2) | STATUS]!, 0, answers, o);
    }
    const at = recordOf(sid, pid);
    if (at < 0) return fail(BAD_SUBSTREAMID, 0, answers, o);
    const tag = contexts[at | TAG]!;
    if (hi >>> 16 !== 0) {
      // Without stage 1 the input must fit the output of the machine, 52 bits (IHI 0070 3.4).
      const isTooWide = contexts[at | MODE] === STAGE_2 && hi >>> 20 !== 0;
      return fail(isTooWide ? ADDR_SIZE : TRANSLATION, 0, answers, o);
    }

    const seed = contexts[at | SEED]!;
    const tagHi = tag | hi;
    let sizes = contexts[at | SIZES]! & ~(1 << contexts[at | FIRST]!);
    while (sizes !== 0) {
      const lg2 = 31 - Math.clz32(sizes & -sizes);
      sizes &= sizes - 1;
      const tagLo = (lo & (-1 << lg2)) | lg2;
      const page = (lo >>> lg2) | (hi << (32 - lg2));
      let way = ((page ^ (page >>> 9) ^ seed) & setMask) << 4;
      if (sets[way] !== tagLo || sets[way | 1] !== tagHi) {
        if (sets[way | 4] === tagLo && sets[way | 5] === tagHi) way |= 4;
        else if (sets[way | 8] === tagLo && sets[way | 9] === tagHi) way |= 8;
        else if (sets[way | 12] === tagLo && sets[way | 13] === tagHi) way |= 12;
        else continue;
      }
      const data = sets[way | 2]!;
      if (((data >>> access) & 1) === 0) break;
      contexts[at | FIRST] = lg2; // the next request looks there first
      answers.pa32[o << 1] = lo ^ (data & ~0xfff);
      answers.pa32[(o << 1) | 1] = hi ^ sets[way | 3]!;
      answers.info[o] = lg2 << 8;
      return 0;
    }

    missed++;
    const status =
      contexts[at | MODE] !== BOTH_STAGES
        ? singleWalk(at, lo, hi, access)
        : cached
          ? cachedWalk(at, lo, hi, access)
          : walk(at, lo, hi, access);
    if (status !== 0) return fail(status, found[3]!, answers, o);
    const lg2 = found[2]!;
    const page = (lo >>> lg2) | (hi << (32 - lg2));
    const set = (page ^ (page >>> 9) ^ seed) & setMask;
    const turn = turns[set]!;
    turns[set] = turn + 1;
    const way = (set << 4) | ((turn & 3) << 2);
    sets[way] = (lo & (-1 << lg2)) | lg2;
    sets[way | 1] = tagHi;
    sets[way | 2] = found[0]!;
    sets[way | 3] = found[1]!;
    contexts[at | SIZES]! |= 1 << lg2;
    contexts[at | FIRST] = lg2;
    answers.pa32[o << 1] = lo ^ (found[0]! & ~0xfff);
    answers.pa32[(o << 1) | 1] = hi ^ found[1]!;
    answers.info[o] = (lg2 << 8) | (found[3]! << 16);
    return 0;
  }

  function translate(requests: Requests, from: number, to: number, answers: Answers): number {
    const { stream, pasid, iova32, access } = requests;
    const { pa32, info } = answers;
    const end = to | 0;
    let failed = 0;
    let last = -1;
    let lastPasid = 0;
    let tag = -1;
    let seed = 0;
    let lg2 = 0;
    // No loop inside this one, and only int32 operations that cannot overflow: V8 keeps everything untagged.
    for (let i = from | 0, o = 0; i < end; i = (i + 1) | 0, o = (o + 1) | 0) {
      const sid = stream[i]! | 0;
      const pid = pasid[i]! | 0;
      if (sid !== last || pid !== lastPasid) {
        last = sid;
        lastPasid = pid;
        tag = -1;
        const at = recordOf(sid, pid);
        if (at >= 0) {
          tag = contexts[at | TAG]!;
          seed = contexts[at | SEED]!;
          lg2 = contexts[at | FIRST]!;
        }
      }
      const lo = iova32[i << 1]! | 0;
      const hi = iova32[(i << 1) | 1]! | 0;
      if (tag !== -1 && hi >>> 16 === 0) {
        const tagLo = (lo & (-1 << lg2)) | lg2;
        const tagHi = tag | hi;
        const page = (lo >>> lg2) | (hi << (32 - lg2));
        let way = ((page ^ (page >>> 9) ^ seed) & setMask) << 4;
        if (sets[way] !== tagLo || sets[way | 1] !== tagHi) {
          if (sets[way | 4] === tagLo && sets[way | 5] === tagHi) way |= 4;
          else if (sets[way | 8] === tagLo && sets[way | 9] === tagHi) way |= 8;
          else if (sets[way | 12] === tagLo && sets[way | 13] === tagHi) way |= 12;
          else way = -1;
        }
        if (way >= 0) {
          const data = sets[way | 2]!;
          if (((data >>> access[i]!) & 1) !== 0) {
            pa32[o << 1] = lo ^ (data & ~0xfff);
            pa32[(o << 1) | 1] = hi ^ sets[way | 3]!;
            info[o] = lg2 << 8;
            continue;
          }
        }
      }
      failed = (failed + other(requests, i, answers, o)) | 0;
      last = -1; // the first size to look for may have changed
    }
    return failed;
  }

  function translateBranchless(requests: Requests, from: number, to: number, answers: Answers): number {
    const { stream, pasid, iova32, access } = requests;
    const { pa32, info } = answers;
    const end = to | 0;
    let failed = 0;
    let last = -1;
    let lastPasid = 0;
    let tag = -1;
    let seed = 0;
    let lg2 = 0;
    for (let i = from | 0, o = 0; i < end; i = (i + 1) | 0, o = (o + 1) | 0) {
      const sid = stream[i]! | 0;
      const pid = pasid[i]! | 0;
      if (sid !== last || pid !== lastPasid) {
        last = sid;
        lastPasid = pid;
        tag = -1;
        const at = recordOf(sid, pid);
        if (at >= 0) {
          tag = contexts[at | TAG]!;
          seed = contexts[at | SEED]!;
          lg2 = contexts[at | FIRST]!;
        }
      }
      const lo = iova32[i << 1]! | 0;
      const hi = iova32[(i << 1) | 1]! | 0;
      if (tag !== -1 && hi >>> 16 === 0) {
        const tagLo = (lo & (-1 << lg2)) | lg2;
        const tagHi = tag | hi;
        const page = (lo >>> lg2) | (hi << (32 - lg2));
        const set = ((page ^ (page >>> 9) ^ seed) & setMask) << 4;
        const a = (sets[set]! ^ tagLo) | (sets[set | 1]! ^ tagHi);
        const b = (sets[set | 4]! ^ tagLo) | (sets[set | 5]! ^ tagHi);
        const c = (sets[set | 8]! ^ tagLo) | (sets[set | 9]! ^ tagHi);
        const d = (sets[set | 12]! ^ tagLo) | (sets[set | 13]! ^ tagHi);
        // -1 where equal, else 0
        const inB = ~((b | -b) >> 31);
        const inC = ~((c | -c) >> 31);
        const inD = ~((d | -d) >> 31);
        const found = ~((a | -a) >> 31) | inB | inC | inD;
        const way = found === 0 ? -1 : set | (inB & 4) | (inC & 8) | (inD & 12);
        if (way >= 0) {
          const data = sets[way | 2]!;
          if (((data >>> access[i]!) & 1) !== 0) {
            pa32[o << 1] = lo ^ (data & ~0xfff);
            pa32[(o << 1) | 1] = hi ^ sets[way | 3]!;
            info[o] = lg2 << 8;
            continue;
          }
        }
      }
      failed = (failed + other(requests, i, answers, o)) | 0;
      last = -1; // the first size to look for may have changed
    }
    return failed;
  }

  return {
    translate,
    translateBranchless,
    useWalkCaches(on) {
      cached = on;
    },
    ...createInvalidation({ sets, turns, contexts, ids, caches }),
    misses: () => missed,
  };
}
