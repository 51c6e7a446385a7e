// The answer to a page request as the user gives it and as the endpoint gets it. What goes over the wire is the vendor's:
// PCIe and VT-d 0, 1, 0xF; SMMUv3's CMD_PRI_RESP 2, 1, 0.

import type { PageResponse } from "../../contract/machine.js";
import {
  IOMMU_PAGE_RESP_FAILURE,
  IOMMU_PAGE_RESP_INVALID,
  IOMMU_PAGE_RESP_SUCCESS,
} from "../../uapi/index.js";

/** iommu_page_response.code → response code of the endpoint; no other code exists. */
export const RESPONSE_CODES: ReadonlyMap<number, PageResponse["code"]> = new Map([
  [IOMMU_PAGE_RESP_SUCCESS, "success"],
  [IOMMU_PAGE_RESP_INVALID, "invalid"],
  [IOMMU_PAGE_RESP_FAILURE, "failure"],
]);
