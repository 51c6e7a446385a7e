// Fault reason codes, and the granularity of invalidation requests.
// Source: Intel VT-d Rev 5.10, section 7.1.3 (table of non-recoverable fault conditions).

// Legacy mode
export const FR_LEGACY_ROOT_NOT_PRESENT = 0x1;
export const FR_LEGACY_CONTEXT_NOT_PRESENT = 0x2;
export const FR_LEGACY_CONTEXT_INVALID = 0x3;
export const FR_LEGACY_TOO_WIDE = 0x4;
export const FR_LEGACY_WRITE = 0x5;
export const FR_LEGACY_READ = 0x6;
export const FR_LEGACY_PAGING_ACCESS = 0x7;
export const FR_LEGACY_ROOT_ACCESS = 0x8;
export const FR_LEGACY_CONTEXT_ACCESS = 0x9;
export const FR_LEGACY_ROOT_RESERVED = 0xa;
export const FR_LEGACY_CONTEXT_RESERVED = 0xb;
export const FR_LEGACY_PAGING_RESERVED = 0xc;
export const FR_LEGACY_BLOCKED = 0xd;
export const FR_LEGACY_INTERRUPT_RANGE = 0xe;

// Translation table mode
export const FR_TTM = 0x30;
export const FR_PASID_IN_LEGACY = 0x31;
export const FR_PAGE_REQUEST_IN_LEGACY = 0x32;
export const FR_ABORT_MODE = 0x33;
export const FR_EXECUTE = 0x34;

// Root and context entry
export const FR_ROOT_ACCESS = 0x38;
export const FR_ROOT_NOT_PRESENT = 0x39;
export const FR_ROOT_RESERVED = 0x3a;
export const FR_CONTEXT_ACCESS = 0x40;
export const FR_CONTEXT_NOT_PRESENT = 0x41;
export const FR_CONTEXT_RESERVED = 0x42;
export const FR_CONTEXT_INVALID = 0x43;
export const FR_CONTEXT_NO_ATS = 0x44;
export const FR_CONTEXT_NO_PASID = 0x45;
export const FR_PASID_TOO_LARGE = 0x46;
export const FR_CONTEXT_NO_PAGE_REQUEST = 0x47;
export const FR_PASID_IS_RID_PASID = 0x48;

// PASID directory and table entry
export const FR_DIRECTORY_ACCESS = 0x50;
export const FR_DIRECTORY_NOT_PRESENT = 0x51;
export const FR_DIRECTORY_RESERVED = 0x52;
export const FR_PASID_ACCESS = 0x58;
export const FR_PASID_NOT_PRESENT = 0x59;
export const FR_PASID_RESERVED = 0x5a;
export const FR_PASID_INVALID = 0x5b;
export const FR_PASID_NO_EXECUTE = 0x5c;
export const FR_PASID_NO_SUPERVISOR = 0x5d;

// First stage
export const FR_FS_ACCESS = 0x70;
export const FR_FS_NOT_PRESENT = 0x71;
export const FR_FS_RESERVED = 0x72;
export const FR_FS_ROOT_ACCESS = 0x73;
export const FR_FS_NESTED_TOO_WIDE = 0x74;
export const FR_FS_NESTED_ROOT_READ = 0x75;
export const FR_FS_NESTED_READ = 0x76;
export const FR_FS_NESTED_UPDATE = 0x77;
export const FR_FS_UPDATE_NOT_SNOOPED = 0x90;
export const FR_FS_UPDATE_FAILED = 0x91;

// Second stage
export const FR_SS_ACCESS = 0x78;
export const FR_SS_NOT_PRESENT = 0x79;
export const FR_SS_RESERVED = 0x7a;
export const FR_SS_ROOT_ACCESS = 0x7b;
export const FR_SS_UPDATE_NOT_SNOOPED = 0x7c;
export const FR_SS_UPDATE_FAILED = 0x7d;

// Either
export const FR_NOT_CANONICAL = 0x80;
export const FR_USER_PRIVILEGE = 0x81;
export const FR_TOO_WIDE = 0x83;
export const FR_SS_TOO_WIDE = 0x84;
export const FR_WRITE = 0x85;
export const FR_READ = 0x86;
export const FR_INTERRUPT_RANGE = 0x87;
export const FR_PASID_BEYOND_PSS = 0x89;
