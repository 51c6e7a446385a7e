// The commands that a replay composes in place are those that its encoders make, word for word. (Their bytes are checked
// against the manuals in replay-commands.test.ts and replay-descriptors.test.ts.)
import { describe, expect, it } from "vitest";
import { CommandIssuer } from "../../src/cli/replay-command-issuer.js";
import { encodeInvalidation, type VmidRule } from "../../src/cli/replay-commands.js";
import { DescriptorIssuer } from "../../src/cli/replay-descriptor-issuer.js";
import { type DescriptorRule, encodeDescriptors } from "../../src/cli/replay-descriptors.js";
import { decodeTrace } from "../../src/index.js";

const SEED = 20240607;

/** Numbers of an `i` line within their bits. */
function lines(kinds: Record<string, readonly number[]>, count: number): { kind: string; args: bigint[] }[] {
  let state = SEED;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state;
  };
  const names = Object.keys(kinds);
  return Array.from({ length: count }, () => {
    const kind = names[next() % names.length]!;
    const args = kinds[kind]!.map((bits) => {
      if (bits < 0) return next() % 8 === 0 ? -1n : BigInt(next() & 0xffff);
      return ((BigInt(next()) << 32n) | BigInt(next())) >> BigInt(64 - bits);
    });
    return { kind, args };
  });
}

const textOf = (kind: string, args: readonly bigint[]): string =>
  `#itr 1\ni ${[kind, ...args.map((value) => value.toString(16))].join(" ")}\n`;
const eventOf = (kind: string, args: readonly bigint[]) =>
  decodeTrace(new TextEncoder().encode(textOf(kind, args)));
const wordsOf = (bytes: Uint8Array): number[] => [...new Uint32Array(bytes.slice().buffer)];

function issued(run: (device: { issue(words: Uint8Array | Uint32Array): number }) => void): number[][] {
  const all: number[][] = [];
  run({
    issue(command) {
      all.push(command instanceof Uint32Array ? [...command] : wordsOf(command));
      return 0;
    },
  });
  return all;
}

describe(`commands of events (seed ${SEED})`, () => {
  const rules: VmidRule[] = [
    { guest: undefined, ofAsid: () => 7 },
    { guest: 0x1234, ofAsid: () => 7 },
  ];
  it.each(rules)("SMMUv3: those of the encoder, VMID $guest", (rule) => {
    // IOVA, PAGES (few, so that most are one command), TG, TTL, LEAF
    const kinds = {
      va: [-1, -1, 64, 7, 2, 2, 1],
      ipa: [-1, -1, 52, 12, 2, 2, 1],
      asid: [16],
      sync: [],
      nh: [16],
    };
    for (const { kind, args } of lines(kinds, 600)) {
      if (kind === "va" && args[3] === 0n) args[3] = 1n;
      if (kind === "ipa" && args[3] === 0n) args[3] = 1n;
      const expected = encodeInvalidation(kind, args, rule).map(wordsOf);
      const events = eventOf(kind, args);
      expect(issued((smmu) => new CommandIssuer(smmu, rule).run(events, 0))).toEqual(expected);
    }
  });

  const guest = new Map([[5, 2]]);
  it.each<DescriptorRule>([
    { bytes: 32, status: 0x9000n, guest: undefined },
    { bytes: 16, status: 0x9000n, guest: undefined },
    { bytes: 32, status: 0x9000n, guest },
  ])("VT-d: those of the encoder, $bytes bytes", (rule) => {
    const kinds = {
      "iotlb page": [16, 64, 6, 1],
      "piotlb page": [16, 20, 64, 6, 1],
      "piotlb pasid": [16, 20],
      "iotlb domain": [16],
      "iotlb global": [],
      wait: [],
    };
    for (const { kind, args } of lines(kinds, 600)) {
      if (rule.guest && args.length > 0 && args[0]! % 2n === 0n) args[0] = 5n;
      const expected = encodeDescriptors(kind, args, rule).map(wordsOf);
      const events = eventOf(kind, args);
      expect(issued((vtd) => new DescriptorIssuer(vtd, rule).run(events, 0))).toEqual(expected);
    }
  });

  it("refuse what the hardware refuses", () => {
    const events = eventOf("sync", []);
    expect(() => new CommandIssuer({ issue: () => 1 }, rules[0]!).run(events, 0)).toThrow(
      new RangeError("the SMMU refused a command (CMDQ_CONS.ERR = 1)"),
    );
  });
});
