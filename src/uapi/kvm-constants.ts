// The one constant of asm-x86/kvm.h that the seed's header update adds. It concerns KVM's own nested guests, not the
// IOMMU: no call of this package takes it.

// kvm_nested_state.flags
/** A monitor trap flag exit is pending for the nested guest. */
export const KVM_STATE_NESTED_MTF_PENDING = 8;
