// Cases of arch "host": the Linux user API over a vendor's driver. Each case has its own machine.
import type { CacheOptions } from "../index.js";
import { type Runner, type StepRun, unsupported, type VerifyCase } from "./verify-case.js";
import { readHostCase } from "./verify-host-case.js";
import { VENDORS } from "./verify-host-driver.js";
import { Endpoints } from "./verify-host-endpoints.js";
import { HostSession } from "./verify-host-session.js";
import { runHostStep } from "./verify-host-step.js";

/** Runs cases of arch "host". */
export class HostRunner implements Runner {
  readonly #caches: CacheOptions;

  constructor(caches: CacheOptions) {
    this.#caches = caches;
  }

  start({ place }: VerifyCase): StepRun {
    const name = place.get("vendor").text();
    const vendor = VENDORS.get(name);
    if (vendor === undefined) return () => unsupported(`vendor ${name}`);
    const vector = readHostCase(place, vendor.switches);
    if (typeof vector === "string") return () => unsupported(vector);

    const endpoints = new Endpoints();
    const options = { ...this.#caches, ...vector.machine, ram: vector.ram };
    const onPageResponse = endpoints.take.bind(endpoints);
    const driver = place.attempt("ram", () => vendor.driver({ ...options, onPageResponse }));
    const session = place.attempt("devices", () => new HostSession(driver, endpoints, vector));
    for (const [item, pa, bytes] of vector.memory) item.attempt("", () => driver.memory.write(pa, bytes));
    return ({ field }) => runHostStep(session, field);
  }

  /** The next case has a machine of its own anyway. */
  broken(): void {}
}
