// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import type { NewChange } from './change.ts';
import type { ChangeWay } from './change-words.ts';

/** A change that was to be made, and was not let. */
export interface Refusal {
  /** Who asked, where that is known. */
  readonly by: string | undefined;
  readonly client: string;
  readonly via: ChangeWay;
  /** What was asked for: a URL path. */
  readonly image: string;
  /** The HTTP status. */
  readonly status: number;
}

export interface Refusals {
  note(refusal: Refusal): void;
  /** Tells what was counted, and begins anew. */
  tell(): void;
}

/** So long what is equal is counted together. */
const WINDOW_MS = 3_600_000;
/** Kinds of refusals that are told apart within it; of all others their number is told. */
const MAX_KINDS = 32;

/** Who it is for that nobody knows. */
const UNKNOWN = 'unknown';

interface Counted {
  readonly first: NewChange;
  /** Behind the first, which was told. */
  more: number;
}

/**
 * Tells the first of equal refusals at once and the number of the others within the hour: whoever tries wrong tokens all
 * day brings as many lines as somebody who tries twice an hour.
 */
export function createRefusals({
  clock,
  tell: tellOf,
}: {
  readonly clock: Clock;
  readonly tell: (change: NewChange) => void;
}): Refusals {
  let kinds = new Map<string, Counted>();
  let others = 0;
  let cancel: (() => void) | undefined;

  function tell(): void {
    cancel?.();
    cancel = undefined;
    for (const { first, more } of kinds.values()) if (more > 0) tellOf({ ...first, count: more });
    if (others > 0) {
      const many = { by: UNKNOWN, client: UNKNOWN, via: 'datastore' } as const;
      tellOf({ action: 'refused', ...many, count: others });
    }
    kinds = new Map();
    others = 0;
  }

  return {
    note({ by = UNKNOWN, client, via, image, status }) {
      cancel ??= clock.after(WINDOW_MS, tell);
      const key = JSON.stringify([by, client, via, status]);
      const known = kinds.get(key);
      if (known !== undefined) known.more += 1;
      else if (kinds.size >= MAX_KINDS) others += 1;
      else {
        const first: NewChange = { action: 'refused', image, by, client, via, status };
        kinds.set(key, { first, more: 0 });
        tellOf(first);
      }
    },
    tell,
  };
}
