// Until the public list has them.
export * as vtdContextEntry from "../spec/vtd/context-entry.js";
export * as vtdPasidEntry from "../spec/vtd/pasid-entry.js";
export * as vtdRootEntry from "../spec/vtd/root-entry.js";
