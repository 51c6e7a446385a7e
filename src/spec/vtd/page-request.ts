// Page request descriptor, 32 bytes, written by hardware into the page request queue.
// Source: Intel VT-d Rev 5.10, section 7.4.1.1. Bits not named are 0.
//
//  bit 127      76 75   67 66  65  64 63  54 53  52 51    32 31   16 15  9 8  7    0
//  +--------------+-------+----+---+---+------+---+---+--------+-------+-----+--+------+
//  | ADDR         | PRGI  |LPIG|WRR|RDR|      |PMR|EXR| PASID  | RID   |     |PP| TYPE |
//  +--------------+-------+----+---+---+------+---+---+--------+-------+-----+--+------+

export const PRD_BITS = 256;
export const PRD_TYPE_MSB = 7, PRD_TYPE_LSB = 0;
export const PRD_PP_MSB = 8, PRD_PP_LSB = 8;
export const PRD_RID_MSB = 31, PRD_RID_LSB = 16;
export const PRD_PASID_MSB = 51, PRD_PASID_LSB = 32;
export const PRD_EXR_MSB = 52, PRD_EXR_LSB = 52;
export const PRD_PMR_MSB = 53, PRD_PMR_LSB = 53;
export const PRD_RDR_MSB = 64, PRD_RDR_LSB = 64;
export const PRD_WRR_MSB = 65, PRD_WRR_LSB = 65;
export const PRD_LPIG_MSB = 66, PRD_LPIG_LSB = 66;
export const PRD_PRGI_MSB = 75, PRD_PRGI_LSB = 67;
export const PRD_ADDR_MSB = 127, PRD_ADDR_LSB = 76;

// PRD.TYPE
export const PRD_PAGE_REQUEST = 0x01;
