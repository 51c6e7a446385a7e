// Runs the command line inside the test's own process, from the sources: for tables of many short runs.
import { vi } from "vitest";
import { runCommandLine } from "../../src/cli/command-line.js";
import type { Run } from "./run.js";

/** Runs `nested-iommu` with arguments; what it prints is caught. */
export async function cliHere(args: readonly string[]): Promise<Run> {
  const lines: Record<"log" | "error", string> = { log: "", error: "" };
  const spies = (["log", "error"] as const).map((name) =>
    vi.spyOn(console, name).mockImplementation((text: unknown) => {
      lines[name] += `${String(text)}\n`;
    }),
  );
  try {
    const code = await runCommandLine([...args]);
    return { code, out: lines.log, err: lines.error };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
