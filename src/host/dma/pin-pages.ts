// How the address space of a user process becomes physical pages: get_user_pages of the kernel, given by the embedder.

/**
 * Pins pages of a process, 4 KiB each.
 *
 * @param vaddr address in the process of the first page, a multiple of 4096
 * @param count pages wanted, at least 1
 * @param into takes the physical address of each page, a multiple of 4096; its length is at least `count`
 * @returns how many pages were pinned, 0..count; fewer than `count` end the MAP_DMA with -EFAULT. Physical addresses
 *   that no device may see (the host's own structures, beyond the machine's output size) do so too
 */
export type PinPages = (vaddr: bigint, count: number, into: Float64Array) => number;
