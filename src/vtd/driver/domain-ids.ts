// The domain-ids of one domain. One is enough until two endpoints bind the same PASID to different first stages: caches
// know translations by domain-id and PASID, so the two need domain-ids of their own over the same second stage.
// Source: Intel VT-d Rev 5.10, section 6.2.3.1 (what entries with equal tags must have in common).

import { Refusal } from "../../contract/refusal.js";
import type { TagPool } from "../../driver/tag-pool.js";
import { ENOSPC } from "../../uapi/errno.js";

interface FirstStage {
  /** Says all that must be equal. */
  readonly key: string;
  /** Endpoints that have it bound. */
  users: number;
}

/** A domain-id with the first stages under it, by PASID. */
interface Tag {
  readonly did: number;
  readonly firstStages: Map<number, FirstStage>;
}

/** A PASID under a domain-id. */
export interface TaggedPasid {
  readonly did: number;
  readonly pasid: number;
}

/** The domain-ids of one domain. */
export class DomainIds {
  /** The one that DMA without PASID has. */
  readonly first: number;
  readonly #pool: TagPool;
  readonly #tags: Tag[] = [];

  /** @throws Refusal ENOSPC when no domain-id is left */
  constructor(pool: TagPool) {
    this.#pool = pool;
    this.first = this.#add().did;
  }

  /** All of them. */
  get all(): number[] {
    return this.#tags.map(({ did }) => did);
  }

  /** Every PASID that is bound, or one, with each domain-id that it is bound under. */
  bound(pasid?: number): TaggedPasid[] {
    return this.#tags.flatMap(({ did, firstStages }) => {
      const pasids = pasid === undefined ? [...firstStages.keys()] : [pasid];
      return pasids.filter((each) => firstStages.has(each)).map((each) => ({ did, pasid: each }));
    });
  }

  /**
   * The domain-id for a first stage that is about to be bound.
   *
   * @param pasid PASID that it is bound to
   * @param key says all that must be equal of first stages with this PASID
   * @throws Refusal ENOSPC when another one is needed and none is left
   */
  bind(pasid: number, key: string): number {
    const fits = ({ firstStages }: Tag): boolean => (firstStages.get(pasid)?.key ?? key) === key;
    const { did, firstStages } = this.#tags.find(fits) ?? this.#add();
    firstStages.set(pasid, { key, users: (firstStages.get(pasid)?.users ?? 0) + 1 });
    return did;
  }

  /** Undoes one `bind`. The domain-id stays with the domain: its second stage is cached under it. */
  unbind({ did, pasid }: TaggedPasid): void {
    const firstStages = this.#tags.find((tag) => tag.did === did)!.firstStages;
    const firstStage = firstStages.get(pasid)!;
    if (--firstStage.users === 0) firstStages.delete(pasid);
  }

  /** Gives all back; nothing may be cached under them. */
  release(): void {
    for (const { did } of this.#tags.splice(0)) this.#pool.give(did);
  }

  #add(): Tag {
    const did = this.#pool.take();
    if (did === undefined) throw new Refusal(ENOSPC, "all domain-ids are in use");
    const tag = { did, firstStages: new Map<number, FirstStage>() };
    this.#tags.push(tag);
    return tag;
  }
}
