// The random VT-d worlds on the reference model alone: many requests translate, and every kind of outcome is reached.
// NI_SEED chooses the worlds.

import { expect, it } from "vitest";
import { seed } from "../settings.js";
import { change } from "./change.js";
import { Histogram } from "./histogram.js";
import { World } from "./world.js";

const WORLDS = 700;
const ROUNDS = 3;
const REQUESTS = 30;

/** Fault reasons of Table 30 that requests can end in here; interludes with other registers add 8, 30, 33, 38. */
const LEGACY = [0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7, 0x9, 0xa, 0xb, 0xc, 0xe, 0x31];
const STRUCTURES = [
  ...[0x39, 0x3a, 0x40, 0x41, 0x42, 0x43, 0x45, 0x46, 0x48, 0x89, 0x50, 0x51, 0x52],
  ...[0x58, 0x59, 0x5a, 0x5b, 0x5c, 0x5d, 0x83, 0x87],
];
const FIRST_STAGE = [0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x80, 0x81, 0x85, 0x90];
const SECOND_STAGE = [0x78, 0x79, 0x7a, 0x7b, 0x7c, 0x84, 0x86];

it(`reaches every kind of outcome (seed ${seed})`, () => {
  const histogram = new Histogram();
  for (let index = 0; index < WORLDS; index++) {
    const world = new World(seed, index);
    for (let round = 0; round < ROUNDS; round++) {
      for (let i = 0; i < REQUESTS; i++) histogram.add(world.reference.access(world.request()));
      change(world);
    }
  }
  const text = histogram.toString();
  if (process.env.NI_VERBOSE !== undefined) console.log(text);
  expect(histogram.of("translated") / histogram.total, text).toBeGreaterThan(0.3);
  const codes = [...LEGACY, ...STRUCTURES, ...FIRST_STAGE, ...SECOND_STAGE].map(
    (code) => `0x${code.toString(16)}`,
  );
  const expected = [
    ...codes,
    ...["bypassed", "interrupt", "recorded", "not recorded", "leaf 12", "leaf 21", "leaf 30"],
    ...["first", "second", "nested"].map((stages) => `translated ${stages}`),
  ];
  expect(
    expected.filter((key) => histogram.of(key) === 0),
    text,
  ).toEqual([]);
});
