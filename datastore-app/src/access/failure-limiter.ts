// SPDX-License-Identifier: Apache-2.0
/** Slows down whoever tries credentials. */
export interface FailureLimiter {
  /** How long this client has to wait before it may try again; 0: not at all. */
  waitMs(client: string): number;
  fail(client: string): void;
  forget(client: string): void;
}

/** A person mistypes a few times; a program that guesses gets one try a minute in the end. */
const FREE_FAILURES = 5;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;
/** After so long without a failure a client starts anew. */
const FORGET_MS = 600_000;
/** Memory for so many clients; beyond it the one that failed longest ago is forgotten. */
const MAX_CLIENTS = 4096;

/**
 * Slows down one kind of client: addresses, networks, or all in one.
 *
 * @param options.now a clock that is never set: one that is set back would lock a client out until it catches up
 */
export function createFailureLimiter({
  now = () => performance.now(),
  freeFailures = FREE_FAILURES,
}: {
  now?: () => number;
  /** So many cost nothing. */
  freeFailures?: number;
} = {}): FailureLimiter {
  /** In the order of the last failure. */
  const clients = new Map<string, { failures: number; lastMs: number }>();

  return {
    waitMs(client) {
      const known = clients.get(client);
      if (known === undefined || known.failures < freeFailures) return 0;
      const waitMs = Math.min(FIRST_WAIT_MS * 2 ** (known.failures - freeFailures), LONGEST_WAIT_MS);
      return Math.max(0, known.lastMs + waitMs - now());
    },
    fail(client) {
      const known = clients.get(client);
      const isStale = known === undefined || now() - known.lastMs >= FORGET_MS;
      clients.delete(client);
      clients.set(client, { failures: isStale ? 1 : known.failures + 1, lastMs: now() });
      const oldest = clients.keys().next().value;
      if (clients.size > MAX_CLIENTS && oldest !== undefined) clients.delete(oldest);
    },
    forget(client) {
      clients.delete(client);
    },
  };
}
