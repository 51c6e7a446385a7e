// Runs the benchmark from a clone, as `nested-iommu bench` does: node dist/bench/run.js [OPTIONS], see --help there.
// Exit code 1 when a side gives a wrong address, 2 when a tool or a file is missing.
import { benchCommand } from "./command.js";

process.exitCode = await benchCommand(process.argv.slice(2));
