// Cases of arch "smmuv3": the hardware face. Machines are kept from case to case.
import { commands, type MachineOptions, SmmuV3, validateFeatures } from "../index.js";
import { messageOf } from "./input-error.js";
import { type Runner, type StepRun, unsupported, type VerifyCase } from "./verify-case.js";
import { readSmmuCase, type SmmuCase } from "./verify-smmuv3-case.js";
import { runSmmuStep, setRegister } from "./verify-smmuv3-step.js";

/** Runs cases of arch "smmuv3". */
export class SmmuRunner implements Runner {
  readonly #options: MachineOptions;
  #queues: SmmuV3 | undefined;
  #sink: SmmuV3 | undefined;
  /** The machine of the case that was started last; undefined when the model lacks something for it. */
  machine: SmmuV3 | undefined;

  constructor(options: MachineOptions) {
    this.#options = options;
  }

  start({ place }: VerifyCase): StepRun {
    this.machine = undefined;
    const vector = readSmmuCase(place);
    if (typeof vector === "string") return () => unsupported(vector);
    try {
      validateFeatures(vector.features);
    } catch (error) {
      return () => unsupported(`features: ${messageOf(error)}`);
    }
    const smmu = this.#prepare(vector);
    this.machine = smmu;
    let list = "steps";
    return (step) => {
      if (step.list === "stale" && list !== "stale") coldCaches(smmu);
      list = step.list;
      return runSmmuStep(smmu, step);
    };
  }

  broken(): void {
    this.#queues = undefined;
    this.#sink = undefined;
  }

  /** A machine in the initial state of a case: raw cases have their queues in memory, others an event sink. */
  #prepare(vector: SmmuCase): SmmuV3 {
    this.#queues ??= new SmmuV3(this.#options);
    this.#sink ??= new SmmuV3({ ...this.#options, eventSink: () => {} });
    const smmu = vector.raw ? this.#queues : this.#sink;
    vector.place.attempt("ram", () => smmu.reset({ features: vector.features, ram: vector.ram }));
    for (const [field, pa, bytes] of vector.memory) field.attempt("", () => smmu.memory.write(pa, bytes));
    for (const [name, value] of vector.registers) setRegister(smmu, name, value);
    return smmu;
  }
}

/** Drops everything that is cached, as a driver would. */
function coldCaches(smmu: SmmuV3): void {
  const all = new Uint8Array(16);
  all[0] = commands.CMD_CFGI_STE_RANGE;
  all[8] = commands.CMD_RANGE_ALL;
  smmu.issue(all);
  smmu.issue(Uint8Array.of(commands.CMD_TLBI_NSNH_ALL, ...new Uint8Array(15)));
}
