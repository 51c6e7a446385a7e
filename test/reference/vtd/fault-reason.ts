// Why a request is blocked: each cause with its code in legacy and in scalable mode, and whether it is qualified,
// that is not reported when FPD is set (VT-d 7.1.3, Table 30). Root faults and failed fetches of a root, context,
// directory or PASID entry are unqualified; what is found in or after a context entry is qualified.
// Not modelled: 0x44 and 0xD (translation requests), 0x49 and 0x60 and 0xA0..0xA5 (host permission tables), 0x82 and 0x88 (gone with execute requests).

export interface Reason {
  legacy?: number;
  scalable?: number;
  qualified: boolean;
}

const reason = (scalable: number, legacy?: number): Reason => ({ scalable, legacy, qualified: true });
const unqualified = (scalable: number | undefined, legacy?: number): Reason => ({
  scalable,
  legacy,
  qualified: false,
});

export const REASONS = {
  // Root-table address register: the same code in every mode.
  tableMode: unqualified(0x30, 0x30),
  pasidInLegacyMode: unqualified(0x31, 0x31),
  pageRequestInLegacyMode: unqualified(0x32, 0x32),
  abortMode: unqualified(0x33, 0x33),
  executeRequest: unqualified(0x34, 0x34),
  // Root table.
  rootFetch: unqualified(0x38, 0x8),
  rootAbsent: unqualified(0x39, 0x1),
  rootReserved: unqualified(0x3a, 0xa),
  // Context table.
  contextFetch: unqualified(0x40, 0x9),
  contextAbsent: reason(0x41, 0x2),
  contextReserved: reason(0x42, 0xb),
  contextInvalid: reason(0x43, 0x3),
  pasidDisabled: reason(0x45),
  pasidBeyondDirectory: reason(0x46),
  pageRequestDisabled: reason(0x47),
  pasidIsRidPasid: reason(0x48),
  pasidTooWide: reason(0x89),
  // PASID directory and table.
  directoryFetch: unqualified(0x50),
  directoryAbsent: reason(0x51),
  directoryReserved: reason(0x52),
  pasidFetch: unqualified(0x58),
  pasidAbsent: reason(0x59),
  pasidReserved: reason(0x5a),
  pasidInvalid: reason(0x5b),
  executeDisabled: reason(0x5c),
  supervisorDisabled: reason(0x5d),
  // First stage.
  fsFetch: reason(0x70),
  fsAbsent: reason(0x71),
  fsReserved: reason(0x72),
  fsRootFetch: reason(0x73),
  fsAddressTooWide: reason(0x74),
  fsRootDenied: reason(0x75),
  fsTableDenied: reason(0x76),
  fsUpdateDenied: reason(0x77),
  fsUpdateUnsnooped: reason(0x90),
  fsUpdateFailed: reason(0x91),
  // Second stage. In legacy mode an unreadable root counts as an invalid context entry (LCT.4), and there is no
  // code for "no permission at all": it is the missing read or write.
  ssFetch: reason(0x78, 0x7),
  ssAbsent: reason(0x79),
  ssReserved: reason(0x7a, 0xc),
  ssRootFetch: reason(0x7b, 0x3),
  ssUpdateUnsnooped: reason(0x7c),
  ssUpdateFailed: reason(0x7d),
  // General.
  notCanonical: reason(0x80),
  userOnSupervisorPage: reason(0x81),
  beyondHostWidth: reason(0x83, 0x4),
  beyondGuestWidth: reason(0x84, 0x4),
  writeDenied: reason(0x85, 0x5),
  readDenied: reason(0x86, 0x6),
  interruptRange: reason(0x87, 0xe),
} as const satisfies Record<string, Reason>;

export type Cause = keyof typeof REASONS;

export interface Fault {
  cause: Cause;
}

export const fault = (cause: Cause): Fault => ({ cause });

export function isFault(value: unknown): value is Fault {
  return typeof value === "object" && value !== null && "cause" in value;
}

/** The code as FRCD_REG.FR has it; a cause that its mode cannot have is an error of this model. */
export function reasonCode(cause: Cause, legacy: boolean): number {
  const { legacy: inLegacy, scalable }: Reason = REASONS[cause];
  const code = legacy ? inLegacy : scalable;
  if (code === undefined) throw new RangeError(`"${cause}" has no code in this mode`);
  return code;
}
