import { describe, it } from "vitest";
import { checkRandomMappings } from "../driver/random-mappings.js";
import { Rig } from "./rig.js";

describe("random maps and unmaps", () => {
  it("leave exactly what the oracle has", { timeout: 120_000 }, () => {
    checkRandomMappings(new Rig(), () => true);
  });
});
