// SPDX-License-Identifier: Apache-2.0
import { clientNetwork } from '@local-datastore/shared/net/client-address';
import { createFailureLimiter } from './failure-limiter.ts';

/** Slows down whoever tries credentials, by address, by network and in all. */
export interface Attempts {
  /** How long this client has to wait before anything of it is looked at; 0: not at all. */
  ownWaitMs(client: string): number;
  /** How long it has to wait for the wrong tries of others too, which concern what a person may have chosen. */
  crowdWaitMs(client: string): number;
  succeed(client: string): void;
  fail(client: string): void;
}

/** A network holds many clients, of whom some mistype. */
const FREE_OF_NETWORK = 50;
const FREE_OF_ALL = 500;
const ALL = 'all';
const MAX_PROVEN = 4096;

/**
 * Who tries wrong ones is slowed down by its address. Who has many addresses is slowed down together with its
 * network, and all together at last: then passwords, which a person may have chosen, are looked at only from where
 * the right one came before.
 */
export function createAttempts({ now }: { readonly now?: () => number } = {}): Attempts {
  const clock = now === undefined ? {} : { now };
  const addresses = createFailureLimiter(clock);
  const networks = createFailureLimiter({ ...clock, freeFailures: FREE_OF_NETWORK });
  const everybody = createFailureLimiter({ ...clock, freeFailures: FREE_OF_ALL });
  /** The addresses that had it right, the latest last. */
  const proven = new Set<string>();

  return {
    ownWaitMs: (client) => addresses.waitMs(client),
    crowdWaitMs: (client) =>
      proven.has(client) ? 0 : Math.max(networks.waitMs(clientNetwork(client)), everybody.waitMs(ALL)),
    succeed(client) {
      addresses.forget(client);
      proven.delete(client);
      proven.add(client);
      const [oldest] = proven;
      if (proven.size > MAX_PROVEN && oldest !== undefined) proven.delete(oldest);
    },
    fail(client) {
      addresses.fail(client);
      networks.fail(clientNetwork(client));
      everybody.fail(ALL);
    },
  };
}
