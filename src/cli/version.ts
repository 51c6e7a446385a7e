// The version of the package.
import { readFileSync } from "node:fs";

/** As package.json, two folders above both the compiled commands and their bundle, has it. */
export function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
