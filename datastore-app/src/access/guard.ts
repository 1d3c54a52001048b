import { clientNetwork } from '@local-datastore/shared/net/client-address';
import { isReadCredential, isWriteToken, type ReadCredential } from './credential.ts';
import { createFailureLimiter } from './failure-limiter.ts';

export type Access = 'read' | 'write';

export type Decision =
  | { readonly kind: 'allowed' }
  /** No credential, or a wrong one. */
  | { readonly kind: 'denied'; readonly isMissing: boolean }
  /** Too many wrong ones from there: not even looked at. */
  | { readonly kind: 'slowed'; readonly retryAfterSeconds: number };

/** Decides who may do what. */
export interface Guard {
  /** Whether reading is open to all. */
  readonly isReadOpen: boolean;
  /** @param client what tells clients apart: the remote address @param authorization the header, where given */
  decide(access: Access, client: string, authorization: string | undefined): Decision;
}

export interface GuardOptions {
  readonly writeToken: string;
  /** undefined: reading is open. */
  readonly readCredential: ReadCredential | undefined;
}

/** A network holds many clients, of whom some mistype. */
const FREE_OF_NETWORK = 50;
const FREE_OF_ALL = 500;
const ALL = 'all';
const MAX_PROVEN = 4096;

/**
 * Writing always needs the write token, which reads as well; reading needs a credential where one is set.
 *
 * Who tries wrong ones is slowed down by its address. Who has many addresses is slowed down together with its
 * network, and all together at last: then read passwords, which a person may have chosen, are looked at only from
 * where the right one came before. The write token is too long to be found by trying: the tries of others never
 * refuse it.
 */
export function createGuard(
  { now }: { readonly now?: () => number },
  { writeToken, readCredential }: GuardOptions,
): Guard {
  const clock = now === undefined ? {} : { now };
  const addresses = createFailureLimiter(clock);
  const networks = createFailureLimiter({ ...clock, freeFailures: FREE_OF_NETWORK });
  const everybody = createFailureLimiter({ ...clock, freeFailures: FREE_OF_ALL });
  /** The addresses that had it right, the latest last. */
  const proven = new Set<string>();

  /** How long tries of all those who have never had it right have to wait. */
  const crowdWaitMs = (client: string) =>
    proven.has(client) ? 0 : Math.max(networks.waitMs(clientNetwork(client)), everybody.waitMs(ALL));
  const slowed = (waitMs: number): Decision => ({
    kind: 'slowed',
    retryAfterSeconds: Math.ceil(waitMs / 1000),
  });

  function accept(client: string): Decision {
    addresses.forget(client);
    proven.delete(client);
    proven.add(client);
    const [oldest] = proven;
    if (proven.size > MAX_PROVEN && oldest !== undefined) proven.delete(oldest);
    return { kind: 'allowed' };
  }

  return {
    isReadOpen: readCredential === undefined,
    decide(access, client, authorization) {
      if (access === 'read' && readCredential === undefined) return { kind: 'allowed' };
      if (authorization === undefined) return { kind: 'denied', isMissing: true };
      const ownWaitMs = addresses.waitMs(client);
      if (ownWaitMs > 0) return slowed(ownWaitMs);
      if (isWriteToken(authorization, writeToken)) return accept(client);
      if (access === 'read' && readCredential !== undefined) {
        const waitMs = crowdWaitMs(client);
        if (waitMs > 0) return slowed(waitMs);
        if (isReadCredential(authorization, readCredential)) return accept(client);
      }
      addresses.fail(client);
      networks.fail(clientNetwork(client));
      everybody.fail(ALL);
      return { kind: 'denied', isMissing: false };
    },
  };
}
