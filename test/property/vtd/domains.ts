// Who uses which domain-id in a random world (VT-d 6.2.3.1): second stages have ids of their own, first stage alone and
// pass-through have others; one (DID, PASID) has one first stage, whichever device uses it.

import type { Capabilities } from "../../reference/vtd/capabilities.js";
import type { PhysicalImage } from "../physical-image.js";
import type { Random } from "../random.js";
import { FirstStageSpace } from "./first-stage-space.js";
import { GuestMemory, widthsOf } from "./guest-memory.js";

export class Domains {
  readonly guests: GuestMemory[] = [];
  readonly spaces: FirstStageSpace[] = [];
  /** Ids of first stage alone and of pass-through. */
  readonly hostDids: readonly number[];
  readonly #byTag = new Map<string, FirstStageSpace>();
  #nextDid: number;

  constructor(
    readonly random: Random,
    readonly image: PhysicalImage,
    readonly capabilities: Capabilities,
    secondStages: boolean,
  ) {
    this.#nextDid = random.between(1, 0xfe00);
    this.hostDids = Array.from({ length: random.between(1, 2) }, () => this.freshDid());
    if (!secondStages || widthsOf(capabilities).length === 0) return;
    for (let i = random.between(1, 3); i > 0; i--) {
      const dids = random.chance(0.15) ? [this.freshDid(), this.freshDid()] : [this.freshDid()];
      this.guests.push(new GuestMemory(random, image, capabilities, dids));
    }
  }

  /** Neighbours and ids that differ in high bits only. */
  freshDid(): number {
    this.#nextDid += this.random.pick([1, 1, 0x10]);
    return this.#nextDid;
  }

  /** The first stage of (DID, PASID), made when it is the first use; undefined without room. */
  spaceOf(did: number, pasid: number, guest: GuestMemory | undefined): FirstStageSpace | undefined {
    const { random } = this;
    const key = `${did}/${pasid}`;
    const known = this.#byTag.get(key);
    if (known !== undefined) return known;
    const others = this.spaces.filter((space) => space.guest === guest);
    let space = others.length > 0 && random.chance(0.4) ? random.pick(others) : undefined;
    if (space === undefined) {
      space = FirstStageSpace.make(random, this.image, this.capabilities, guest);
      if (space === undefined) return undefined;
      this.spaces.push(space);
    }
    space.tags.push({ did, pasid });
    this.#byTag.set(key, space);
    return space;
  }
}
