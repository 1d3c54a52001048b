// SPDX-License-Identifier: Apache-2.0
import type { OriginState } from './actual.ts';

export interface OccupancyLimits {
  readonly maxDownloads: number;
  readonly maxDownloadsPerDatastore: number;
  /** What needs no more than this counts as small; one slot is never given to anything larger. */
  readonly smallBytes: number;
  /** Never filled by downloads. */
  readonly marginBytes: number;
}

interface Place {
  readonly origin: string;
  readonly remainingBytes: number;
}

/** The slots and the space that downloads take. */
export class Occupancy {
  readonly #limits: OccupancyLimits;
  readonly #perOrigin = new Map<string, { all: number; large: number }>();
  /** By the digests of what is downloaded. */
  readonly #places = new Map<string, Place>();
  #large = 0;
  #freeBytes: number;

  constructor(limits: OccupancyLimits, freeBytes: number) {
    this.#limits = limits;
    this.#freeBytes = freeBytes - limits.marginBytes;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  #of(origin: string) {
    const known = this.#perOrigin.get(origin) ?? { all: 0, large: 0 };
    this.#perOrigin.set(origin, known);
    return known;
  }

  #count({ origin, remainingBytes }: Place, step: 1 | -1): void {
    const counts = this.#of(origin);
    counts.all += step;
    if (remainingBytes > this.#limits.smallBytes) {
      this.#large += step;
      counts.large += step;
    }
    this.#freeBytes -= step * remainingBytes;
  }

  add(sha256: string, origin: string, remainingBytes: number): void {
    const place = { origin, remainingBytes };
    this.#places.set(sha256, place);
    this.#count(place, 1);
  }

  hasSlot({ origin, status }: OriginState, remainingBytes: number): boolean {
    const { maxDownloads, maxDownloadsPerDatastore, smallBytes } = this.#limits;
    const counts = this.#of(origin);
    // One download tries whether a datastore answers at all; the others follow.
    const maxHere = status === 'reachable' ? maxDownloadsPerDatastore : 1;
    if (this.#places.size >= maxDownloads || counts.all >= maxHere) return false;
    if (remainingBytes <= smallBytes) return true;
    return (
      this.#large < Math.max(maxDownloads - 1, 1) && counts.large < Math.max(maxDownloadsPerDatastore - 1, 1)
    );
  }

  /** Takes a download out where that gives another one its slot. @returns whether it does */
  yieldSlot(sha256: string, origin: OriginState, remainingBytes: number): boolean {
    const place = this.#places.get(sha256);
    if (place === undefined) return false;
    this.#places.delete(sha256);
    this.#count(place, -1);
    if (this.hasSlot(origin, remainingBytes) && remainingBytes <= this.#freeBytes) return true;
    this.#places.set(sha256, place);
    this.#count(place, 1);
    return false;
  }
}
