// SPDX-License-Identifier: Apache-2.0
import type { Attempts } from './attempts.ts';
import { isReadCredential, isWriteToken, type ReadCredential } from './credential.ts';
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

const ALLOWED: Decision = { kind: 'allowed' };

/**
 * Only credentials that would be enough are looked at.
 *
 * Read passwords, which a person may have chosen, wait for the wrong tries of others as {@link createAttempts} says.
 * The write token is too long to be found by trying: the tries of others never refuse it.
 */
export function createGuard(
  { attempts }: { readonly attempts: Attempts },
  { writeToken, readCredential }: GuardOptions,
): Guard {
  const slowed = (waitMs: number): Decision => ({
    kind: 'slowed',
    retryAfterSeconds: Math.ceil(waitMs / 1000),
  });

  function accept(client: string): Decision {
    attempts.succeed(client);
    return ALLOWED;
  }

  const rules: AccessRules = { isReadOpen: readCredential === undefined };
  return {
    ...rules,
    decide(wish, { client, authorization, ticketed }) {
      const mayBe = (principal: Principal) => isPermitted(principal, wish, rules);
      if (mayBe({ kind: 'anybody' }) || (ticketed !== undefined && mayBe(ticketed))) return ALLOWED;
      if (authorization === undefined) return { kind: 'denied', isMissing: true };
      const ownWaitMs = attempts.ownWaitMs(client);
      if (ownWaitMs > 0) return slowed(ownWaitMs);
      if (isWriteToken(authorization, writeToken)) return accept(client);
      if (readCredential !== undefined && mayBe({ kind: 'reader' })) {
        const waitMs = attempts.crowdWaitMs(client);
        if (waitMs > 0) return slowed(waitMs);
        if (isReadCredential(authorization, readCredential)) return accept(client);
      }
      attempts.fail(client);
      return { kind: 'denied', isMissing: false };
    },
  };
}
