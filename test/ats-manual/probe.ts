// Asking a reference model what would be, without a trace: every write to its memory is taken back afterwards.

import type { ReferenceMemory } from "../reference/memory.js";

/** Answers `ask` and leaves the memory as it was; `changes` are made before: address and value of doublewords. */
export function probe<Answer>(
  memory: ReferenceMemory,
  changes: readonly (readonly [address: bigint, value: bigint])[],
  ask: () => Answer,
): Answer {
  const before: [bigint, bigint][] = [];
  const write = memory.writeDoubleword.bind(memory);
  memory.writeDoubleword = (address, value) => {
    const old = memory.readDoubleword(address);
    if (old !== undefined) before.push([address, old]);
    return write(address, value);
  };
  try {
    for (const [address, value] of changes) memory.writeDoubleword(address, value);
    return ask();
  } finally {
    memory.writeDoubleword = write;
    for (const [address, value] of before.reverse()) write(address, value);
  }
}
