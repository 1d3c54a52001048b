// SPDX-License-Identifier: Apache-2.0
/** A question by multicast DNS that somebody asked, once or again and again. */
export interface SeenQuery {
  /** When it was asked for the first time that is remembered; ISO 8601. */
  readonly firstAt: string;
  /** When it was asked last; ISO 8601. */
  readonly at: string;
  /** How often it was asked. */
  readonly count: number;
  /** Who asked: an address. */
  readonly source: string;
  readonly interface: string;
  /** The name that was asked for, such as `_http._tcp.local`. */
  readonly question: string;
}

/** Knows who asked what lately, and how often, so that a person sees whether a device ever asked. */
export interface QueryLog {
  note(query: Pick<SeenQuery, 'source' | 'interface' | 'question'>): void;
  /** Who asked last comes first. */
  list(): SeenQuery[];
}

/** What was asked longest ago is forgotten for one more. */
const MAX_QUERIES = 100;

export function createQueryLog({ now = Date.now }: { now?: () => number } = {}): QueryLog {
  /** In the order in which they were asked last. */
  const seen = new Map<string, SeenQuery>();
  return {
    note({ source, interface: interfaceName, question }) {
      const key = JSON.stringify([source, interfaceName, question]);
      const at = new Date(now()).toISOString();
      const before = seen.get(key);
      seen.delete(key);
      const count = (before?.count ?? 0) + 1;
      const firstAt = before?.firstAt ?? at;
      seen.set(key, { firstAt, at, count, source, interface: interfaceName, question });
      const [oldest] = seen.keys();
      if (seen.size > MAX_QUERIES && oldest !== undefined) seen.delete(oldest);
    },
    list: () => [...seen.values()].reverse(),
  };
}
