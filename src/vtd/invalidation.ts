// What invalidations drop from the core's caches, however they were asked for: by descriptor, by register, by a page
// request. Source: Intel VT-d Rev 5.10, sections 6.5.1, 6.5.2.1 to 6.5.2.4 (Tables 21, 23 and 24).
// The core's contexts are context-cache and PASID-cache in one, so both kinds of invalidation drop whole contexts: more than
// asked for, which is allowed.

/** Addresses of an invalidation, in page numbers of 4 KiB. */
interface Range {
  first: number;
  last: number;
  /** Table pointers stay. */
  leafOnly: boolean;
  /** Of any size. */
  readonly leafLg2: 0;
}

/** What invalidations need of the translation core; -1 = any. */
export interface InvalidationTarget {
  /** Drops cached translations and table pointers; see the STAGES below. */
  tlbi(stages: number, did: number, pasid: number): void;
  /** The same by address. */
  tlbiRange(stages: number, did: number, pasid: number, range: Range): void;
  readonly exports: {
    /** Drops the contexts of source-ids. */
    forgetStreams(first: number, last: number): void;
    /** Drops the contexts of a domain, those without PASID with every PASID. */
    forgetDomain(did: number, pasid: number): void;
  };
}

/** In place of a domain-id or PASID: any. */
export const ANY = -1;
/** First-stage and nested entries, tagged with domain-id and PASID. */
const FIRST_STAGE = 1;
/** Second-stage entries and table pointers, tagged with the domain-id. */
const SECOND_STAGE = 2;
/** Second-stage entries of contexts that have no other stage. */
const SECOND_STAGE_ALONE = 4;
const EVERYTHING = FIRST_STAGE | SECOND_STAGE;
const LAST_SOURCE_ID = 0xffff;
const PAGES = 2 ** 52;

// Function mask → bits of the source-id that don't matter (Table 21).
const FUNCTION_BITS = [0b000, 0b100, 0b110, 0b111] as const;

/** Invalidations by what they are to drop. */
export class Invalidations {
  readonly #target: InvalidationTarget;
  readonly #guestPages: number;
  /** Used again and again: nothing is allocated. */
  readonly #range: Range = { first: 0, last: 0, leafOnly: false, leafLg2: 0 };

  /**
   * Binds the invalidations to the caches.
   *
   * @param target whose caches they drop
   * @param guestBits bits of a second-stage input address; those above are ignored
   */
  constructor(target: InvalidationTarget, guestBits: number) {
    this.#target = target;
    this.#guestPages = 2 ** (guestBits - 12);
  }

  /** All contexts: context-cache and PASID-cache. */
  allContexts(): void {
    this.#target.exports.forgetStreams(0, LAST_SOURCE_ID);
  }

  /** The contexts of a domain, with one PASID or, for -1, with any. */
  domainContexts(did: number, pasid: number): void {
    this.#target.exports.forgetDomain(did, pasid);
  }

  /**
   * The contexts of source-ids.
   *
   * @param functionMask 0 one, 1 two, 2 four, 3 eight source-ids around `sid`
   */
  deviceContexts(sid: number, functionMask: number): void {
    const free: number = FUNCTION_BITS[functionMask]!;
    for (let bits = free; ; bits = (bits - 1) & free) {
      const one = (sid & ~free) | bits;
      this.#target.exports.forgetStreams(one, one);
      if (bits === 0) return;
    }
  }

  /** All translations and table pointers. */
  allTranslations(): void {
    this.#target.tlbi(EVERYTHING, ANY, ANY);
  }

  /** Those of a domain. */
  domain(did: number): void {
    this.#target.tlbi(EVERYTHING, did, ANY);
  }

  /**
   * Second-stage pages of a domain, and with them all its first-stage and nested translations: nothing tells which of
   * those came through the pages (Table 23).
   *
   * @param page number of a page of 4 KiB
   * @param mask the block has 2^mask pages
   * @param hint IH: second-stage table pointers stay
   */
  domainPages(did: number, page: number, mask: number, hint: boolean): void {
    this.#target.tlbi(FIRST_STAGE, did, ANY);
    const guestPage = page < this.#guestPages ? page : page % this.#guestPages;
    this.#target.tlbiRange(SECOND_STAGE, did, ANY, this.#block(guestPage, mask, hint));
  }

  /** All of one PASID of a domain; entries of the second stage alone have no PASID, so all of the domain go (Table 24). */
  pasid(did: number, pasid: number): void {
    this.#target.tlbi(FIRST_STAGE, did, pasid);
    this.#target.tlbi(SECOND_STAGE_ALONE, did, ANY);
  }

  /** First-stage and nested pages of one PASID of a domain; the second stage stays (Table 24). */
  pasidPages(did: number, pasid: number, page: number, mask: number, hint: boolean): void {
    this.#target.tlbiRange(FIRST_STAGE, did, pasid, this.#block(page, mask, hint));
  }

  /** The block of 2^mask pages around `page`. */
  #block(page: number, mask: number, leafOnly: boolean): Range {
    const range = this.#range;
    const pages = mask === 0 ? 1 : Math.min(2 ** mask, PAGES);
    range.first = mask === 0 ? page : Math.floor(page / pages) * pages;
    range.last = range.first + pages - 1;
    range.leafOnly = leafOnly;
    return range;
  }

  /** Everything that is cached. */
  everything(): void {
    this.allContexts();
    this.allTranslations();
  }
}
