// A vitest reporter whose line `N passed, N failed` closes the run's output, and which fails a run without a test.
// What broke outside a test (a file that does not load, a hook, an unhandled error) counts as one failure each.

export default class CountReporter {
  onTestRunEnd(modules, unhandledErrors) {
    let passed = 0;
    let skipped = 0;
    let failed = unhandledErrors.length;
    for (const module of modules) {
      failed += module.errors().length;
      for (const suite of module.children.allSuites()) failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        const state = test.result().state;
        if (state === "passed") passed += 1;
        else if (state === "failed") failed += 1;
        else skipped += 1;
      }
    }
    const ok = failed === 0 && passed > 0;
    process.on("exit", () => {
      if (!ok && !process.exitCode) process.exitCode = 1;
      const tail = skipped > 0 ? `, ${skipped} skipped` : "";
      process.stdout.write(`${passed} passed, ${failed} failed${tail}\n`);
    });
  }
}
