// SPDX-License-Identifier: Apache-2.0
import { findBearerChallenge, parseChallenges } from '@local-datastore/shared/oci/challenge';
import { MAX_TOKEN_ANSWER_BYTES, readToken } from '@local-datastore/shared/oci/token-answer';
import { shownHost } from '../discovery/origin.ts';
import type { RenewAuthorization, Unauthorized } from '../transfer/download-request.ts';
import { RegistryError } from './errors.ts';
import type { FetchDocument } from './fetch-document.ts';
import { decideTokenRequest } from './token-service.ts';

export interface AuthorizationOptions {
  readonly registry: URL;
  readonly repository: string;
  /**
   * The value of `Authorization` that a person gave. `Basic …` is what a token is asked for with, or is sent itself
   * where the registry wants that; anything else is sent as it is.
   */
  readonly given: string | null;
  readonly ca: string | null;
  readonly allowsInternal: boolean;
}

/** What a registry is shown: nothing, until it wants something. */
export interface RegistryAuthorization {
  /** The value of `Authorization` by now. */
  readonly current: string | null;
  /** Whether a person gave something to show. */
  readonly isGiven: boolean;
  /** @throws RegistryError `ACCESS_DENIED`; what asking for a token throws */
  readonly renew: RenewAuthorization;
}

const isBasic = (value: string) => /^basic /i.test(value);

const denied = (message: string) => new RegistryError('ACCESS_DENIED', message);

/** @param fetchDocument how the token service is asked */
export function createRegistryAuthorization(
  fetchDocument: FetchDocument,
  options: AuthorizationOptions,
): RegistryAuthorization {
  const { registry, repository, given, ca, allowsInternal } = options;
  const credential = given !== null && isBasic(given) ? given : null;
  let current = credential === null ? given : null;
  let asking: Promise<string> | undefined;

  async function askForToken({ challenge, origin }: Unauthorized, signal: AbortSignal): Promise<string> {
    const bearer = findBearerChallenge(challenge ?? '');
    const host = shownHost(origin);
    if (bearer === undefined) throw denied(`${host} wants a credential of a kind that is not known here`);
    const facts = { registry, repository, allowsInternal, hasCredential: credential !== null };
    const place = { address: origin.address, isLocal: origin.bridgeName !== null };
    const decision = decideTokenRequest(bearer, { ...facts, ...place });
    if (decision.kind === 'refuse')
      throw denied(`no token is asked for on behalf of ${host}: ${decision.why}`);
    const { url } = decision;
    const answer = await fetchDocument(
      {
        ...{ url, ca, authorization: credential, accept: 'application/json' },
        ...{ maxBytes: MAX_TOKEN_ANSWER_BYTES, isDigestKnown: false },
      },
      signal,
    );
    if (answer.statusCode !== 200) {
      const what =
        credential === null ? 'gives nobody a token without a credential' : 'refuses the credential';
      throw denied(
        `${url.host} ${what} (${answer.statusCode}) for ${repository}: give one with --auth "Basic …"`,
      );
    }
    const token = readToken(answer.bytes.toString());
    if (token === null) throw denied(`${url.host} gives no token that could be used`);
    return `Bearer ${token}`;
  }

  return {
    isGiven: given !== null,
    get current() {
      return current;
    },
    async renew(refusal, signal) {
      // Somebody else who asked at the same time has one by now.
      if (current !== null && current !== refusal.refused) return current;
      const schemes = parseChallenges(refusal.challenge ?? '').map(({ scheme }) => scheme);
      if (!schemes.includes('bearer')) {
        if (!schemes.includes('basic') || credential === null || refusal.refused === credential) return null;
        current = credential;
        return current;
      }
      // What a person gave in place of a token is not to be replaced by one for nobody.
      if (given !== null && credential === null) return null;
      asking ??= askForToken(refusal, signal).finally(() => {
        asking = undefined;
      });
      current = await asking;
      return current;
    },
  };
}
