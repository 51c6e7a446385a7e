// How workers end: by themselves, before they began, by close, and with the process.

import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { SmmuV3, TranslationPool } from "../../src/index.js";
import { tlbiEverything } from "../core/rig.js";
import { Streams, smmuPool, workerUrl } from "./rig.js";

const IOVA = 0x100_0000n;
const PA = 0x7000_0000n;

/** A worker that is there, and then does what `then` says on the first message. */
const script = (then: string): URL =>
  new URL(
    `data:text/javascript,import{parentPort as p}from"node:worker_threads";p.once("message",()=>{p.postMessage({kind:"ready"});${encodeURIComponent(then)}})`,
  );

describe("a worker that ends", () => {
  it.each([
    ["by process.exit", "setTimeout(() => process.exit(3), 50)", "it exited with code 3"],
    ["by an exception", "setTimeout(() => { throw new Error('broken') }, 50)", "broken"],
  ])("%s rejects the runs and syncs that wait for it, and later runs", async (_, then, cause) => {
    const pool = await TranslationPool.create(SmmuV3, { workers: 1, workerUrl: script(then) });
    pool.machine.issue(tlbiEverything());
    const waiting = await Promise.allSettled([pool.units[0]!.run(1), pool.sync()]);
    for (const { status, ...rest } of waiting) {
      expect(status).toBe("rejected");
      expect((rest as { reason: Error }).reason.message).toBe(`unit 0 has no worker any more: ${cause}`);
    }
    await expect(pool.units[0]!.run(1)).rejects.toThrow(/no worker any more/);
    // Nobody is left who could answer from an old translation, or use memory.
    await pool.sync();
    pool.machine.reset();
    await pool.close();
  });

  it("before it began rejects the creation of the pool", async () => {
    const missing = new URL("no-such-worker.js", workerUrl);
    await expect(TranslationPool.create(SmmuV3, { workers: 2, workerUrl: missing })).rejects.toThrow(
      /unit \d has no worker any more: .*no-such-worker/,
    );
  });
});

describe("closing a pool", () => {
  it("rejects what is awaited, ends a worker in the middle of a run, and leaves the machine", async () => {
    const pool = await smmuPool({ batchCapacity: 2 ** 20 });
    new Streams(pool.machine).stage1(1, 1).map(IOVA, PA, 0x1000n);
    const running = pool.units.map((unit) => unit.run(2 ** 20));
    const closed = pool.close();
    const settled = await Promise.allSettled(running);
    expect(settled.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    await closed;
    await pool.close();
    await expect(pool.units[0]!.run(1)).rejects.toThrow("unit 0 has no worker any more: the pool was closed");
    expect(pool.machine.translate({ stream: 1, iova: IOVA }).pa).toBe(PA);
  });

  it("is not needed for the process to end", () => {
    const dist = new URL("../../dist/index.js", import.meta.url).href;
    const program = `import { SmmuV3, TranslationPool } from ${JSON.stringify(dist)};
      const pool = await TranslationPool.create(SmmuV3, { workers: 2 });
      const faults = await pool.units[1].run(3);
      await pool.sync();
      console.log(faults.length, pool.units[1].batch.status.subarray(0, 3).join());`;
    const output = execFileSync(process.execPath, ["--input-type=module", "-e", program], {
      encoding: "utf8",
      timeout: 30_000,
    });
    expect(output.trim()).toBe("0 1,1,1");
  });
});
