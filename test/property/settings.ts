// How the property tests are run: NI_SEED fixes the worlds, NI_RUNS multiplies their number, NI_WORLD picks one.

const number = (name: string): number | undefined => {
  const value = process.env[name];
  return value === undefined ? undefined : Number(value);
};

export const seed = number("NI_SEED") ?? 20261122;
export const runs = number("NI_RUNS") ?? 1;
export const onlyWorld = number("NI_WORLD");
