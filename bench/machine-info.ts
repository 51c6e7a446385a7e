// What a benchmark's numbers depend on: processor, engine, size of the WASM core, effort.
import { statSync } from "node:fs";
import { arch, cpus, loadavg, platform } from "node:os";
import { coreFile } from "./core-instance.js";
import type { Effort } from "./measure.js";

/** Where and how a run was made. */
export interface MachineInfo {
  cpu: string;
  cpus: number;
  platform: string;
  /** Load average of the last minute at the end of the run: others on the machine make times, not ratios, worse. */
  load: number;
  node: string;
  v8: string;
  /** Bytes of the WASM core; 0 when the file is not there. */
  wasmBytes: number;
  seed: number;
  requests: number;
  rounds: number;
  /** Milliseconds a side and round. */
  time: number;
}

/**
 * Describes the machine and the run.
 *
 * @param seed seed of the request streams
 * @param requests requests a pass
 * @param effort rounds and times
 * @returns the description
 */
export function describeMachine(seed: number, requests: number, effort: Effort): MachineInfo {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cpus: cpus().length,
    platform: `${platform()} ${arch()}`,
    load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    node: process.versions.node,
    v8: process.versions.v8,
    wasmBytes: wasmBytes(),
    seed,
    requests,
    rounds: effort.rounds,
    time: effort.time,
  };
}

function wasmBytes(): number {
  try {
    return statSync(coreFile()).size;
  } catch {
    return 0;
  }
}
