// How the property tests are run: NI_SEED fixes the worlds, NI_RUNS multiplies the number of them.

export const seed = Number(process.env.NI_SEED ?? 20261122);
export const runs = Number(process.env.NI_RUNS ?? 1);
