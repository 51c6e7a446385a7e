// The only file that lists vendors. A vendor gives: whether translation is on at all, how a request is
// answered when it is off, how a (stream, PASID) becomes a context, how a context answers what the IOTLB
// could not, and how a fault ends.

export { configure } from "./smmuv3/configure";
export { isEnabled } from "./smmuv3/features";
export { dropStes } from "./smmuv3/ste";
export { effectiveAccess, endWithFault, translateDisabled, withoutTables } from "./smmuv3/translate";
