// The random VT-d worlds on the reference model alone: many requests translate, and every kind of outcome is reached.
// NI_SEED chooses the worlds.

import { expect, it } from "vitest";
import { seed } from "../settings.js";
import { Histogram } from "./histogram.js";
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
  expect(histogram.of("translated") / histogram.total, text).toBeGreaterThan(0.3);
});
