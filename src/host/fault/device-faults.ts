// What one device reports and how it is answered: faults and page requests go into its DMA-fault ring with a signal for
// each entry, page requests wait until iommu_page_response answers them. Every page request that was taken is answered
// exactly once: by the user, or "invalid" when the device goes away (the kernels of the day left it pending for good).
// Source: linux/iommu.h; Linux 5.10 iommu_report_device_fault, iommu_page_response. No time-out, as there.

import type { Endpoint, FaultReport, IommuDriver } from "../../contract/driver.js";
import type { PageRequest, PageResponse } from "../../contract/machine.js";
import { Refusal } from "../../contract/refusal.js";
import { EFAULT, EINVAL } from "../../uapi/errno.js";
import {
  IOMMU_FAULT_REASON_BAD_PASID_ENTRY,
  IOMMU_FAULT_REASON_PASID_FETCH,
  IOMMU_FAULT_REASON_PASID_INVALID,
  IOMMU_PAGE_RESP_PASID_VALID,
  IOMMU_PAGE_RESP_VERSION_1,
  iommu_page_response,
} from "../../uapi/index.js";
import type { Gpasids } from "../bind/gpasids.js";
import type { Profile } from "../profile.js";
import { enforce, hex, type Rule } from "../rules.js";
import { pageRequestEntry, unrecoverableEntry, writeEntry } from "./fault-entry.js";
import { FaultRing } from "./fault-ring.js";
import { type PendingRequest, PendingRequests } from "./pending-requests.js";
import { RESPONSE_CODES } from "./response-codes.js";

/** How often what happened to a device's faults. */
export interface FaultCounters {
  /** Unrecoverable faults written to the ring. */
  faultsDelivered: number;
  /** Unrecoverable faults that met a full ring. */
  faultsDropped: number;
  /** Faults that are the host's own matter. */
  faultsHostOnly: number;
  /** Page requests written to the ring. */
  pageRequestsDelivered: number;
  /** Page requests that met a full ring, or a profile that takes none. */
  pageRequestsDropped: number;
  /** Page request groups answered by the user. */
  pageRequestsAnswered: number;
  /** Page request groups answered "invalid" since the device went away. */
  pageRequestsCancelled: number;
}

/** What DeviceFaults works on. */
export interface DeviceFaultsOptions {
  readonly profile: Profile;
  readonly driver: IommuDriver;
  readonly endpoint: Endpoint;
  readonly gpasids: Gpasids;
  /** Raises the DMA-fault irq; called once for each entry, after head has moved. */
  readonly signal: () => void;
}

/** Reasons that blame the PASID table. */
const TABLE_REASONS: ReadonlySet<number> = new Set([
  IOMMU_FAULT_REASON_PASID_FETCH,
  IOMMU_FAULT_REASON_BAD_PASID_ENTRY,
  IOMMU_FAULT_REASON_PASID_INVALID,
]);

const RESPONSE_RULES: readonly Rule<iommu_page_response>[] = [
  [
    EINVAL,
    (r) => r.version !== IOMMU_PAGE_RESP_VERSION_1,
    (r) => `version expected ${IOMMU_PAGE_RESP_VERSION_1}, got ${r.version}`,
  ],
  [
    EINVAL,
    (r) => (r.flags & ~IOMMU_PAGE_RESP_PASID_VALID) !== 0,
    (r) => `flags expected PASID_VALID only, got ${hex(r.flags)}`,
  ],
  [EINVAL, (r) => !RESPONSE_CODES.has(r.code), (r) => `code expected 0..2, got ${r.code}`],
];

/** The DMA-fault region of one device and its page requests. */
export class DeviceFaults {
  readonly #options: DeviceFaultsOptions;
  readonly #ring: FaultRing;
  readonly #pending = new PendingRequests();
  readonly #counters: FaultCounters = {
    faultsDelivered: 0,
    faultsDropped: 0,
    faultsHostOnly: 0,
    pageRequestsDelivered: 0,
    pageRequestsDropped: 0,
    pageRequestsAnswered: 0,
    pageRequestsCancelled: 0,
  };

  constructor(options: DeviceFaultsOptions) {
    this.#options = options;
    this.#ring = new FaultRing(options.profile);
  }

  /** Counts since the region came into being. */
  get counters(): Readonly<FaultCounters> {
    return this.#counters;
  }

  /** A DMA of the device failed. @throws what the signal throws, everything done */
  deliver(report: FaultReport): void {
    if (report.reason === undefined) {
      this.#counters.faultsHostOnly++;
    } else if (this.#ring.isFull) {
      this.#counters.faultsDropped++;
    } else {
      const { fetchAddressShifted } = this.#options.profile;
      const view = { pasid: this.#pasidOf(report, report.reason), fetchAddressShifted };
      this.#ring.push(writeEntry(unrecoverableEntry(report, report.reason, view)));
      this.#counters.faultsDelivered++;
      this.#options.signal();
    }
  }

  /**
   * A page request of the device came.
   *
   * @returns whether it was taken; if so and it is the last of its group, it will be answered
   * @throws what the signal throws; the request is taken by then
   */
  pageRequest(request: PageRequest): boolean {
    const isRefused = this.#options.profile.pageRequestsRefused || this.#ring.isFull;
    if (isRefused || (request.last && this.#pending.isFull)) {
      this.#counters.pageRequestsDropped++;
      return false;
    }
    const { group, pasid } = request;
    const shownPasid = this.#shown(pasid);
    this.#ring.push(writeEntry(pageRequestEntry(request, shownPasid)));
    if (request.last) this.#pending.add({ group, shownPasid, pasid });
    this.#counters.pageRequestsDelivered++;
    this.#options.signal();
    return true;
  }

  /**
   * Answers a page request group.
   *
   * @param bytes struct iommu_page_response, 20 bytes
   * @throws Refusal; then what was pending stays pending
   */
  respond(bytes: Uint8Array): void {
    if (bytes.length < iommu_page_response.size) {
      throw new Refusal(EFAULT, `expected ${iommu_page_response.size} bytes, got ${bytes.length}`);
    }
    const response = iommu_page_response.decode(bytes);
    enforce(RESPONSE_RULES, response);
    const isPasidGiven = (response.flags & IOMMU_PAGE_RESP_PASID_VALID) !== 0;
    const pasid = isPasidGiven ? response.pasid : undefined;
    const request = this.#pending.take(response.grpid, pasid);
    if (request === undefined) {
      throw new Refusal(
        EINVAL,
        `no page request is pending with grpid ${response.grpid}, pasid ${pasid ?? "none"}`,
      );
    }
    this.#counters.pageRequestsAnswered++;
    this.#answer(request, RESPONSE_CODES.get(response.code)!);
  }

  /**
   * Answers what is pending with "invalid": the device is closed or leaves its container.
   *
   * @throws the first thing that an endpoint throws when it is answered, all of them answered
   */
  cancelPending(): void {
    const thrown: unknown[] = [];
    for (const request of this.#pending.takeAll()) {
      this.#counters.pageRequestsCancelled++;
      try {
        this.#answer(request, "invalid");
      } catch (error) {
        thrown.push(error);
      }
    }
    if (thrown.length > 0) throw thrown[0];
  }

  /** pread of the region. @returns bytes read @throws Refusal EINVAL */
  read(offset: number, into: Uint8Array): number {
    return this.#ring.read(offset, into);
  }

  /** pwrite of the region: the tail. @returns bytes written @throws Refusal EINVAL */
  write(offset: number, bytes: Uint8Array): number {
    return this.#ring.write(offset, bytes);
  }

  /** mmap of the region from its second page on. @returns live bytes @throws RangeError where mmap fails */
  mmap(offset: number, length: number): Uint8Array {
    return this.#ring.mmap(offset, length);
  }

  /** Plain JSON of ring, page requests and counters. */
  inspect(): unknown {
    const { head, tail } = this.#ring;
    return { head, tail, pending: this.#pending.inspect(), counters: { ...this.#counters } };
  }

  /** The PASID that a fault is shown with. */
  #pasidOf({ pasid }: FaultReport, reason: number): number | undefined {
    const { profile, driver } = this.#options;
    const isTableOnly = profile.faultPasidByReason && driver.supports.pasidTable;
    return isTableOnly && !TABLE_REASONS.has(reason) ? undefined : this.#shown(pasid);
  }

  /** A PASID as the guest knows it. */
  #shown(pasid: number | undefined): number | undefined {
    return pasid === undefined ? undefined : (this.#options.gpasids.guestOf(pasid) ?? pasid);
  }

  #answer({ group, pasid }: PendingRequest, code: PageResponse["code"]): void {
    const { driver, endpoint } = this.#options;
    const response: PageResponse = { stream: endpoint.stream, group, code };
    driver.respond(pasid === undefined ? response : { ...response, pasid });
  }
}
