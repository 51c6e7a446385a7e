// The Linux user API as bytes: structs (each both a codec and the type of what it decodes to), constants and ioctl
// numbers, names verbatim. Nothing here knows what a call does; this folder imports nothing outside itself.

export type { InputOf, Struct, ValueOf } from "./codec.js";

export * from "./ioctls.js";
export * from "./iommu-constants.js";
export * from "./iommu-fault.js";
export * from "./iommu-invalidate.js";
export * from "./iommu-pasid.js";
export * from "./kvm-constants.js";
export type {
  ArrayField,
  BigintField,
  BytesField,
  Field,
  FieldInput,
  Fields,
  FieldValue,
  Layout,
  MemberField,
  MemberInput,
  MemberName,
  MemberValue,
  NumberField,
  PlainValue,
  StructField,
  StructInput,
  StructValue,
  TailField,
  Tuple,
} from "./layout.js";
export { ShortBufferError } from "./short-buffer-error.js";
export * from "./vfio-constants.js";
export * from "./vfio-device.js";
export * from "./vfio-type1.js";
