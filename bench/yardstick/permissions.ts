// Yardstick: access rights as 8-bit masks, bit `access` set = that access is allowed (access: 1 write, 2 execute,
// 4 privileged). Two small tables made once; a walk ands one entry of each.
// Arm DDI 0487 M.a D8.4. Not modelled: WXN, PAN, HAD (set-up refuses a CD that asks for them).

/** Index AP[2:1] | UXN << 2 | PXN << 3 → allowed accesses at stage 1. */
export const STAGE1_RIGHTS = new Uint8Array(16);
/** Index S2AP | XN[1:0] << 2 → allowed accesses at stage 2 (with XNX). */
export const STAGE2_RIGHTS = new Uint8Array(16);

const WRITE = 1;
const EXECUTE = 2;
const PRIVILEGED = 4;

for (let index = 0; index < 16; index++) {
  for (let access = 0; access < 8; access++) {
    const privileged = (access & PRIVILEGED) !== 0;
    // A write is a data access whatever its instruction attribute says.
    const write = (access & WRITE) !== 0;
    const execute = !write && (access & EXECUTE) !== 0;

    const user = (index & 1) !== 0;
    const readOnly = (index & 2) !== 0;
    const uxn = (index & 4) !== 0;
    // Writable from unprivileged level: never executable from the privileged one.
    const pxn = (index & 8) !== 0 || (user && !readOnly);
    let one = privileged || user;
    if (write) one = one && !readOnly;
    if (execute) one = privileged ? !pxn : !uxn;
    if (one) STAGE1_RIGHTS[index]! |= 1 << access;

    const xn = index >> 2;
    let two = (index & (write ? 2 : 1)) !== 0;
    if (execute) two = two && (xn === 0 || (privileged ? xn === 3 : xn === 1));
    if (two) STAGE2_RIGHTS[index]! |= 1 << access;
  }
}
