import { clientNetwork } from '@local-datastore/shared/net/client-address';
import { isReadCredential, isWriteToken, type ReadCredential } from './credential.ts';
import { createFailureLimiter } from './failure-limiter.ts';
import { type AccessRules, isPermitted, type Principal, type Wish } from './policy.ts';

export type Decision =
  | { readonly kind: 'allowed' }
  /** No credential, or a wrong one. */
  | { readonly kind: 'denied'; readonly isMissing: boolean }
  /** Too many wrong ones from there: not even looked at. */
  | { readonly kind: 'slowed'; readonly retryAfterSeconds: number };

/** What a request brings with it. */
export interface Credentials {
  /** What tells clients apart: the remote address. */
  readonly client: string;
  /** The header, where given. */
  readonly authorization: string | undefined;
  /** Who the client is shown to be without it. */
  readonly ticketed?: Principal | undefined;
}

/** Finds out who asks, and decides. */
export interface Guard extends AccessRules {
  decide(wish: Wish, credentials: Credentials): Decision;
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
const ALLOWED: Decision = { kind: 'allowed' };

/**
 * Only credentials that would be enough are looked at.
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
    return ALLOWED;
  }

  const rules: AccessRules = { isReadOpen: readCredential === undefined };
  return {
    ...rules,
    decide(wish, { client, authorization, ticketed }) {
      const mayBe = (principal: Principal) => isPermitted(principal, wish, rules);
      if (mayBe({ kind: 'anybody' }) || (ticketed !== undefined && mayBe(ticketed))) return ALLOWED;
      if (authorization === undefined) return { kind: 'denied', isMissing: true };
      const ownWaitMs = addresses.waitMs(client);
      if (ownWaitMs > 0) return slowed(ownWaitMs);
      if (isWriteToken(authorization, writeToken)) return accept(client);
      if (readCredential !== undefined && mayBe({ kind: 'reader' })) {
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
