import { createRing } from './ring.ts';

/** A question by multicast DNS that somebody asked. */
export interface SeenQuery {
  /** ISO 8601. */
  readonly at: string;
  /** Who asked: an address. */
  readonly source: string;
  readonly interface: string;
  /** The name that was asked for, such as `_http._tcp.local`. */
  readonly question: string;
}

/** Knows the last questions, so that a person sees whether a device ever asked. */
export interface QueryLog {
  note(query: Omit<SeenQuery, 'at'>): void;
  /** Newest first. */
  list(): SeenQuery[];
}

const MAX_QUERIES = 50;

export function createQueryLog({ now = Date.now }: { now?: () => number } = {}): QueryLog {
  const ring = createRing<SeenQuery>(MAX_QUERIES);
  return {
    note: (query) => ring.add({ at: new Date(now()).toISOString(), ...query }),
    list: () => ring.list(),
  };
}
