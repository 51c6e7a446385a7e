#!/usr/bin/env node
// The program: runs the command line of the process and ends it with its exit code.
import { runCommandLine } from "./command-line.js";

// a reader that goes away (`| head`) ends the program quietly
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? 0 : 2);
});

const code = await runCommandLine(process.argv.slice(2));
// after bad input nothing more is read, even if whoever feeds the standard input keeps it open
if (code === 2) process.exit(code);
process.exitCode = code;
