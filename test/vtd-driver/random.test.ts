import { describe, it } from "vitest";
import { checkRandomMappings } from "../driver/random-mappings.js";
import { Rig } from "./rig.js";

describe("random maps and unmaps", () => {
  it("leave exactly what the oracle has", { timeout: 120_000 }, () => {
    // FEEx_xxxx are interrupts, not memory (Intel VT-d Rev 5.10, 3.14).
    checkRandomMappings(new Rig(), (page) => page >> 8n !== 0xfeen);
  });
});
