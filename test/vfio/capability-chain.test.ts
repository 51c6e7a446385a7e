// Capability chains byte by byte, and the protocol of argsz, on a struct of 20 bytes whose callers give 16.

import { describe, expect, it } from "vitest";
import { Refusal } from "../../src/contract/refusal.js";
import { vfio_irq_info } from "../../src/uapi/index.js";
import { Argument } from "../../src/vfio/argument.js";
import { answerInfo, packChain } from "../../src/vfio/capability-chain.js";
import { fields, followedBy, hex, shown } from "./bytes.js";

const TEN = hex("0200 0100 00000000 aabb");
const EIGHT = hex("0600 0300 00000000");
const CAPS = 16;

describe("a chain", () => {
  it("is empty without capabilities", () => {
    expect(packChain(32, [])).toHaveLength(0);
  });

  it("ends in next 0, ids and versions as given", () => {
    expect(shown(packChain(32, [TEN]))).toBe("0200010000000000aabb");
  });

  it("is packed without gaps, next counts from the start of the struct", () => {
    expect(shown(packChain(32, [TEN, EIGHT, TEN]))).toBe(
      "020001002a000000aabb" + "0600030032000000" + "0200010000000000aabb",
    );
    expect(shown(packChain(0x100, [EIGHT, EIGHT]))).toBe("0600030008010000" + "0600030000000000");
  });

  it("leaves the capabilities as they were", () => {
    packChain(32, [TEN, EIGHT]);
    expect(shown(TEN)).toBe("0200010000000000aabb");
  });
});

function answer(bytes: Uint8Array, capabilities: readonly Uint8Array[]): string {
  const arg = new Argument(bytes);
  const info = { ...arg.copyIn(vfio_irq_info, 16), flags: 1, count: 7 };
  answerInfo(arg, vfio_irq_info, 16, info, CAPS, capabilities);
  return shown(bytes);
}

describe("an info call", () => {
  const rest = new Uint8Array(20).fill(0xee);

  it("says what would do when argsz is too small, and succeeds (rule 19)", () => {
    expect(answer(fields(16, 0, 5, 0), [TEN])).toBe(shown(fields(30, 17, 5, 7)));
    expect(answer(followedBy(fields(29, 0, 5, 0, 9), rest), [TEN])).toBe(
      shown(followedBy(fields(30, 17, 5, 7, 0), rest)),
    );
  });

  it("writes cap_offset only when argsz has it, 20 or more", () => {
    const tail = hex("eeeeeeee");
    for (const argsz of [16, 17, 19]) {
      expect(answer(followedBy(fields(argsz, 0, 5, 0), tail), [TEN])).toBe(
        shown(followedBy(fields(30, 17, 5, 7), tail)),
      );
    }
    expect(answer(followedBy(fields(20, 0, 5, 0), tail), [TEN])).toBe(shown(fields(30, 17, 5, 7, 0)));
  });

  it("appends the chain when it fits, argsz and what follows stay", () => {
    expect(answer(followedBy(fields(30, 0, 5, 0, 9), rest), [TEN])).toBe(
      shown(followedBy(fields(30, 17, 5, 7, 20), hex(`0200010000000000aabb ${"ee".repeat(10)}`))),
    );
    expect(answer(followedBy(fields(40, 0, 5, 0, 9), rest), [TEN, EIGHT])).toBe(
      shown(followedBy(fields(40, 17, 5, 7, 20), hex("020001001e000000aabb 0600030000000000 eeee"))),
    );
  });

  it("has no flag and no offset without capabilities", () => {
    expect(answer(followedBy(fields(40, 0, 5, 0, 9), rest), [])).toBe(
      shown(followedBy(fields(40, 1, 5, 7, 0), rest)),
    );
  });

  it("is refused with EFAULT, nothing written, when argsz promised more than is there", () => {
    for (const length of [16, 19, 20, 29]) {
      const bytes = followedBy(fields(30, 0, 5, 0), rest).subarray(0, length);
      const before = shown(bytes);
      expect(() => answer(bytes, [TEN])).toThrow(Refusal);
      expect(shown(bytes)).toBe(before);
    }
  });
});
