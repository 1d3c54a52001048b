// SPDX-License-Identifier: Apache-2.0
import { createInTurn, type InTurn } from '../content/in-turn.ts';
import type { Attempts } from './attempts.ts';
import { isSameSecret, type ReadCredential } from './credential.ts';
import { credentialOfReader, type Known, type PrincipalBook } from './principal-book.ts';
import { ADMIN } from './registry-principal.ts';
import { BusyError, isKeptSecret, NOBODYS_SECRET } from './secret-hash.ts';

/** A name and a secret, and who sent them. */
export interface Login {
  /** The remote address. */
  readonly client: string;
  readonly user: string;
  readonly password: string;
}

export type Authentication =
  | { readonly kind: 'known'; readonly known: Known }
  | { readonly kind: 'wrong' }
  /** Not looked at. */
  | { readonly kind: 'slowed'; readonly retryAfterSeconds: number };

/** Finds out who somebody is. */
export type Authenticate = (login: Login) => Promise<Authentication>;

export interface AuthenticatorDeps {
  readonly attempts: Attempts;
  /** Who is known now. */
  readonly book: () => Promise<PrincipalBook>;
}

export interface AuthenticatorOptions {
  readonly writeToken: string;
  readonly readCredential: ReadCredential | undefined;
}

/** Nobody's secret is longer, and to hash any length costs. */
const MAX_PASSWORD_BYTES = 1024;
const BUSY_MS = 1000;

/**
 * The write token is an administrator's, whatever the name beside it. Wrong tries are counted and slowed down
 * together with those of the rest of the datastore.
 */
export function createAuthenticator(
  { attempts, book }: AuthenticatorDeps,
  { writeToken, readCredential }: AuthenticatorOptions,
): Authenticate {
  const slowed = (waitMs: number): Authentication => ({
    kind: 'slowed',
    retryAfterSeconds: Math.ceil(waitMs / 1000),
  });
  function accept(client: string, known: Known): Authentication {
    attempts.succeed(client);
    return { kind: 'known', known };
  }

  async function findLogin({ user, password }: Login): Promise<Known | undefined> {
    const logins = (await book()).loginsOf(user);
    for (const known of logins) if (await isKeptSecret(password, known.credential)) return known;
    // How long it took must not tell which names there are.
    if (logins.length === 0) await isKeptSecret(password, NOBODYS_SECRET);
    return undefined;
  }

  async function look(login: Login): Promise<Authentication> {
    const { client, user, password } = login;
    const ownWaitMs = attempts.ownWaitMs(client);
    if (ownWaitMs > 0) return slowed(ownWaitMs);
    if (isSameSecret(password, writeToken)) {
      return accept(client, { principal: ADMIN, credential: writeToken });
    }
    const crowdWaitMs = attempts.crowdWaitMs(client);
    if (crowdWaitMs > 0) return slowed(crowdWaitMs);
    if (
      readCredential !== undefined &&
      isSameSecret(user, readCredential.user) &&
      isSameSecret(password, readCredential.password)
    ) {
      return accept(client, {
        principal: { kind: 'reader' },
        credential: credentialOfReader(readCredential),
      });
    }
    try {
      const isTooLong = Buffer.byteLength(password) > MAX_PASSWORD_BYTES;
      const known = isTooLong ? undefined : await findLogin(login);
      if (known !== undefined) return accept(client, known);
      attempts.fail(client);
      return { kind: 'wrong' };
    } catch (error) {
      if (error instanceof BusyError) return slowed(BUSY_MS);
      throw error;
    }
  }

  /** To look takes a while: of many tries at a time the later ones must wait for what the first ones come to. */
  const lanes = new Map<string, { readonly inTurn: InTurn; tries: number }>();
  return async (login) => {
    const lane = lanes.get(login.client) ?? { inTurn: createInTurn(), tries: 0 };
    lanes.set(login.client, lane);
    lane.tries += 1;
    try {
      return await lane.inTurn(() => look(login));
    } finally {
      lane.tries -= 1;
      if (lane.tries === 0) lanes.delete(login.client);
    }
  };
}
