// What the tests of granted rights have in common: a world with input page 5 → IPA page 6 → physical page 0x40007.
import { AtsWorld, EATS, S1DSS, type WorldOptions } from "./ats-world.js";

export const ATSCHK_ON = 0x1d;
export const NW = {};
export const W = { write: true };
export const tagged = (request: object): object => ({ ...request, pasid: 1 });
/** Physical page 7, 4 KiB. */
export const P7 = "0x40007000+12";
export const world = (options: WorldOptions = {}): AtsWorld =>
  new AtsWorld({ word1: EATS.full | S1DSS.ssid0, ...options });
/** Input page 5 → IPA page 6 → physical page 0x40007. */
export const mapped = (leaf1: bigint, leaf2: bigint, options: WorldOptions = {}): AtsWorld =>
  world(options).map(5, 6, 0x4_0007, leaf1, leaf2);
