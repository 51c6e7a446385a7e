// The yardstick and the model give the same status and address: on whole tables and on tables with flipped bits.
// Correctness only; nothing here measures time. The seed is printed; set BENCH_SEED to run it again.

import { SmmuV3 } from "nested-iommu";
import { describe, expect, it } from "vitest";
import {
  SMALL_PAGES,
  SMALL_STREAMS,
  STAGE1_STREAM,
  STAGE2_STREAM,
  writeTables,
} from "../../bench/machine.js";
import { PASID_STREAM, PASIDS } from "../../bench/pasid-machine.js";
import { Random } from "../../bench/random.js";
import { newAnswers, newRequests, type Requests } from "../../bench/requests.js";
import { STREAM_TABLE, STREAM_TABLE_LG2 } from "../../bench/smmuv3-structures.js";
import { DATA_IOVA, makeImage } from "../../bench/space.js";
import { BigintMapYardstick } from "../../bench/yardstick/bigint-map.js";
import { NumberMapYardstick } from "../../bench/yardstick/number-map.js";
import { createYardstick } from "../../bench/yardstick/yardstick.js";

const seed = Number(process.env.BENCH_SEED ?? Date.now() >>> 0);
const WALK_CACHES = { stage1: 64, stage2: 64, stage2Tlb: 64 };
const TABLE_IPA = 0x4000_0000n; // where a space's own tables start; the first page holds the CD
const DATA_IPA = 0x1_4000_0000n;

const image = makeImage(writeTables);
const words = new BigUint64Array(image.buffer);

/** Index of the 64-bit word that maps an input at a level of a tree. */
function wordOf(root: bigint, input: bigint, level: number, toPa: (address: bigint) => bigint): number {
  let table = root;
  for (let at = 0; ; at++) {
    const word = Number((toPa(table) + ((input >> BigInt(39 - 9 * at)) & 511n) * 8n) / 8n);
    if (at === level) return word;
    table = words[word]! & 0xffff_ffff_f000n;
  }
}

/** Words of descriptors that requests of a small stream need, but not those that its CD needs. */
function descriptorsOf(stream: number): number[] {
  const ste = (STREAM_TABLE + stream * 64) / 8;
  const same = (address: bigint): bigint => address;
  const stage2 = words[ste + 3]!;
  const ipaToPa = (ipa: bigint): bigint =>
    (words[wordOf(stage2, ipa, 3, same)]! & 0xffff_ffff_f000n) | (ipa & 0xfffn);
  const stage1 = words[Number(ipaToPa(TABLE_IPA) / 8n) + 1]!;
  const found: number[] = [];
  for (let level = 0; level < 3; level++) found.push(wordOf(stage1, DATA_IOVA, level, ipaToPa));
  for (let page = 0n; page < SMALL_PAGES; page++) {
    found.push(wordOf(stage1, DATA_IOVA + (page << 12n), 3, ipaToPa));
    found.push(wordOf(stage2, DATA_IPA + (page << 12n), 3, same));
  }
  for (let page = 1n; page <= 4n; page++) found.push(wordOf(stage2, TABLE_IPA + (page << 12n), 3, same));
  return found;
}

// Not the Contiguous bit: a run whose members differ is a software error without one right answer.
const FLIPS = [0, 1, 6, 7, 10, 13, 17, 20, 24, 30, 32, 40, 47, 53, 54, 59, 60, 61, 62];

const targets = Array.from({ length: SMALL_STREAMS }, (_, stream) => descriptorsOf(stream));

function flip(random: Random, count: number): void {
  for (let i = 0; i < count; i++) {
    const list = targets[random.below(targets.length)]!;
    const word = list[random.below(list.length)]!;
    words[word] = words[word]! ^ (1n << BigInt(FLIPS[random.below(FLIPS.length)]!));
  }
}

/** Streams with one stage, and with PASIDs: one request in ten goes there. */
const OTHERS = [STAGE1_STREAM, STAGE2_STREAM, PASID_STREAM, PASID_STREAM];
const ACCESSES = [0, 1, 2, 4, 5, 6];

function randomRequests(random: Random, count: number): Requests {
  const requests = newRequests(count);
  for (let i = 0; i < count; i++) {
    requests.stream[i] = random.below(SMALL_STREAMS + (random.below(50) === 0 ? 200 : 0));
    if (random.below(100) === 0) requests.pasid[i] = 0x8000_0000 + random.below(4);
    const other = OTHERS[random.below(40)];
    if (other !== undefined) requests.stream[i] = other;
    if (other === PASID_STREAM && random.below(20) !== 0) {
      requests.pasid[i] = 0x8000_0000 + random.below(random.below(20) === 0 ? 2 * PASIDS : 64);
    }
    const high = random.below(100) === 0 ? BigInt(random.next()) << 32n : 0n;
    requests.iova[i] = DATA_IOVA + BigInt(random.below((SMALL_PAGES + 2) * 4096)) + high;
    requests.access[i] = ACCESSES[random.below(ACCESSES.length)]!;
  }
  return requests;
}

describe(`yardstick and model, seed ${seed}`, () => {
  const random = new Random(seed);
  it.each([0, 40, 400])("agree on status and address with %i flipped bits", (flips) => {
    flip(random, flips);
    const smmu = new SmmuV3({ batchCapacity: 4096, ram: [[0n, BigInt(image.byteLength)]] });
    smmu.memory.write(0n, image);
    smmu.write64(0x80, BigInt(STREAM_TABLE));
    smmu.write32(0x88, STREAM_TABLE_LG2);
    smmu.write32(0x20, 1);
    const options = {
      memory: new Int32Array(image.slice().buffer),
      streamTable: STREAM_TABLE,
      streamTableLg2: STREAM_TABLE_LG2,
      entries: 256,
      walkCaches: WALK_CACHES,
    };
    const yardstick = createYardstick(options);
    const maps = [new NumberMapYardstick(options), new BigintMapYardstick(options)];
    const answers = newAnswers(4096);
    const statuses = new Set<number>();
    for (let round = 0; round < 4; round++) {
      const requests = randomRequests(random, 4096);
      const { batch } = smmu;
      batch.stream.set(requests.stream);
      batch.pasid.set(requests.pasid);
      batch.iova.set(requests.iova);
      batch.access.set(requests.access);
      const failed = smmu.run(4096);
      yardstick.useWalkCaches(round % 2 === 1);
      const translate = [yardstick.translate, yardstick.translateBranchless][round >> 1]!;
      const forms = [{ translate }, ...maps];
      const { pa, status } = smmu.batch;
      const theirs = Array.from(status, (code, i) => `${pa[i]!.toString(16)} ${code}`);
      for (const [n, form] of forms.entries()) {
        const lost = form.translate(requests, 0, 4096, answers);
        const mine = Array.from(answers.info, (info, i) => `${answers.pa[i]!.toString(16)} ${info & 0xff}`);
        const wrong = mine.findIndex((answer, i) => answer !== theirs[i]);
        const what = `seed ${seed}, yardstick ${n}: stream ${requests.stream[wrong]} pasid ${requests.pasid[wrong]} iova 0x${requests.iova[wrong]?.toString(16)} access ${requests.access[wrong]}`;
        expect(mine[wrong], what).toBe(theirs[wrong]);
        expect(lost).toBe(failed);
      }
      for (const code of status) statuses.add(code);
    }
    // translated, C_BAD_STREAMID, C_BAD_STE, C_BAD_SUBSTREAMID, F_TRANSLATION are there in any case
    expect(statuses.size).toBeGreaterThanOrEqual(5);
  });
});
