// The random worlds of the property tests, on the reference model alone: many requests translate, and every kind of
// outcome is reached. NI_SEED chooses the worlds.

import { expect, it } from "vitest";
import { Histogram } from "./histogram.js";
import { seed } from "./settings.js";
import { World } from "./world.js";

const WORLDS = 200;
const REQUESTS = 250;

it(`reaches every kind of outcome (seed ${seed})`, () => {
  const histogram = new Histogram();
  for (let index = 0; index < WORLDS; index++) {
    const world = new World(seed, index);
    for (let i = 0; i < REQUESTS; i++) histogram.add(world.reference.access(world.request()));
  }
  const text = histogram.toString();
  if (process.env.NI_VERBOSE !== undefined) console.log(text);
  expect(histogram.of("translated") / histogram.total, text).toBeGreaterThan(0.22);
  const expected = [
    ...[
      "bypassed",
      "abort",
      "raz-wi",
      "stalled",
      "abort without a fault",
      "recorded",
      "not recorded",
      "contiguous",
    ],
    ...["translated stage 1", "translated stage 2", "translated stage 12"],
    ...["C_BAD_STREAMID", "F_STE_FETCH", "C_BAD_STE", "F_STREAM_DISABLED", "C_BAD_SUBSTREAMID", "F_CD_FETCH"],
    "C_BAD_CD",
    ...["TT", "CD", "IN"].map((c) => `F_TRANSLATION stage 2 ${c}`),
    ...["TT", "CD", "IN"].map((c) => `F_PERMISSION stage 2 ${c}`),
    ...["TT", "CD", "IN"].map((c) => `F_ACCESS stage 2 ${c}`),
    ...["TRANSLATION", "ADDR_SIZE", "ACCESS", "PERMISSION"].map((n) => `F_${n} stage 1 IN`),
    ...["F_PERMISSION TT read", "F_PERMISSION TT write", "F_WALK_EABT stage 1 TT", "F_WALK_EABT stage 2 IN"],
    "F_ADDR_SIZE stage 2 IN",
  ];
  expect(
    expected.filter((key) => histogram.of(key) === 0),
    text,
  ).toEqual([]);
});
