// SPDX-License-Identifier: Apache-2.0
import { MirrorError } from './errors.ts';

export interface SlotLimits {
  readonly total: number;
  /** So that a datastore that is slow with all it sends holds up no other. */
  readonly perHost: number;
  readonly maxWaiting: number;
}

interface Waiting {
  readonly host: string;
  readonly start: () => void;
}

/** Lets so many flights be under way at a time, in the order in which they were asked for. */
export function createFlightSlots({ total, perHost, maxWaiting }: SlotLimits) {
  const running = new Map<string, number>();
  const waiting: Waiting[] = [];
  let taken = 0;

  const countOf = (host: string) => running.get(host) ?? 0;
  function startNext(): void {
    while (taken < total) {
      const next = waiting.findIndex(({ host }) => countOf(host) < perHost);
      if (next < 0) return;
      const [each] = waiting.splice(next, 1);
      if (each === undefined) return;
      taken += 1;
      running.set(each.host, countOf(each.host) + 1);
      each.start();
    }
  }

  return {
    /**
     * Waits for a turn.
     *
     * @returns the release
     * @throws MirrorError `BUSY` where too many wait already
     */
    async take(host: string): Promise<() => void> {
      if (waiting.length >= maxWaiting) {
        throw new MirrorError('BUSY', `${waiting.length} blobs wait for their turn already: ask again later`);
      }
      await new Promise<void>((start) => {
        waiting.push({ host, start });
        startNext();
      });
      let isTaken = true;
      return () => {
        if (!isTaken) return;
        isTaken = false;
        taken -= 1;
        const left = countOf(host) - 1;
        if (left > 0) running.set(host, left);
        else running.delete(host);
        startNext();
      };
    },
  };
}
