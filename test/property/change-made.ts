// What a random change of a world did: for the log of a failing run.

/** A change as done: what it was, and the commands to issue. */
export interface Change {
  what: string;
  commands: Uint8Array[];
}
