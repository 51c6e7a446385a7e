// What test/pool/browser.test.ts does with a pool in a page.

/** Two units: pass-through, then a stream table of zeros. The error's message where there can be no pool. */
export async function usePool({ SmmuV3, TranslationPool }) {
  const events = [];
  let pool;
  try {
    pool = await TranslationPool.create(SmmuV3, {
      workers: 2,
      eventSink: (record) => events.push(record[0]),
    });
  } catch (error) {
    return error.message;
  }
  const [first, second] = pool.units;
  first.batch.iova.set([0x1000n, 0x2000n]);
  await first.run(2);
  const bypassed = [...first.batch.pa.subarray(0, 2)].map(String);
  // STRTAB_BASE, STRTAB_BASE_CFG, CR0: every STE is invalid, C_BAD_STE.
  pool.machine.write64(0x80, 0x4000_0000n);
  pool.machine.write32(0x88, 4);
  pool.machine.write32(0x20, 0xd);
  await pool.sync();
  const faults = (await Promise.all([first.run(2), second.run(1)])).flat().map(({ name }) => name);
  await pool.close();
  const after = await second.run(1).catch((error) => error.message);
  return { bypassed, faults, events, after };
}
